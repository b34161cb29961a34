"""Directories that were fetched: verified once a process while nothing in them changes."""

import os
import time
from collections.abc import Iterator
from stat import S_IMODE, S_ISDIR, S_ISREG
from typing import Final

from blake3 import blake3

from mops.adapters.files.directories import directory_digest
from mops.adapters.files.identity import SETTLED

_READABLE: Final = 0o555
_WRITABLE: Final = 0o222
_REMEMBERED: Final = 1000

_known: dict[bytes, bytes] = {}  # digests of directories by what they look like, of this process


def holds(folder: str, digest: bytes) -> bool:
    """Whether a directory has that digest.

    As long as no name, inode, mode, size or time below it changes, its files are not read again: nobody can set the
    time of a change back. Only what is younger than two seconds may change unseen, by a coarse clock.

    Raises:
        FileChanged: somebody changed it meanwhile.
        OSError: it is not there, or cannot be read.
    """
    settled = time.time() - SETTLED
    look, last = _look(folder)
    if _known.get(look) == digest:
        return True
    if directory_digest(folder) != digest:
        return False
    if last < settled:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[look] = digest
    return True


def make_read_only(folder: str) -> int:
    """Take the permission to write from all files of a directory; how many bytes they have."""
    size = 0
    for path, status in _walk(folder):
        if S_ISREG(status.st_mode):
            size += status.st_size
            if status.st_mode & _WRITABLE:
                os.chmod(path, S_IMODE(status.st_mode) & _READABLE)
    return size


def _look(folder: str) -> tuple[bytes, float]:
    """What a directory looks like without opening a file of it, and when something was changed last."""
    hasher, last = blake3(), 0.0
    for path, status in _walk(folder):
        known = status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        hasher.update(b"%s\0%d %d %d %d %d %d\n" % (os.fsencode(path), *known))
        # What a link leads to changes unseen.
        last = max(last, status.st_ctime if S_ISREG(status.st_mode) or S_ISDIR(status.st_mode) else float("inf"))
    return hasher.digest(), last


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """A directory and everything below it, in the order of the file system."""
    yield folder, os.lstat(folder)
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                yield entry.path, status
                if S_ISDIR(status.st_mode):
                    folders.append(entry.path)
