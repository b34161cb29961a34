"""A file of 2 GiB on its way into a store and out of it. The floor is ``cp``."""

import os
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path

from harness import FLOOR, OURS, Budget, Row, Sample, in_fresh_process, seconds, warm_up_memory
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.files.digests import file_digest
from sample import MEBIBYTE

SIZE = 2048 * MEBIBYTE

PEAK = """
import re, sys
from pathlib import Path
from mops.adapters.blob_stores.local import LocalBlobStore
root, path, digest, operation = sys.argv[1:]
assert getattr(LocalBlobStore(root), operation)("blob", path, bytes.fromhex(digest))
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""


def original(folder: Path) -> Path:
    """A file that lies in the page cache."""
    path, block = folder / "original", os.urandom(64 * MEBIBYTE)
    with path.open("wb") as file:
        for _ in range(SIZE // len(block)):
            file.write(block)
    return path


def store_and_sync(folder: Path) -> Sample:
    """Store a file of known digest, and have it survive a power failure."""
    path, store, numbers = original(folder), LocalBlobStore(str(folder / "root")), count()
    digest = file_digest(str(path)).digest

    def sample() -> float:
        key = f"blob/{next(numbers)}"
        taken = with_memory(lambda: (store.put_file_if_absent(key, str(path), digest), store.sync(key)))
        store.delete(key)
        return taken

    return sample


def copy_and_sync(folder: Path) -> Sample:
    """The same with the tools of the system."""
    path = original(folder)
    copy = folder / "copy"

    def sample() -> float:
        taken = with_memory(lambda: (run("cp", path, copy), run("sync", copy)))
        copy.unlink()
        return taken

    return sample


def fetch(folder: Path) -> Sample:
    """Bring a verified copy."""
    path, store = original(folder), LocalBlobStore(str(folder / "root"))
    digest, copy = file_digest(str(path)).digest, folder / "copy"
    store.put_file_if_absent("blob", str(path), digest)

    def sample() -> float:
        taken = with_memory(lambda: store.get_file("blob", str(copy), digest))
        copy.unlink()
        return taken

    return sample


def copy(folder: Path) -> Sample:
    """Copy it, unverified."""
    path, target = original(folder), folder / "copy"

    def sample() -> float:
        taken = with_memory(lambda: run("cp", path, target))
        target.unlink()
        return taken

    return sample


def peak(folder: Path, *, fetching: bool) -> Sample:
    """The most memory that a process needs that stores it, or fetches it."""
    path, root, copy = original(folder), folder / "root", folder / "copy"
    digest = file_digest(str(path)).digest
    if fetching:
        LocalBlobStore(str(root)).put_file_if_absent("blob", str(path), digest)
        return lambda: in_fresh_process(PEAK, root, copy, digest.hex(), "get_file")
    return lambda: in_fresh_process(PEAK, root, path, digest.hex(), "put_file_if_absent")


def with_memory(step: Callable[[], object]) -> float:
    """Measure while the disk has nothing left to write from before, and memory for the copy is at hand."""
    os.sync()
    warm_up_memory(SIZE + 512 * MEBIBYTE)
    return seconds(step)


def run(*command: object) -> None:
    """Run a tool of the system."""
    subprocess.run([str(word) for word in command], check=True)


ROWS = [
    Row(
        "2 GiB file of known digest: store and sync",
        Budget(1.25, FLOOR),
        5,
        {FLOOR: copy_and_sync, OURS: store_and_sync},
    ),
    Row("2 GiB file: fetch", None, 5, {FLOOR: copy, OURS: fetch}),
    Row(
        "2 GiB file: memory to store it",
        Budget(64 * MEBIBYTE),
        1,
        {OURS: lambda folder: peak(folder, fetching=False)},
        "B",
    ),
    Row(
        "2 GiB file: memory to fetch it",
        Budget(64 * MEBIBYTE),
        1,
        {OURS: lambda folder: peak(folder, fetching=True)},
        "B",
    ),
]
