"""What lies below a directory.

A symbolic link counts as what it leads to: a file wherever that is, a folder as long as it is in the directory. A link
to a folder elsewhere is refused, since that may be half of the machine, and so is one that leads back to a folder that
it is in. All names are bytes, as the file system has them.
"""

import errno
import os
import time
from stat import S_ISDIR, S_ISREG
from typing import Final, NamedTuple, TypeAlias

from mops.adapters.files.digests import SMALL
from mops.adapters.files.drafts import close
from mops.adapters.files.identity import SETTLED
from mops.adapters.files.reading import OPENING

_OWNER_RUNS: Final = 0o100

_Chain: TypeAlias = "tuple[bytes, _Chain | None]"
"""The true path of a folder, and those that it was reached by."""


class TreeFile(NamedTuple):
    """A file of a tree.

    Attributes:
        name: relative to the tree, joined by ``/``.
        path: where it is.
    """

    name: bytes
    path: bytes


class Tree(NamedTuple):
    """What lies below a directory.

    Attributes:
        files: sorted by name.
        empty_folders: sorted names of the folders without anything in them.
    """

    files: list[TreeFile]
    empty_folders: list[bytes]


def read_tree(directory: str) -> Tree:
    """List everything below a directory. No file is opened.

    Raises:
        OSError: with the path to what cannot be read, or is neither a file nor a folder that may be followed.
    """
    top = os.fsencode(directory)
    tree = Tree([], [])
    pending: list[tuple[bytes, bytes, _Chain]] = [(b"", top, (os.path.realpath(top), None))]
    while pending:
        prefix, path, chain = pending.pop()
        with os.scandir(path) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_file(follow_symlinks=False):
                tree.files.append(TreeFile(prefix + entry.name, entry.path))
                continue
            folder = _folder(entry, chain)
            if folder is None:
                tree.files.append(TreeFile(prefix + entry.name, entry.path))
            else:
                pending.append((prefix + entry.name + b"/", entry.path, (folder, chain)))
        if prefix and not found:
            tree.empty_folders.append(prefix[:-1])
    tree.files.sort()
    tree.empty_folders.sort()
    return tree


def settled_by_now() -> float:
    """What changed before this time did not change while it is read from now on."""
    return time.time() - SETTLED


def read_small(path: bytes, buffer: memoryview, settled: float) -> tuple[int, bool] | None:
    """Read a file that is small, and that nobody touched lately: with as little ado as can be.

    Args:
        path: of the file.
        buffer: ``SMALL`` bytes to read it into.
        settled: from ``settled_by_now``, before.

    Returns:
        How many bytes it has, and whether its owner may run it; ``None`` where it has to be read with more care.

    Raises:
        OSError: it cannot be read.
    """
    fd = os.open(path, OPENING)
    try:
        size = os.readv(fd, (buffer,))
        status = os.fstat(fd)
    finally:
        close(fd)
    if status.st_ctime < settled and size == status.st_size < SMALL and S_ISREG(status.st_mode):
        return size, runs(status)
    return None


def runs(status: os.stat_result) -> bool:
    """Whether the owner of a file may run it."""
    return bool(status.st_mode & _OWNER_RUNS)


def _folder(entry: "os.DirEntry[bytes]", chain: _Chain) -> bytes | None:
    """The true path of a folder; ``None`` for a file behind a symbolic link."""
    if entry.is_dir(follow_symlinks=False):
        return os.path.join(chain[0], entry.name)
    mode = os.stat(entry.path).st_mode  # through the link, or of what is no file
    if S_ISREG(mode):
        return None
    if not S_ISDIR(mode):
        raise OSError(errno.EINVAL, "is neither a file nor a folder", os.fsdecode(entry.path))
    folder = os.path.realpath(entry.path)
    above = _folders_of(chain)
    if folder in above:
        raise OSError(errno.ELOOP, "leads back to a folder that it is in", os.fsdecode(entry.path))
    if not folder.startswith(os.path.join(above[-1], b"")):
        raise OSError(errno.EINVAL, "leads to a folder outside of the directory", os.fsdecode(entry.path))
    return folder


def _folders_of(chain: "_Chain | None") -> list[bytes]:
    folders = []
    while chain is not None:
        folder, chain = chain
        folders.append(folder)
    return folders
