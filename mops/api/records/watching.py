"""What runs, waits and failed under a root, from the store alone: for people who watch calls of any process, anywhere.

A look lists the names under the root, and reads only what may have changed: of a call whose blobs are as they were,
nothing but the heartbeat of whoever runs it, once a beat; of a call that is over, nothing at all.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, final

import attrs

from mops.api.display.wording import failure_text
from mops.api.records.history import EpochHistory, PastCall, Record, number_in, read_heartbeat
from mops.api.records.listing import past_calls
from mops.core.blob_layout import ROOT, claim_slot, result_slot
from mops.core.claim import STALE_AFTER
from mops.core.ports.blob_store import BlobStore
from mops.runtime.session import DEFAULT_HEARTBEAT

Matter: TypeAlias = Literal["running", "silent", "waiting", "interrupted", "failed"]
LATELY: Final = 3600.0
"""Seconds for which a failure is news."""
_ORDER: Final[tuple[Matter, ...]] = ("running", "silent", "waiting", "interrupted", "failed")


@final
@attrs.frozen
class Sight:
    """One call that somebody may want to know about.

    Attributes:
        matter: ``running``; ``silent``, where it should and nobody has heard of it for as long as it takes to be taken
            over; ``waiting``, where a Shell was asked and no remote runs it yet; ``interrupted``, where who ran it is
            known to be gone; ``failed`` lately.
        function: with its logic key.
        since: of what it is in, seconds since the epoch.
        where: host and process; empty where that is not stored.
        beat: seconds since whoever runs it gave a sign of life; ``None`` where that was never or is no matter.
        note: the failure, on one line.
        uri: its memo URI.
    """

    matter: Matter
    function: str
    since: float | None
    where: str
    beat: float | None
    note: str
    uri: str


@final
@attrs.frozen
class View:
    """What one look saw.

    Attributes:
        sights: what runs first, then what is wrong; the longest first, but for failures, of which the latest is first.
        counts: how many calls there are in each state, those without a sight too; ``done`` are those that
            have a result, which may be void.
    """

    sights: tuple[Sight, ...]
    counts: Mapping[str, int]


@final
class _Known:
    """What is known of one call.

    Attributes:
        mark: number of its blobs and time of the last: unless that changes, what was read of it holds.
        call: what was read; ``None`` where it is over, and nothing more will be asked.
        state: where it is over: what became of it.
        sight: where it is over: what is to be seen of it.
    """

    __slots__ = ("call", "mark", "sight", "state")

    def __init__(self, call: PastCall, mark: tuple[int, float]) -> None:
        self.call: PastCall | None = call
        self.mark = mark
        self.state = ""
        self.sight: Sight | None = None


@final
class Watcher:
    """Looks at a root again and again. Used by one thread."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._known: dict[str, _Known] = {}
        self._beats: dict[str, float] = {}
        self._headers: dict[str, tuple[float | None, Mapping[str, Any]]] = {}

    def look(self, now: float) -> View:
        """Look once. ``now`` is seconds since the epoch, by a clock that is close to that of the store.

        Raises:
            StoreError: the store cannot be read; what was learnt before is kept for the next look.
        """
        self._beats = {info.key.rpartition("/")[2]: info.modified for info in self._store.list(f"{ROOT}/session/")}
        listed = set()
        counts: Counter[str] = Counter()
        sights = []
        for call in past_calls(self._store):
            listed.add(call.memo.folder)
            state, sight = self._see(self._remembered(call), now)
            counts[state] += 1
            if sight is not None:
                sights.append(sight)
        self._known = {folder: known for folder, known in self._known.items() if folder in listed}
        self._headers = {session: read for session, read in self._headers.items() if session in self._beats}
        return View(tuple(sorted(sights, key=_rank)), counts)

    def _remembered(self, call: PastCall) -> _Known:
        mark = len(call.blobs), call.modified
        known = self._known.get(call.memo.folder)
        if known is None or known.mark != mark:
            call.heartbeat = self._heartbeat
            known = self._known[call.memo.folder] = _Known(call, mark)
        return known

    def _heartbeat(self, session: str) -> Mapping[str, Any]:
        """The last heartbeat of a session, read once for each."""
        beat = self._beats.get(session)
        read = self._headers.get(session)
        if read is None or read[0] != beat:
            read = self._headers[session] = beat, {} if beat is None else read_heartbeat(self._store, session)
        return read[1]

    # ------------------------------------------------------------------------------------------------ one call
    def _see(self, known: _Known, now: float) -> tuple[str, Sight | None]:
        """What became of a call by now, and what is to be seen of it."""
        call = known.call
        if call is None:
            return known.state, known.sight if known.sight is not None and _is_late(known.sight.since, now) else None
        if _has_one_epoch_and_a_result(call):
            known.call, known.state = None, "done"
            return known.state, None
        state = call.judge()
        epoch = call.last_epoch
        if epoch is not None and state == "running":
            sight = self._open(call, epoch, now)
            return sight.matter, sight if sight.matter != "silent" or _is_late(call.modified, now) else None
        if epoch is not None and state == "interrupted":
            sight = _sight("interrupted", call, self._owner(epoch), epoch.claim.utc)
            return state, sight if _is_late(call.modified, now) else None
        known.call, known.state = None, "done" if state == "stored" else state
        if epoch is not None and epoch.end is not None and state == "failed":
            note = failure_text(epoch.end.failure or {})
            known.sight = _sight("failed", call, epoch.adoption or epoch.claim, epoch.end.utc, note=note)
        return self._see(known, now)

    def _open(self, call: PastCall, epoch: EpochHistory, now: float) -> Sight:
        """An epoch that somebody runs, or should."""
        owner = self._owner(epoch)
        session = str(owner.header.get("session"))
        beat = self._beats.get(session)
        interval = number_in(self._heartbeat(session), "interval") or DEFAULT_HEARTBEAT
        quiet = now - max(beat or 0.0, call.modified)
        matter: Matter = "running"
        if quiet > STALE_AFTER * interval:
            matter = "silent"
        elif owner.kind == "claim" and owner.call.get("remote") is True:
            matter = "waiting"
        return _sight(matter, call, owner, owner.utc, beat=None if beat is None else max(0.0, now - beat))

    def _owner(self, epoch: EpochHistory) -> Record:
        """The record of whoever runs an epoch: a remote that is not gone, else the caller."""
        adoption = epoch.adoption
        if adoption is None or self._heartbeat(str(adoption.header.get("session"))).get("gone"):
            return epoch.claim
        return adoption


def _has_one_epoch_and_a_result(call: PastCall) -> bool:
    """Whether it is over for certain, by the names of its blobs alone: that is so of nearly all."""
    return result_slot(0) in call.blobs and claim_slot(2) not in call.blobs and result_slot(1) not in call.blobs


def _sight(
    matter: Matter, call: PastCall, who: Record, since: float | None, *, beat: float | None = None, note: str = ""
) -> Sight:  # fmt: skip
    _, function, logic_key = call.names
    host, pid = who.producer.get("host"), who.producer.get("pid")
    return Sight(
        matter=matter,
        function=function if logic_key is None else f"{function}@{logic_key}",
        since=since,
        where="" if host is None else f"{host}:{pid}",
        beat=beat,
        note=note,
        uri=call.uri,
    )


def _is_late(when: float | None, now: float) -> bool:
    return when is not None and now - when < LATELY


def _rank(sight: Sight) -> tuple[int, float]:
    since = sight.since or 0.0
    return _ORDER.index(sight.matter), -since if sight.matter == "failed" else since
