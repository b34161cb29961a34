"""Files and directories as arguments: hashing them, and directories of small files on their way."""

import random
import shutil
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path

from blake3 import blake3

from harness import FLOOR, OURS, Budget, Row, Sample, seconds, warm_up_memory
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.files.digests import file_digest
from mops.adapters.files.directories import PackedDirectories, SeenDirectory
from mops.core.blob_layout import content_key
from mops.core.files import LocalFile
from sample import MEBIBYTE

TAR = "tar"
FILES = 10_000


def large_file(folder: Path) -> Path:
    """2 GiB in the page cache."""
    path, block = folder / "large", random.Random(1).randbytes(64 * MEBIBYTE)
    with path.open("wb") as file:
        for _ in range(32):
            file.write(block)
    return path


def hash_mapped(folder: Path) -> Sample:
    """BLAKE3 itself, with two threads, on a map of the file."""
    path = large_file(folder)
    return lambda: seconds(lambda: blake3(max_threads=2).update_mmap(path).digest())


def hash_file(folder: Path) -> Sample:
    """The digest of a file that is never remembered, since somebody has it open for writing."""
    path = large_file(folder)
    writer = path.open("ab")
    return lambda: seconds(lambda: (writer.fileno(), file_digest(str(path))))


def small_files(folder: Path) -> Path:
    """Ten thousand files of 1 to 8 KiB, in forty folders."""
    top, numbers = folder / "small", random.Random(2)
    for number in range(FILES):
        path = top / str(number % 40) / f"{number}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbers.randbytes(numbers.randrange(1 << 10, 8 << 10)))
    return top


def tar_create(folder: Path) -> Sample:
    """One archive of them."""
    source, archive = small_files(folder), folder / "archive.tar"
    return lambda: at_rest(folder, lambda: run("tar", "cf", archive, "-C", source, "."))


def tar_extract(folder: Path) -> Sample:
    """The files of the archive."""
    archive = folder / "archive.tar"
    run("tar", "cf", archive, "-C", small_files(folder), ".")
    return into_new_folder(folder, lambda target: (target.mkdir(), run("tar", "xf", archive, "-C", target)))


def key_and_store(folder: Path) -> Sample:
    """Key a directory that was never looked at, and store it under a new root."""
    source = str(small_files(folder))

    def store_under(root: Path) -> None:
        store = LocalBlobStore(str(root))
        directory = LocalFile(source, "small", kind="directory")
        directory.seen = seen = SeenDirectory(source)
        directory.digest = seen.digest
        PackedDirectories().store(directory, lambda parts: store.put_content(content_key, *parts), unused)

    return into_new_folder(folder, store_under)


def fetch(folder: Path) -> Sample:
    """Build the directory from the store."""
    source, store = str(small_files(folder)), LocalBlobStore(str(folder / "root"))
    directory = LocalFile(source, "small", kind="directory")
    digest, _ = PackedDirectories().store(directory, lambda parts: store.put_content(content_key, *parts), unused)

    def build(target: Path) -> None:
        read = lambda digest: store.get_content(content_key(digest), digest)  # noqa: E731
        assert PackedDirectories().fetch(digest, str(target), read, unused)

    return into_new_folder(folder, build)


def into_new_folder(folder: Path, step: Callable[[Path], object]) -> Sample:
    """Measure what fills a folder that is not there yet."""
    numbers = count()

    def sample() -> float:
        target = folder / f"target{next(numbers)}"
        taken = at_rest(folder, lambda: step(target))
        shutil.rmtree(target)
        return taken

    return sample


def at_rest(folder: Path, step: Callable[[], object]) -> float:
    """Measure while the disk has nothing left to write from before, and memory for the files is at hand."""
    run("sync", "-f", folder)
    warm_up_memory(256 * MEBIBYTE)
    return seconds(step)


def unused(*_: object) -> bool:
    """No file is so large that it travels alone."""
    raise AssertionError


def run(*command: object) -> None:
    """Run a tool of the system."""
    subprocess.run([str(word) for word in command], check=True)


ROWS = [
    Row("2 GiB file: hash", Budget(1.25, FLOOR), 7, {FLOOR: hash_mapped, OURS: hash_file}),
    Row("10,000 small files: key and store", Budget(2, TAR), 7, {TAR: tar_create, OURS: key_and_store}),
    Row("10,000 small files: fetch", Budget(2, TAR), 7, {TAR: tar_extract, OURS: fetch}),
]
