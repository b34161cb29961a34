"""The emulator of Azure Blob Storage, as tests use it."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # everybody's
CONTAINER = "shared"

_UNTIL_INPUT_ENDS = '"$@" & cat >/dev/null; kill $!'  # nothing is left behind where the tests are killed
_OPTIONS = ("--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry", "--silent")


class Azurite:
    """A running emulator, with an empty container.

    Attributes:
        url: address of its account.
        environment: what a process needs to use it.
    """

    def __init__(self, url: str) -> None:
        from azure.storage.blob import ContainerClient

        self.url = f"{url}/{ACCOUNT}"
        self.connection = (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.url};"
        )
        self.environment = {"AZURE_STORAGE_CONNECTION_STRING": self.connection}
        self.container = ContainerClient.from_connection_string(self.connection, CONTAINER)
        self.container.create_container()


@contextmanager
def azurite(folder: Path | None = None, options: Sequence[str] = ()) -> Iterator[Azurite]:
    """Start the emulator, and stop it in the end. Fails where ``make test`` has not installed it.

    Args:
        folder: where it keeps blobs; in its memory by default.
        options: more of its own.
    """
    where = ["--inMemoryPersistence"] if folder is None else ["--location", str(folder)]
    process = subprocess.Popen(
        ["sh", "-c", _UNTIL_INPUT_ENDS, "sh", _program(), *_OPTIONS, *options, *where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            addresses = (line.split()[-1] for line in process.stdout if "successfully listen" in line)
            yield Azurite(next(addresses))
        finally:
            process.stdin.close()
            process.stdout.read()  # what it says in the end


def _program() -> str:
    here = Path(__file__).resolve().parents[2]
    installed = os.environ.get("MOPS_TEST_AZURITE", here / ".cache" / "azurite")
    program = Path(installed) / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        raise RuntimeError(f"{program} is missing: make test installs it")
    return str(program)
