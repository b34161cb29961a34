"""Roots in Azure Blob Storage, on Microsoft's emulator, beside the SDK's own uploads and downloads.

Time on the emulator is the emulator's; what of it goes over to a real account are requests, and the CPU of the client.
thds.mops has no part in it: its addresses and credentials are those of real accounts, and it writes through their
DFS endpoint, which the emulator does not have.
"""

import io
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import process_time
from typing import Any

from emulator import on_azure

from contestants import azure_sdk, mops_azure
from contestants.small_function import add_one
from harness import Budget, Contestant, Row, Sample, in_fresh_process, seconds
from rows.large import store
from rows.operations import operations_of_mops
from sample import MEBIBYTE, file_there, large_array, write_file

Memoize = Callable[[Path, Callable[..., Any]], Any]

SMALL = os.urandom(1000)  # a claim, or a small result
TIMES = 200
LARGE = 2048 * MEBIBYTE
HERE = "import os, sys; from pathlib import Path; folder = Path(sys.argv[1]); "
FIRST_GET = (
    HERE
    + """
os.environ["XDG_CACHE_HOME"] = sys.argv[2]
import sample
from contestants.mops_azure import memoize
from harness import seconds
small, large = (memoize(folder, function) for function in (sample.small_array, sample.{function}))
small(3), small(3)
print(seconds(lambda: large({argument})))
assert not sample.large_array_was_made() and not sample.file_was_there
"""
)
SDK_GET = (
    HERE
    + """
from contestants.azure_sdk import AT_ONCE, blob
from harness import seconds
whole, small = blob(folder), blob(folder, "small")
small.download_blob().readall()
def read_array(): whole.download_blob(max_concurrency=AT_ONCE).readall()
def read_file():
    with open(sys.argv[2], "wb") as file:
        whole.download_blob(max_concurrency=AT_ONCE).readinto(file)
print(seconds({step}))
"""
)


def requests_of(how: str, argument: int) -> Contestant:
    """Requests over the network by one call, heartbeats and looks while waiting apart."""
    return lambda folder: operations_of_mops(how, argument, mops_azure.root_of(folder))(folder)


def cpu(step: Callable[[], object]) -> float:
    """Seconds of all threads of this process that one of many steps takes."""
    began = process_time()
    for _ in range(TIMES):
        step()
    return (process_time() - began) / TIMES


def read_by_mops(scheme: str) -> Contestant:
    """CPU to read a small blob through a store of mops."""

    def prepare(folder: Path) -> Sample:
        blobs = store_of(folder, scheme)
        blobs.put_if_absent("blob", SMALL)
        blobs.get("blob")
        return lambda: cpu(lambda: blobs.get("blob"))

    return prepare


def create_by_mops(scheme: str) -> Contestant:
    """CPU to create a small blob through a store of mops."""

    def prepare(folder: Path) -> Sample:
        blobs, numbers = store_of(folder, scheme), count()
        blobs.put_if_absent("first", SMALL)
        return lambda: cpu(lambda: blobs.put_if_absent(str(next(numbers)), SMALL))

    return prepare


def store_of(folder: Path, scheme: str) -> Any:
    """A store of mops."""
    from mops.api.locate import locate_blob_store

    return locate_blob_store(mops_azure.root_of(folder, scheme))


def read_bare(folder: Path) -> Sample:
    """CPU to read a small blob."""
    blob = azure_sdk.blob(folder)
    blob.upload_blob(SMALL)
    return lambda: cpu(lambda: blob.download_blob().readall())


def create_bare(folder: Path) -> Sample:
    """CPU to create a small blob."""
    numbers = count()
    container = azure_sdk.blob(folder)._get_container_client()  # noqa: SLF001 - shares its connections
    return lambda: cpu(lambda: container.upload_blob(f"{folder.parent.name}/{next(numbers)}", SMALL))


def call(memoize: Memoize, *, again: bool) -> Contestant:
    """Seconds of one call of a small function."""

    def prepare(folder: Path) -> Sample:
        function, numbers = memoize(folder, add_one), count(step=0 if again else 1)
        function(next(numbers))
        return lambda: seconds(lambda: function(next(numbers)), 20)

    return prepare


def store_array_bare(folder: Path) -> Sample:
    """Upload the array."""
    blob, salts = azure_sdk.blob(folder), count()

    def sample() -> float:
        data = io.BytesIO(large_array(next(salts)).tobytes())
        return seconds(lambda: blob.upload_blob(data, overwrite=True, max_concurrency=azure_sdk.AT_ONCE))

    return sample


def large_file(folder: Path, salt: int) -> Path:
    """Write a file that nobody has stored yet."""
    return write_file(folder / "large", LARGE, salt)


