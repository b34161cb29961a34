"""The simulated world: virtual time, one blob store that answers late or never, and a record of what happened.

Everything random comes from one seed, so that a simulation can be replayed.
"""

import heapq
import random
from collections.abc import Callable
from typing import Any, Final

from mops.core.blob_layout import Memo, memo_from_folder
from mops.core.claim import End, read_log_record
from mops.core.envelope import END, RESULT, TOMBSTONE, kind_of
from mops.core.errors import StoreError, StoreUnavailable

MEMO: Final[Memo] = memo_from_folder("mops1/memo/default/m--f/any/" + "5a" * 32)
BEAT: Final = 10.0
REQUEST_TIMEOUT: Final = 5.0
PATIENT_TIMEOUT: Final = 60.0
SILENT_TIMEOUT: Final = 45.0
"""Seconds until an operation ends whose requests are swallowed, each attempt that the adapter makes included."""
LOSS: Final = 0.02

Reply = Callable[[Any, BaseException | None], None]


class Execution:
    """One run of the function."""

    __slots__ = ("began", "epoch", "number", "process", "value")

    def __init__(self, number: int, epoch: int, began: float, process: str, value: bytes) -> None:
        self.number = number
        self.epoch = epoch
        self.began = began  # when its right to run was settled: whatever was published before must have been seen
        self.process = process
        self.value = value


class Blobs:
    """The bytes under one memo, with the laws of write-once blobs checked at every write."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.blobs: dict[str, bytes] = {}
        self.first: dict[str, bytes] = {}  # as it was written, before any damage or tombstone
        self.published_at: dict[str, float] = {}
        self.voided_at: dict[str, float] = {}
        self.ended_at: dict[str, float] = {}  # message of a failure -> when it was stored
        self.damaged: set[str] = set()

    def get(self, key: str) -> bytes | None:
        return self.blobs.get(key)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """As the port promises it: a repeated write whose first answer was lost finds its own bytes."""
        stored = self.blobs.get(key)
        if stored is not None:
            return stored == data
        self._write(key, data)
        return True

    def put(self, key: str, data: bytes) -> None:
        if kind_of(data) != TOMBSTONE:
            self._world.violate("a write-once blob was overwritten")
        if key in self.voided_at and key not in self.damaged and kind_of(data) != TOMBSTONE:
            self._world.violate("a tombstone was overwritten")
        self._write(key, data)

    def _write(self, key: str, data: bytes) -> None:
        now = self._world.now
        self.blobs[key] = data
        self.damaged.discard(key)
        if key not in self.first:
            self.first[key] = data
        kind = kind_of(data)
        if kind == RESULT:
            self.published_at.setdefault(key, now)
        elif kind == TOMBSTONE:
            self.voided_at.setdefault(key, now)
        elif kind == END:
            record = read_log_record(MEMO, key.rpartition("/")[2], data)
            if isinstance(record, End) and record.failure is not None:
                self.ended_at.setdefault(record.failure.message, now)

    def values(self) -> list[str]:
        """Keys under which a value stands."""
        return [key for key, data in self.blobs.items() if kind_of(data) == RESULT]

    def damage(self, key: str) -> None:
        """Flip a bit somewhere, or cut the end off."""
        rng, data = self._world.random, bytearray(self.blobs[key])
        where = rng.randrange(len(data)) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(min(40, len(data)))
        if rng.random() < 0.3:
            del data[where:]
        else:
            data[where] ^= 1 << rng.randrange(8)
        self.blobs[key] = bytes(data)
        self.damaged.add(key)

    def lose(self, key: str) -> None:
        """What is stored by content may vanish: somebody cleaned up."""
        self.blobs.pop(key, None)


class World:
    """Virtual time and the store."""

    def __init__(self, seed: int, traits: frozenset[str]) -> None:
        self.random = random.Random(seed)
        self.traits = traits
        self.now = 0.0
        self.work = self.random.choice([20.0, 40.0, 200.0])  # how long the function takes
        self.blobs = Blobs(self)
        self.pulses: dict[str, Any] = {}  # heartbeat blobs, by session
        self.outages: list[tuple[float, float, str]] = []  # from, until, host or "" for all
        self.processes: dict[str, Any] = {}
        self.sessions: dict[str, Any] = {}
        self.voids: list[tuple[int, float]] = []  # generation, and when its voiding was done
        self.executions: list[Execution] = []
        self.given_up: set[int] = set()  # epochs whose holder stopped what ran in them
        self.violations: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self.jobs: dict[int, Any] = {}
        self._queue: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = 0

    def has(self, *traits: str) -> bool:
        return not self.traits.isdisjoint(traits)

    def violate(self, what: str) -> None:
        self.violations.add(what)

    # -------------------------------------------------------------------------------------------- time
    def at(self, time: float, action: Callable[[], Any]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (time, self._order, action))

    def after(self, seconds: float, action: Callable[[], Any]) -> None:
        self.at(self.now + seconds, action)

    def run(self, until: float, done: Callable[[], bool]) -> None:
        queue, pop = self._queue, heapq.heappop
        while queue and queue[0][0] <= until and not done():
            self.now, _, action = pop(queue)
            action()

    # -------------------------------------------------------------------------------------------- the store
    def request(self, host: str, operation: Callable[[], Any], reply: Reply) -> None:
        """One operation: latency, lost requests and answers, delayed writes, outages. The answer may come too late."""
        rng, asked = self.random, self.now
        latency = rng.lognormvariate(-3.2, 0.6)
        applied, back = self.now + latency * rng.random(), self.now + latency
        lossy = self.has("lossy")
        lose_request, lose_answer = lossy and rng.random() < LOSS, lossy and rng.random() < LOSS
        if self.has("tail") and rng.random() < 0.01:
            applied += rng.uniform(1, 20)
        if self.has("tail") and rng.random() < 0.01:
            back += rng.uniform(1, 20)
        if self.has("delayed") and rng.random() < 0.01:
            applied += rng.uniform(0, 40)
        outcome: list[tuple[Any, BaseException | None]] = []
        timeout = asked + self._timeout()

        def apply() -> None:
            if lose_request or self.unreachable(host):
                return
            try:
                outcome.append((operation(), None))
            except StoreError as refusal:
                outcome.append((None, refusal))

        def answer() -> None:
            if outcome and not lose_answer:
                reply(*outcome[0])
            else:
                give_up = timeout if self.has("silent") else self.now
                self.at(give_up, lambda: reply(None, self._no_answer(asked)))

        self.at(applied, apply)
        if applied > timeout:
            self.at(timeout, lambda: reply(None, self._no_answer(asked)))
        else:
            self.at(max(back, applied), answer)

    def _no_answer(self, asked: float) -> StoreUnavailable:
        error = StoreUnavailable("no answer")
        error.waited = self.now - asked
        return error

    def _timeout(self) -> float:
        if self.has("silent"):
            return SILENT_TIMEOUT
        return PATIENT_TIMEOUT if self.has("tail") else REQUEST_TIMEOUT

    def unreachable(self, host: str) -> bool:
        return any(begin <= self.now < end and where in {"", host} for begin, end, where in self.outages)

    # -------------------------------------------------------------------------------------------- the function
    def execute(self, process: str, epoch: int, settled: float) -> Execution:
        """Note that the function begins to run."""
        number = len(self.executions)
        padding = b"." * (200 if self.has("payload") else 0)
        value = b"value %d of %r %s" % (number, self.random.random(), padding)
        execution = Execution(number, epoch, settled, process, value)
        self.executions.append(execution)
        return execution
