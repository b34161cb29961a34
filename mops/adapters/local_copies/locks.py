"""Locks between processes, which end with whoever holds them. Speaks paths and ``OSError``."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mops.adapters.files.drafts import close
from mops.adapters.files.identity import is_named

_PAUSES: Final = (0.001, 0.05)
"""Seconds between two attempts, at first and at last."""

_held: Final[set[int]] = set()
"""Descriptors of locks that are soon released."""


@contextmanager
def holding(path: str, patience: float, *, shared: bool = False, passing: bool = False) -> Iterator[None]:
    """Hold the lock on a file, which is made where it is missing, and where it is ``passing`` removed in the end.

    Threads of one process exclude each other as well.

    Raises:
        TimeoutError: somebody else has held it for that many seconds.
        OSError: the file cannot be made, or its file system has no locks.
    """
    fd = _acquire(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, patience)
    try:
        yield
    finally:
        if fd in _held:  # else we are a child, forked meanwhile, and the number may be another file's by now
            if passing:
                os.unlink(path)
            _release(fd)


def lock_for_life(path: str) -> int | None:
    """Lock a file, which exists, until the returned descriptor is closed here and in all children forked since.

    ``None`` if somebody else has it.
    """
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        close(fd)
        return None
    except BaseException:
        close(fd)
        raise
    return fd


def _acquire(path: str, operation: int, patience: float) -> int:
    deadline, pause = time.monotonic() + patience, _PAUSES[0]
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        _held.add(fd)
        try:
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
            if is_named(fd, path):
                return fd
        except BlockingIOError:
            pass
        except BaseException:
            _release(fd)
            raise
        _release(fd)
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, f"another process has held a lock for {patience:.0f} s", path)
        time.sleep(pause)
        pause = min(2 * pause, _PAUSES[1])


def _release(fd: int) -> None:
    """Unlock, not only close: a child that was forked meanwhile has the descriptor as well."""
    _held.discard(fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_UN)
    except OSError:
        pass
    close(fd)


def _let_go_in_child() -> None:
    """The locks stay with the parent: should it be killed, they must not live on here."""
    while _held:
        close(_held.pop())


os.register_at_fork(after_in_child=_let_go_in_child)
