"""What a directory looks like: the digest of everything in it."""

import os
import stat
from collections.abc import Iterator

from blake3 import blake3

from mops.adapters.files.digests import file_digest
from mops.adapters.files.reading import regular


def seal_of(folder: str, *, make_read_only: bool = False) -> str:
    """The bytes that all files of a directory take, and the digest of their names, contents and modes, as text.

    Raises:
        OSError: it cannot be read, or there is something in it that is neither a file nor a directory.
        FileChanged: somebody changed it meanwhile.
    """
    hasher, total = blake3(), 0
    for path, status in _walk(folder):
        name = os.fsencode(path[len(folder) :])
        if make_read_only:
            mode = _read_only(status)
            if stat.S_IMODE(status.st_mode) != mode:
                os.chmod(path, mode)
        if stat.S_ISDIR(status.st_mode):
            hasher.update(b"d%s\0" % name)
            continue
        regular(status)
        found = file_digest(path)
        hasher.update(b"%s%s\0%s" % (b"x" if status.st_mode & stat.S_IXUSR else b"f", name, found.digest))
        total += found.size
    return f"{total} {hasher.hexdigest()}"


def _read_only(status: os.stat_result) -> int:
    if stat.S_ISDIR(status.st_mode):
        return 0o755
    return 0o555 if status.st_mode & stat.S_IXUSR else 0o444


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Everything in a directory and the directory itself, in an order that is always the same."""
    folders = [folder]
    while folders:
        path = folders.pop()
        yield path, os.lstat(path)
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                folders.append(entry.path)
            else:
                yield entry.path, status
