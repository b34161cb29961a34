"""Drafts that have a name, under ``<root>/~tmp``, which no key can name.

A process has one fixed name for creating, one for replacing and one for what is large, so a kill leaves at most these,
and neither a claim nor a heartbeat waits behind an upload. Who uses a name holds ``flock`` on its file; the next
process removes every file whose lock it gets.

The rule that makes this safe: a name is used again only by a process that unlinked it itself while it held the lock.
A process that loses its lock to a sweeper, or finds its name taken, leaves that file to others and takes a new name.
"""

import errno
import fcntl
import os
import threading
from contextlib import suppress

from mops.adapters.files.drafts import close
from mops.adapters.files.identity import is_named

_ATTEMPTS = 8


class _Process:
    """The names and the locks of this process. A forked child gets its own: nobody in it could release its parent's."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.token = os.urandom(8).hex()
        self.locks: dict[str, threading.Lock] = {}
        self.swept: set[str] = set()


_process = _Process()
os.register_at_fork(after_in_child=_process.begin)


def directory_of(root: str) -> str:
    """Where the named drafts of a root are."""
    return os.path.join(root, "~tmp")


class NamedDraft:
    """A file with a temporary name. One thread at a time has the one of a root and purpose; others wait here."""

    def __init__(self, root: str, purpose: str) -> None:
        directory = directory_of(root)
        self._lock = _process.locks.setdefault(f"{directory}/{purpose}", threading.Lock())
        self._lock.acquire()
        try:
            if root not in _process.swept:
                _process.swept.add(root)
                sweep(directory)
            self.fd, self._path = _open(directory, purpose)
        except BaseException:
            self._lock.release()
            raise

    def publish(self, path: str) -> None:
        """Give the file its final name; raises ``FileExistsError`` if that is taken."""
        # Only file systems without O_TMPFILE come here, and a network file system reports at fsync what it could not
        # write, and shows to others what was flushed.
        os.fsync(self.fd)
        try:
            os.link(self._path, path)
        except PermissionError as error:
            if error.errno != errno.EPERM:
                raise
            raise OSError(errno.EOPNOTSUPP, "the file system has no hard links") from error

    def replace(self, path: str, *, flush: bool) -> None:
        """Give the file its final name, instead of the file that has it."""
        if flush:
            os.fsync(self.fd)
        os.rename(self._path, path)

    def close(self) -> None:
        """Remove the temporary name, if the file still has it, and let others use it."""
        with suppress(OSError):
            os.unlink(self._path)
        close(self.fd)
        self._lock.release()


def sweep(directory: str) -> None:
    """Remove the drafts that killed processes left. What cannot be judged or removed stays."""
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        path = os.path.join(directory, name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_named(fd, path):
                os.unlink(path)
        except OSError:
            continue
        finally:
            close(fd)


def _open(directory: str, purpose: str) -> tuple[int, str]:
    for _ in range(_ATTEMPTS):
        path = os.path.join(directory, f"{_process.token}.{purpose}")
        try:
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        except FileExistsError:
            _process.token = os.urandom(8).hex()
            continue
        if _lock(fd) and is_named(fd, path):
            return fd, path
        close(fd)  # a sweeper was faster than our lock
        _process.token = os.urandom(8).hex()
    raise FileExistsError(f"cannot make a temporary file in {directory}")


def _lock(fd: int) -> bool:
    """Lock a draft; ``False`` if a sweeper has it. Where there are no locks, there is nobody who can sweep."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
