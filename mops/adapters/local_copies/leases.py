"""Which copies living processes were given.

The lease of a process is a file, which has the names of its copies, and is locked for as long as the process lives, or
one that it forked. The lease of a dead one is removed by whoever finds it. Speaks paths and ``OSError``.
"""

import errno
import os
import threading
from contextlib import suppress
from typing import Final
from weakref import WeakSet

from mops.adapters.files.drafts import close
from mops.adapters.local_copies.locks import lock_for_life

_all: Final["WeakSet[Leases]"] = WeakSet()


class Leases:
    """The leases in one folder, and the one of this process. Thread safe."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._fds: list[int] = []
        self._is_own = False
        """Whether the last of the descriptors is of this process: those before are of processes that it comes from."""
        self._taken: set[str] = set()
        _all.add(self)

    def has(self, name: str) -> bool:
        """Whether this process was given the copy, or the one that it was forked from, and that still counts."""
        return name in self._taken and self._stand()

    def take(self, name: str) -> None:
        """Write the name of a copy down. Nobody may ask for the ``living`` meanwhile."""
        with self._lock:
            if not self._stand():  # somebody removed the whole cache, and with it what was given
                self._fds, self._is_own = [], False
                self._taken.clear()
            if not self._is_own:
                self._fds.append(self._begin())
                self._is_own = True
            line = f"\n{name}\n".encode()  # on a line of its own, even behind one that a full disk has cut
            if os.write(self._fds[-1], line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._folder)
            self._taken.add(name)

    def _stand(self) -> bool:
        return all(os.fstat(fd).st_nlink for fd in self._fds)

    def _begin(self) -> int:
        os.makedirs(self._folder, exist_ok=True)
        path = os.path.join(self._folder, os.urandom(8).hex())
        close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        fd = lock_for_life(path)
        if fd is None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), path)
        return fd

    def living(self) -> set[str]:
        """What living processes were given. Nobody may ``take`` meanwhile."""
        names: set[str] = set()
        with suppress(FileNotFoundError):
            for lease in os.listdir(self._folder):
                names |= self._living(os.path.join(self._folder, lease))
        return names

    def _living(self, path: str) -> set[str]:
        fd = lock_for_life(path)
        if fd is None:
            with open(path, encoding="ascii") as names:
                return set(names.read().split())
        os.unlink(path)
        close(fd)
        return set()

    def begin_in_child(self) -> None:
        """What the parent was given stays, as its descriptors came along; what is given to the child goes with it."""
        self._lock = threading.Lock()
        self._is_own = False


def _begin_in_child() -> None:
    for leases in _all:
        leases.begin_in_child()


os.register_at_fork(after_in_child=_begin_in_child)
