"""Drafts: files that are being written and that nobody sees.

On most Linux file systems a draft has no name until it is linked (``O_TMPFILE``), so that a killed process leaves
nothing behind. Elsewhere it needs one.
"""

import errno
import os
from collections.abc import Callable, Sequence

from mops.core.ports.blob_store import Buffer

ANONYMOUS = getattr(os, "O_TMPFILE", 0)  # macOS has none
UNSUPPORTED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS)
"""What file systems say that have no nameless files."""

_CHUNK = 64 << 20  # macOS refuses to write 2 GiB and more at once,
_CHUNKS = 16  # in one buffer or in several


class AnonymousDraft:
    """A file without a name."""

    __slots__ = ("fd",)

    def __init__(self, directory: str) -> None:
        self.fd = os.open(directory, ANONYMOUS | os.O_RDWR, 0o666)

    def publish(self, path: str) -> None:
        """Give the file its name; raises ``FileExistsError`` if that is taken."""
        # Without a directory descriptor CPython calls plain link(), which does not follow the link in /proc. The
        # source is absolute, so any descriptor will do.
        os.link(f"/proc/self/fd/{self.fd}", path, src_dir_fd=self.fd, follow_symlinks=True)

    def close(self) -> None:
        """Let go of the file: what was not published is gone."""
        close(self.fd)


def reserve(fd: int, size: int) -> None:
    """Reserve space for an empty file, which makes writing faster, and a full disk known before it."""
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise


def write(fd: int, parts: Sequence[Buffer], advance: Callable[[int], None] | None = None) -> None:
    """Write all parts, in as many steps as it takes, without joining them. ``advance`` is told of the bytes."""
    if advance is None and len(parts) <= _CHUNKS and (size := sum(map(len, parts))) <= _CHUNK:
        if os.writev(fd, parts) == size:  # as ever
            return
        os.lseek(fd, 0, os.SEEK_SET)
    chunks = [memoryview(part)[at : at + _CHUNK] for part in parts for at in range(0, len(part), _CHUNK)]
    first, step = 0, _CHUNKS if advance is None else 1
    while first < len(chunks):
        written = os.writev(fd, chunks[first : first + step])
        if advance is not None:
            advance(written)
        while first < len(chunks) and written >= len(chunks[first]):
            written -= len(chunks[first])
            first += 1
        if written:
            chunks[first] = chunks[first][written:]


def close(fd: int) -> None:
    """Close a descriptor. An error is no news: it is closed anyway, and what matters was flushed before."""
    try:  # suppress() would cost a tenth of reading a small blob
        os.close(fd)
    except OSError:
        pass