def store_file(memoize: Memoize) -> Contestant:
    """A miss whose result is a file that was never stored before."""

    def prepare(folder: Path) -> Sample:
        function, salts = memoize(folder, file_there), count()

        def sample() -> float:
            salt = next(salts)
            path = large_file(folder, salt)
            return seconds(lambda: function(str(path), salt))

        return sample

    return prepare


def store_file_bare(folder: Path) -> Sample:
    """Upload a file."""
    blob, salts = azure_sdk.blob(folder), count()

    def upload(path: Path) -> None:
        with path.open("rb") as file:
            blob.upload_blob(file, overwrite=True, max_concurrency=azure_sdk.AT_ONCE)

    def sample() -> float:
        path = large_file(folder, next(salts))
        return seconds(lambda: upload(path))

    return sample


def first_get(function: str, argument: str, fill: Callable[[Path], object]) -> Contestant:
    """The first hit of a process on a machine that has no copy."""

    def prepare(folder: Path) -> Sample:
        fill(folder)
        caches = count()
        program = FIRST_GET.format(function=function, argument=argument)
        return lambda: in_fresh_process(program, folder, folder / f"copies{next(caches)}")

    return prepare


def get_bare(step: str, fill: Callable[[Path], object]) -> Contestant:
    """Download the same by the SDK, in a process that has a connection."""

    def prepare(folder: Path) -> Sample:
        fill(folder)
        azure_sdk.blob(folder, "small").upload_blob(SMALL)
        return lambda: in_fresh_process(SDK_GET.format(step=step), folder, folder / "copy")

    return prepare


def azure_row(
    name: str, budget: Budget | None, rounds: int, contestants: dict[str, Contestant], unit: str = "s"
) -> Row:
    """A row whose contestants need the emulator."""
    return Row(name, budget, rounds, {who: on_azure(prepare) for who, prepare in contestants.items()}, unit)


def memoizers(contestant: Callable[[Memoize], Contestant]) -> dict[str, Contestant]:
    """What runs a call through the SDK, and through obstore."""
    return {"obstore": contestant(mops_azure.by_obstore), "mops": contestant(mops_azure.memoize)}


def fill_array(folder: Path) -> None:
    """Store the array by mops, in a process of its own."""
    program = HERE + (
        "import sample; from contestants.mops_azure import memoize; "
        "print(memoize(folder, sample.large_array)(0).nbytes)"
    )
    in_fresh_process(program, folder)


def fill_file(folder: Path) -> None:
    """Store the file by mops, in a process of its own."""
    program = HERE + (
        "import sample; from contestants.mops_azure import memoize; "
        f"path = sample.write_file(folder / 'large', {LARGE}); "
        "print(memoize(folder, sample.file_there)(str(path), 0).stat().st_size)"
    )
    in_fresh_process(program, folder)


ROWS = [
    azure_row("Azure: requests of a hit", Budget(1), 1, {"mops": requests_of("in_thread", 1)}, ""),
    azure_row("Azure: requests of a miss, same thread", Budget(3), 1, {"mops": requests_of("in_thread", 2)}, ""),
    azure_row("Azure: requests of a miss, new subprocess", Budget(7), 1, {"mops": requests_of("in_subprocess", 2)}, ""),
    azure_row(
        "Azure: CPU of reading a small blob",
        Budget(1.2, "SDK"),
        5,
        {"SDK": read_bare, "obstore": read_by_mops("az"), "mops": read_by_mops("adls")},
    ),
    azure_row(
        "Azure: CPU of creating a small blob",
        Budget(1.2, "SDK"),
        5,
        {"SDK": create_bare, "obstore": create_by_mops("az"), "mops": create_by_mops("adls")},
    ),
    azure_row("Azure: hit", None, 5, memoizers(lambda memoize: call(memoize, again=True))),
    azure_row("Azure: miss, same thread", None, 5, memoizers(lambda memoize: call(memoize, again=False))),
    azure_row(
        "Azure: 256 MiB array, store",
        Budget(1.2, "SDK"),
        3,
        {"SDK": store_array_bare, **memoizers(store)},
    ),
    azure_row(
        "Azure: 256 MiB array, first get of a process",
        Budget(1.2, "SDK"),
        3,
        {
            "SDK": get_bare("read_array", lambda folder: store_array_bare(folder)()),
            "mops": first_get("large_array", "0", fill_array),
        },
    ),
    azure_row(
        "Azure: 2 GiB file, store",
        Budget(1.2, "SDK"),
        1,
        {"SDK": store_file_bare, "mops": store_file(mops_azure.memoize)},
    ),
    azure_row(
        "Azure: 2 GiB file, first get of a machine",
        Budget(1.2, "SDK"),
        1,
        {
            "SDK": get_bare("read_file", lambda folder: store_file_bare(folder)()),
            "mops": first_get("file_there", "str(folder / 'large'), 0", fill_file),
        },
    ),
]
