"""Copies that stay: in a folder that processes share, whose file system has locks. Speaks paths and ``OSError``."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

from mops.adapters.local_copies.bound import Bound
from mops.adapters.local_copies.entries import DirectoryEntry, Entry, FileEntry
from mops.adapters.local_copies.locks import holding
from mops.core.ports.blob_store import Buffer
from mops.core.ports.local_copies import Fill

_PATIENCE: Final = 60.0
"""Seconds for which somebody else's fill is waited for, at least,"""
_SLOWEST: Final = 1 << 20
"""and bytes a second that it has to come to: then it is frozen, and we do it ourselves."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

T = TypeVar("T")
E = TypeVar("E", bound=Entry)


class StandingCopies:
    """Copies in one folder, which is made for its owner alone where it is a cache.

    Keeps what ``LocalCopies`` promise, but that whatever this machine has no place for is an ``OSError``.

    Args:
        root: the folder, absolute.
        limit: makes it a cache, and gives the bytes that it may take, see ``Bound``; ``None``: nobody counts.
    """

    def __init__(self, root: str, limit: Callable[[], int | None] | None) -> None:
        self._root = root
        self._bound = None if limit is None else Bound(root, limit)
        self._swept = False

    @property
    def root(self) -> str:
        """The folder."""
        return self._root

    def file(self, digest: bytes, size: int, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._path(FileEntry(self._root, digest.hex()), size, name, fill)

    def directory(self, digest: bytes, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._path(DirectoryEntry(self._root, digest.hex()), 0, name, fill)

    def content(self, digest: bytes, size: int, fill: Fill, /) -> Buffer | None:
        """See the port."""

        def write(draft: FileEntry) -> Buffer | None:  # read before others see the file: it may be evicted then
            return draft.read_content() if draft.write_content(fill) else None

        entry = FileEntry(self._root, digest.hex())
        content = entry.find_content()
        if content is None:
            with self._filling(entry, size):
                content = entry.find_content()
                if content is None:
                    return self._fill(entry, write)
        self._use(entry)
        return content

    def _path(self, entry: Entry, size: int, name: str, fill: Fill) -> str | None:
        wanted = entry.path_of(name)
        if self._bound is not None:
            self._make_root()
            self._bound.lease(entry)
        if entry.find(name) is None:
            with self._filling(entry, size):
                if self._find_or_fill(entry, name, fill) is None:
                    return None
        self._use(entry)
        return wanted

    def _find_or_fill(self, entry: Entry, name: str, fill: Fill) -> str | None:
        try:
            found = entry.find(name) or entry.rename(name)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            entry.discard()  # something else stands where its folders or its file should be
            found = None
        return found or self._fill(entry, lambda draft: draft.write(name, fill))

    def _use(self, entry: Entry) -> None:
        if self._bound is not None:
            entry.touch()

    def _fill(self, entry: E, write: Callable[[E], T]) -> T:
        """Make an entry; what ``write`` returned, ``None`` if there is nothing to write."""
        try:
            return self._fill_once(entry, write)
        except OSError as error:
            if error.errno not in _FULL or self._bound is None or not self._bound.make_room():
                raise
        return self._fill_once(entry, write)

    def _fill_once(self, entry: E, write: Callable[[E], T]) -> T:
        draft = entry.draft()
        try:
            written = write(draft)
            if written is not None:
                for name in set(entry.names()).difference(draft.names()):
                    draft.add(name)  # it was damaged: whoever was given a path there shall find the sound content
                if self._bound is not None:
                    self._bound.charge(draft.size())
                entry.replace_by(draft)
            return written
        finally:
            shutil.rmtree(draft.path, ignore_errors=True)

    @contextmanager
    def _filling(self, entry: Entry, size: int) -> Iterator[None]:
        """Be the only one, of all processes, who makes this entry."""
        self._make_root()
        os.makedirs(f"{self._root}/locks", exist_ok=True)
        self._sweep()
        with holding(self._lock_of(f"{entry.kind}.{entry.digest}"), _PATIENCE + size / _SLOWEST, passing=True):
            yield

    def _sweep(self) -> None:
        """Remove, once a process, what killed processes left."""
        if self._swept:
            return
        self._swept = True
        shutil.rmtree(f"{self._root}/trash", ignore_errors=True)
        os.makedirs(f"{self._root}/drafts", exist_ok=True)
        for name in {*os.listdir(f"{self._root}/drafts"), *os.listdir(f"{self._root}/locks")}:
            with suppress(OSError), holding(self._lock_of(name), 0.0, passing=True):
                shutil.rmtree(f"{self._root}/drafts/{name}", ignore_errors=True)

    def _lock_of(self, name: str) -> str:
        return f"{self._root}/locks/{name}"

    def _make_root(self) -> None:
        if not os.path.isdir(self._root):
            os.makedirs(os.path.dirname(self._root), exist_ok=True)
            with suppress(FileExistsError):
                os.mkdir(self._root, 0o777 if self._bound is None else 0o700)
