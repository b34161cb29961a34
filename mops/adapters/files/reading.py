"""Reading a file whole: in one call where it is small, mapped where it is large and that is safe."""

import errno
import os
import stat
from functools import lru_cache

from mops.core.ports.blob_store import Buffer

MAPPED_FROM = 4 << 20
"""Bytes from which a map beats reading; below, reading is faster and a hit needs no page faults."""

OPENING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
"""How to open what should be a file: where it is a named pipe or a terminal, nobody must wait for its other end."""

_FIRST_READ = 1 << 16  # bytes: most blobs are smaller, and are read without asking for their size
_PAGE = 4096  # bytes; no system has smaller pages
_MOUNTS = "/proc/self/mountinfo"
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "lustre", "afs", "gpfs", "beegfs", "virtiofs", "fuse")


def read(fd: int) -> Buffer:
    """Read an open file whole, which nobody writes to any more. ``OSError`` for what is no regular file."""
    content = os.read(fd, _FIRST_READ)
    # Less than was asked for is most often the end, but may be an error in the middle, at the border of a page, which
    # the next read tells. A pipe or a device hides behind an end at once, or behind no end: only then is the kind of
    # the file asked for.
    if content and (len(content) < _PAGE or (len(content) < _FIRST_READ and not os.read(fd, 1))):
        return content
    return _read_large(fd)


def regular(status: os.stat_result) -> os.stat_result:
    """The status of an open file, if it is a regular one; else ``OSError``."""
    if not stat.S_ISREG(status.st_mode):
        code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
        raise OSError(code, os.strerror(code))
    return status


def is_mapped(status: os.stat_result) -> bool:
    """Whether ``read`` maps a regular file: it is large, and its file system is local.

    On a network file system a map would fetch page by page, and kill the process by SIGBUS when the server goes away.
    """
    return status.st_size >= MAPPED_FROM and _is_local(status.st_dev)


def _read_large(fd: int) -> Buffer:
    status = regular(os.fstat(fd))
    mapped = None
    if is_mapped(status):
        from mops.adapters.files.mapping import map_file  # which small blobs do without

        mapped = map_file(fd, status.st_size)
    return _read(fd, status.st_size) if mapped is None else mapped


def _read(fd: int, size: int) -> Buffer:
    buffer = bytearray(size)
    at = 0
    with memoryview(buffer) as view:
        os.lseek(fd, 0, os.SEEK_SET)
        while at < size:
            count = os.readv(fd, [view[at:]])
            if not count:
                break
            at += count
    return memoryview(buffer)[:at]


@lru_cache(maxsize=64)
def _is_local(device: int) -> bool:
    """Whether a device is known not to be across a network. What is not listed (Btrfs subvolumes) is local."""
    numbers = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
            kinds = [line.partition(" - ")[2].split(" ", 1)[0] for line in mounts if line.split(" ", 3)[2] == numbers]
    except OSError:
        return False  # not Linux: reading is slower, and right everywhere
    return not any(kind.partition(".")[0] in _NETWORK for kind in kinds)
