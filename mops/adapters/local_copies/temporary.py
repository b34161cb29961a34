"""Copies of one process: in a temporary folder, which goes with it."""

import atexit
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from mops.adapters.files.drafts import close
from mops.adapters.files.reading import OPENING, read
from mops.adapters.local_copies.locks import lock_for_life
from mops.adapters.local_copies.standing import StandingCopies
from mops.core.errors import StoreDenied, StoreError, StoreFull, StoreReadOnly, StoreUnavailable, UnsupportedStore
from mops.core.ports.blob_store import Buffer
from mops.core.ports.local_copies import Fill, LocalCopies

_PREFIX: Final = "mops-copies-"
_ALIVE: Final = "alive"
"""A file in each folder, which is locked for as long as somebody needs the folder."""

_CLASSES: Final[dict[int, type[StoreError]]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EFBIG: StoreFull,
    errno.EACCES: StoreDenied,
    errno.EPERM: StoreDenied,
    errno.EROFS: StoreReadOnly,
    **dict.fromkeys((errno.EINVAL, errno.EILSEQ, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG), UnsupportedStore),
    errno.ENOTDIR: UnsupportedStore,
}
_ADVICE: Final = "make room there, or let TMPDIR name a folder that has some"

_made: Final[dict[str, StandingCopies]] = {}
"""The folder of this process, by the temporary directory that it is in. Without a lock: a fork could find it held."""

T = TypeVar("T")


class TemporaryCopies(LocalCopies):
    """Copies in a folder below the temporary directory, the one of this process, made when the first copy is.

    The folder goes when this process ends, or the last that it forked; if they are killed, when the next one makes its
    own.
    """

    @property
    def caches_content(self) -> bool:
        """See the port."""
        return False

    def file(self, digest: bytes, size: int, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._try(lambda copies: copies.file(digest, size, name, fill))

    def directory(self, digest: bytes, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._try(lambda copies: copies.directory(digest, name, fill))

    def content(self, digest: bytes, size: int, fill: Fill, /) -> Buffer | None:
        """See the port. Nothing is kept, lest every payload of a long program lie here until its end."""
        return self._try(lambda copies: _content(copies.root, fill))

    def _try(self, ask: Callable[[StandingCopies], T]) -> T:
        try:
            return ask(_copies())
        except StoreError:
            raise
        except OSError as error:
            raise _CLASSES.get(error.errno or 0, StoreUnavailable)(
                f"no copy can be kept on this machine: {error}", advice=_ADVICE
            ) from error


def _copies() -> StandingCopies:
    parent = tempfile.gettempdir()
    standing = _made.get(parent)
    if standing is not None:
        if os.path.isdir(standing.root):
            return standing
        _made.pop(parent, None)  # somebody tidied up
    return _made.setdefault(parent, StandingCopies(_begin(parent), None))


def _content(folder: str, fill: Fill) -> Buffer | None:
    path = f"{folder}/{os.urandom(8).hex()}"
    try:
        if not fill(path):
            return None
        fd = os.open(path, OPENING)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)
    try:
        return read(fd)
    finally:
        close(fd)


def _begin(parent: str) -> str:
    """Make a folder, and remove those of dead processes."""
    for name in os.listdir(parent):
        if name.startswith(_PREFIX):
            _remove_if_dead(os.path.join(parent, name))
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
    path = os.path.join(folder, _ALIVE)
    close(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    fd = lock_for_life(f"{path}.new")
    os.rename(f"{path}.new", path)  # so that whoever finds it finds it locked
    if fd is not None:
        atexit.register(_end, folder, fd)
    return folder


def _end(folder: str, fd: int) -> None:
    """At the end of this process, or of one that it forked: who is the last removes the folder."""
    close(fd)
    _remove_if_dead(folder)


def _remove_if_dead(folder: str) -> None:
    with suppress(OSError):  # another user's, or without locks: who made it removes it
        if os.lstat(folder).st_uid != os.geteuid():
            return
        fd = lock_for_life(os.path.join(folder, _ALIVE))
        if fd is not None:
            shutil.rmtree(folder, ignore_errors=True)
            close(fd)
