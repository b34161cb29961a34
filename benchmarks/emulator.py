"""The emulator of Azure Blob Storage that the tests use: started for the first row that needs it."""

import os
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from harness import Contestant

RUNNING = ExitStack()
"""What runs, until this is closed."""


def on_azure(prepare: Contestant) -> Contestant:
    """Have the emulator run, and the environment say where, before a contestant prepares."""

    def prepared(folder: Path) -> Any:
        emulator()
        return prepare(folder)

    return prepared


@cache
def emulator() -> Any:
    """The running emulator, which keeps blobs in the working directory."""
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    from tests.services.azurite import ACCOUNT, azurite

    started = RUNNING.enter_context(azurite(Path.cwd() / "azurite"))
    os.environ.update(
        started.environment,
        AZURE_STORAGE_USE_EMULATOR="true",
        AZURITE_BLOB_STORAGE_URL=started.url.removesuffix(f"/{ACCOUNT}"),
    )
    return started
