"""How much a cache may hold: what was not used for longest goes, but for what living processes were given.

Copies are removed under one lock, the gate. Who is given a copy writes that down before it looks whether the copy is
there, holding the gate together with others; who removes copies holds it alone, and spares what is written down.

The file ``size`` has the bytes that all copies take together; it is counted anew whenever that is over the limit.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from mops.adapters.local_copies.entries import Entry, entries_under
from mops.adapters.local_copies.leases import Leases
from mops.adapters.local_copies.locks import holding

_PATIENCE: Final = 60.0
"""Seconds for which the gate is waited for: it is held for as long as it takes to list the cache."""

_KEPT: Final = 0.9
"""What is left of the limit by who exceeds it, so that not everybody has to count."""

_MOST: Final = 10 << 30


class _Seen(NamedTuple):
    used: float
    size: int
    entry: Entry


class Bound:
    """The limit of one cache. Thread safe.

    Args:
        root: the folder of the cache.
        limit: gives the bytes that its copies may take together, or ``None`` for 10 GiB or a tenth of the file system,
            whichever is less. Asked for when a copy is added.
    """

    def __init__(self, root: str, limit: Callable[[], int | None]) -> None:
        self._root = root
        self._limit = limit
        self._leases = Leases(os.path.join(root, "leases"))

    def lease(self, entry: Entry) -> None:
        """Keep an entry, which need not be there yet, for as long as this process lives."""
        if not self._leases.has(entry.name):
            with holding(self._path("gate"), _PATIENCE, shared=True):
                self._leases.take(entry.name)

    def charge(self, size: int) -> None:
        """Make room for a copy that is about to be added: what was not used for longest goes first.

        What living processes were given stays, even where that is more than the limit.
        """
        limit = self._limit()
        if limit is None:
            disk = os.statvfs(self._root)
            limit = min(_MOST, disk.f_blocks * disk.f_frsize // 10)
        with holding(self._path("gate"), _PATIENCE):
            total = self._total() + size
            if total > limit:
                total = self._evict(round(limit * _KEPT) - size) + size
            with open(self._path("size"), "w", encoding="ascii") as file:
                file.write(str(total))
        self._empty_trash()

    def make_room(self) -> bool:
        """Remove whatever nobody uses; whether there was anything."""
        with holding(self._path("gate"), _PATIENCE):
            before = sum(seen.size for seen in self._seen())
            after = self._evict(0)
        self._empty_trash()
        return after < before

    def _total(self) -> int:
        try:
            with open(self._path("size"), encoding="ascii") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return sum(seen.size for seen in self._seen())

    def _evict(self, goal: int) -> int:
        """Remove entries until those that stay take no more bytes than that, if that can be; what they take."""
        leased = self._leases.living()
        entries = sorted(self._seen(), key=lambda seen: seen.used)
        total = sum(seen.size for seen in entries)
        for seen in entries:
            if total <= goal:
                break
            if seen.entry.name not in leased:
                seen.entry.discard()
                total -= seen.size
        return total

    def _seen(self) -> Iterator[_Seen]:
        for entry in entries_under(self._root):
            with suppress(FileNotFoundError):
                yield _Seen(entry.used(), entry.size(), entry)

    def _empty_trash(self) -> None:
        shutil.rmtree(self._path("trash"), ignore_errors=True)

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)
