"""The session of this process on one blob root: what it holds, and the heartbeat that says it is alive."""

import itertools
import os
import threading
from collections.abc import Callable
from typing import Final

from mops.core.answers import GONE, Pulse, Ticket
from mops.core.blob_layout import session_key, session_owner
from mops.core.effects import Steps
from mops.core.envelope import HEARTBEAT, header_json, seal, unseal
from mops.core.errors import CorruptBlob, StoreError, UnsupportedStore
from mops.core.ports.blob_store import BlobStore
from mops.core.ports.clock import Clock
from mops.runtime.process_identity import producer_json

DEFAULT_HEARTBEAT: Final = 10.0
"""Seconds between two beats."""
_FIRST_BEAT: Final = 0.1
"""Share of the interval after which a session beats for the first time: a program of milliseconds never does."""


class Session:
    """One live process, known by its heartbeat blob. All methods may be called from any number of threads at once.

    Attributes:
        id: unique in all the world.
        interval: seconds between beats, as the heartbeat announces it.
    """

    def __init__(self, store: BlobStore, clock: Clock, interval: float = DEFAULT_HEARTBEAT) -> None:
        self.id = os.urandom(10).hex()
        self.interval = interval
        self._store = store
        self._clock = clock
        self._producer = producer_json()
        self._nonces = itertools.count(1)
        self._beats = 0
        self._table: set[str] = set()
        self._owed: dict[str, Callable[[], Steps[None]]] = {}
        self._lock = threading.Lock()
        self._needed = threading.Event()
        self._thread: threading.Thread | None = None
        self._departed = False

    def issue(self) -> Ticket:
        """A ticket that no other claim, adoption or end has."""
        return Ticket(self.id, f"{os.getpid()}.{next(self._nonces)}", self._clock.utc_now(), self._producer)

    def enter(self, entry: str) -> None:
        """Note that this process is about to hold an epoch."""
        with self._lock:
            self._table.add(entry)

    def exit(self, entry: str) -> None:
        """Note that an epoch is no longer held, nor owed."""
        with self._lock:
            self._table.discard(entry)
            self._owed.pop(entry, None)

    def holds(self, entry: str) -> bool:
        """Whether an epoch is held by a caller that has not left it."""
        with self._lock:
            return entry in self._table and entry not in self._owed

    def owe(self, entry: str, release: Callable[[], Steps[None]]) -> None:
        """Name a claim in the heartbeat as left, until ``release()`` has been driven to its end."""
        with self._lock:
            self._owed[entry] = release

    def keep_beating(self, drive: Callable[[Steps[None]], None]) -> None:
        """Beat from a thread of its own for as long as the table has entries. ``drive`` performs what is owed."""
        if self._needed.is_set():
            return
        with self._lock:
            self._needed.set()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._beat_while_needed, args=(drive,), name="mops-heartbeat", daemon=True
                )
                self._thread.start()

    def _beat_while_needed(self, drive: Callable[[Steps[None]], None]) -> None:
        pause = threading.Event()
        pause.wait(self.interval * _FIRST_BEAT)
        while self._needed.wait():
            with self._lock:
                if not self._table:
                    self._needed.clear()
                    continue
                owed = list(self._owed.values())
            due = self.beat()
            for release in owed:
                try:
                    drive(release())
                except StoreError:
                    pass  # it stays owed, and its heartbeat says so
            pause.wait(due)

    def leave_everything(self) -> None:
        """At the end of the process: name all that is held as left, in one last beat."""
        with self._lock:
            if not self._table:
                return
            self._owed = dict.fromkeys(self._table, _not_any_more)
        self.beat()

    def beat(self) -> float:
        """Write the heartbeat once. An unreachable store is left for the next beat.

        Returns:
            Seconds until the next is due: the interval, but at most the default one where this could not be written.
            Nobody has heard of a session that never could, and others wait for it no longer than for any.
        """
        with self._lock:
            if self._departed:
                return self.interval
            self._beats += 1
            owed = sorted(self._owed)
            parts = self._heartbeat(gone=False, owed=owed)
        try:
            self._store.put(session_key(self.id), *parts)
        except StoreError:  # observers see no beat, which is the truth
            return min(self.interval, DEFAULT_HEARTBEAT)
        return self.interval

    @property
    def has_beaten(self) -> bool:
        """Whether others may have heard of it."""
        return self._beats > 0

    def depart(self) -> None:
        """Write that this session has ended. No beat follows.

        Raises:
            StoreError: it could not be written.
        """
        with self._lock:
            self._departed = True
        self._store.put(session_key(self.id), *self._heartbeat(gone=True, owed=[]))

    def _heartbeat(self, *, gone: bool, owed: list[str]) -> list[bytes | memoryview]:
        header = header_json(
            count=self._beats,
            interval=self.interval,
            gone=gone,
            owed=owed,
            utc=self._clock.utc_now(),
            producer=self._producer,
        )
        return seal(HEARTBEAT, owner=session_owner(self.id), slot="session", header=header)


def _not_any_more() -> Steps[None]:
    """What is left at the end of a process is not driven: that it is named as owed says enough."""
    yield from ()


class Pulses:
    """What this process saw of the heartbeats of others: one read a session and interval, whoever asks."""

    def __init__(self, store: BlobStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[str, Pulse] = {}

    def look(self, session: str) -> Pulse:
        """The last look at a session, or a new one where the last is older than half an interval.

        Raises:
            StoreError: the heartbeat cannot be read.
        """
        known = self._seen.get(session)
        if known is not None and self._clock.monotonic() - known.seen_at < known.interval / 2:
            return known
        pulse = self._read(session)
        self._seen[session] = pulse
        return pulse

    def _read(self, session: str) -> Pulse:
        try:
            data = self._store.get(session_key(session))
        except UnsupportedStore:  # something else has its name: nobody hears of that session
            data = b""
        now = self._clock.monotonic()
        if data is None:
            return Pulse(now, None, DEFAULT_HEARTBEAT)
        try:
            header = unseal(data, owner=session_owner(session), slot="session").header()
            token = GONE if header["gone"] else header["count"]
            return Pulse(now, token, float(header["interval"]), frozenset(map(str, header["owed"])))
        except (CorruptBlob, KeyError, TypeError, ValueError):
            return Pulse(now, "unreadable", DEFAULT_HEARTBEAT)
