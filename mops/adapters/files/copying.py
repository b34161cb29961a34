"""Copying one file into another without holding it in memory, and hashing the copy while it grows.

What is hashed is the copy, as it is read back: so the digest is that of the bytes that were written, whatever becomes
of the source meanwhile. Where the file system shares blocks between files, the copy is a clone, made at once. Else the
kernel copies from file to file where it can, which needs no memory of this process, and this process where it cannot.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Final

from blake3 import blake3

from mops.adapters.files.drafts import close, reserve
from mops.adapters.files.reading import OPENING, regular
from mops.core.errors import FileChanged
from mops.core.ports.transfers import Advance

_CLONE: Final = 0x40049409  # FICLONE of linux/fs.h
_COPIED_AT_ONCE: Final = 4 << 20  # bytes
_READ_AT_ONCE: Final = 256 << 10  # what was read is hashed, or written, while it is in the processor's cache
_HASHED_BESIDE: Final = 1 << 20  # a thread costs more than hashing less than this
_WRITTEN_BACK: Final = 64 << 20  # less is at the disk in a moment
_WRITTEN_BACK_AT_ONCE: Final = 8 << 20


class UnreadableSource(Exception):
    """The file that is to be copied cannot be read.

    Attributes:
        reason: why.
    """

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def source(path: str) -> Iterator[int]:
    """Open the file that is to be copied, if it is a regular one: nothing else does anything, or waits, when opened.

    Raises:
        UnreadableSource: it cannot be opened.
    """
    try:
        regular(os.stat(path))
        fd = os.open(path, OPENING)
    except OSError as error:
        raise UnreadableSource(error) from error
    try:
        yield fd
    finally:
        close(fd)


def hashed_pieces(
    source: int, path: str, left: int, size: int, digest: bytes, advance: Advance | None = None
) -> Iterator[bytes]:
    """The content of a file that was just opened, in pieces of a size, for whoever sends it away.

    Args:
        source: at its start.
        path: of the file, for errors.
        left: bytes that count, or as many as there are.
        size: of a piece, in bytes.
        digest: of the content. The last piece is withheld where it is another: so no one holds all of what is wrong.
        advance: is told of the bytes that were read.

    Raises:
        FileChanged: the digest is another.
        UnreadableSource: the file cannot be read.
    """
    hasher, held = blake3(), b""
    while left > 0:
        try:
            piece = os.read(source, min(size, left))
        except OSError as error:
            raise UnreadableSource(error) from error
        if not piece:
            break
        hasher.update(piece)
        left -= len(piece)
        if advance is not None:
            advance(len(piece))
        if held:
            yield held
        held = piece
    if hasher.digest() != digest:
        raise FileChanged.told_by(path)
    if held:
        yield held


def copy(source: int, target: int, *, reserving: bool, advance: Advance | None = None) -> bytes:
    """Copy a file that was opened for reading into an empty one that was opened for reading and writing.

    Copies no more than the source has in the beginning, and less if it shrinks.

    Args:
        source: at its start.
        target: at its start.
        reserving: whether the file system of the target can reserve space.
        advance: is told of the bytes.

    Returns:
        The 32 bytes of BLAKE3 over the copy.

    Raises:
        UnreadableSource: the source is no regular file, or cannot be read.
        OSError: the target cannot be written, or not be read back.
    """
    try:
        size = regular(os.fstat(source)).st_size
    except OSError as error:
        raise UnreadableSource(error) from error
    if _clone(source, target):
        return _digest(target, (os.fstat(target).st_size,), advance)
    if reserving:
        reserve(target, size)
    moved = _move(source, target, size)
    if size >= _WRITTEN_BACK and hasattr(os, "posix_fadvise"):
        moved = _writing_back(target, moved)
    return (_digest if size < _HASHED_BESIDE else _digest_beside)(target, moved, advance)


def _clone(source: int, target: int) -> bool:
    """Let the target share all blocks of the source, if the file system can."""
    import fcntl

    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError:
        return False
    return True


def _move(source: int, target: int, size: int) -> Iterator[int]:
    """Copy so many bytes, and yield how far the target has come, again and again."""
    at = 0
    for way in (_through_the_kernel, _through_memory):
        for count in way(source, target, size - at):
            at += count
            yield at
    if at < size:  # the source has shrunk, and more was reserved
        os.ftruncate(target, at)


def _through_the_kernel(source: int, target: int, left: int) -> Iterator[int]:
    """Copy up to so many bytes, and stop where this does not work: reading and writing will tell why."""
    while left > 0:
        try:
            count = os.copy_file_range(source, target, min(left, _COPIED_AT_ONCE))
        except (AttributeError, OSError):  # macOS has none, and many pairs of file systems neither
            return
        if not count:
            return
        left -= count
        yield count


def _through_memory(source: int, target: int, left: int) -> Iterator[int]:
    buffer = memoryview(bytearray(min(left, _READ_AT_ONCE)))
    while left > 0:
        try:
            count = os.readv(source, [buffer[:left]])
        except OSError as error:
            raise UnreadableSource(error) from error
        if not count:
            return
        at = 0
        while at < count:
            at += os.writev(target, [buffer[at:count]])
        left -= count
        yield count


def _writing_back(target: int, ends: Iterator[int]) -> Iterator[int]:
    """Have the system begin to write to the disk what was copied: a sync that follows finds most of it done.

    In a thread that nobody waits for: a slow disk makes it wait.
    """
    reached: SimpleQueue[int | None] = SimpleQueue()
    arguments = os.dup(target), iter(reached.get, None)
    threading.Thread(target=_write_back, args=arguments, name="mops-write-back", daemon=True).start()
    try:
        for end in ends:
            reached.put(end)
            yield end
    finally:
        reached.put(None)


def _write_back(fd: int, ends: Iterator[int]) -> None:
    at = 0
    try:
        for end in ends:
            if end - at >= _WRITTEN_BACK_AT_ONCE:
                # Starts to write what is dirty, and forgets of these pages only those that were written before.
                os.posix_fadvise(fd, at, end - at, os.POSIX_FADV_DONTNEED)
                at = end
    except OSError:
        pass  # it was but advice
    finally:
        close(fd)


def _digest(fd: int, ends: Iterable[int], advance: Advance | None) -> bytes:
    """Hash a file that grows, up to each of the ends, the last of which is its own."""
    hasher, at = blake3(), 0
    buffer = memoryview(bytearray(_READ_AT_ONCE))
    for end in ends:
        while at < end:
            count = os.preadv(fd, [buffer[: end - at]], at)
            if not count:
                raise OSError(errno.EIO, "what was written cannot be read back")
            hasher.update(buffer[:count])
            at += count
            if advance is not None:
                advance(count)
    return bytes(hasher.digest())


def _digest_beside(fd: int, ends: Iterator[int], advance: Advance | None) -> bytes:
    """As ``_digest``, in another thread, while this one goes through the ends."""
    reached: SimpleQueue[int | None] = SimpleQueue()
    hashing = _Hashing(partial(_digest, fd, iter(reached.get, None), advance))
    hashing.start()
    try:
        for end in ends:
            reached.put(end)
            if hashing.failure is not None:
                break
    finally:
        reached.put(None)
        hashing.join()
    return hashing.result()


class _Hashing(threading.Thread):
    """A thread that computes a digest, or fails."""

    def __init__(self, compute: Callable[[], bytes]) -> None:
        super().__init__(name="mops-hash", daemon=True)
        self._compute = compute
        self._digest = b""
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._digest = self._compute()
        except BaseException as error:  # noqa: BLE001 - raised by result(), in the thread that asks
            self.failure = error

    def result(self) -> bytes:
        """The digest, once the thread has ended."""
        if self.failure is not None:
            raise self.failure
        return self._digest
