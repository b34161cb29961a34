"""A desk at which computations of the core are driven by hand: a dict for a store, and a clock that only waits move."""

from collections.abc import Callable
from typing import Any

from blake3 import blake3

from mops.core.answers import Job, Pulse, Ran, Ticket
from mops.core.blob_layout import content_key, memo_from_folder
from mops.core.call import Call
from mops.core.failure import FailureRecord
from mops.core.ports.serializer import Serialized
from mops.core.result import Success
from mops.core.timing import Timing

MEMO = memo_from_folder("mops1/memo/default/m--f/any/" + "5a" * 32)
TIMING = Timing(first_look=5.0, in_flight=5.0, start_timeout=100.0)
PRODUCER = b'{"pid":1}'


class Bytes:
    """The serializer: bytes as they are."""

    codec = "bytes"

    def dumps(self, value: Any, /) -> Serialized:
        return Serialized([value])

    def loads(self, buffers: Any, /, files: Any = (), codec: str = "") -> bytes:
        return b"".join(map(bytes, buffers))


def key(slot: str) -> str:
    return f"{MEMO.folder}/{slot}"


def never(_: Any) -> None:
    """No failure is tried again."""


def call(
    *,
    inline: bool = True,
    serializer: Any = None,
    timing: Timing = TIMING,
    retry: Any = never,
    memoized: frozenset[str] = frozenset(),
) -> Call:
    return Call(
        MEMO,
        serializer=serializer or Bytes(),
        timing=timing,
        inline=inline,
        about=lambda: b"{}",
        pickled=lambda: Serialized([b"the pickled call"]),
        retry=retry,
        memoized=memoized,
    )


class Desk:
    """Performs effects. Attributes are there to be set by a test.

    Attributes:
        on: slot or effect type -> what happens in place of, or before, the next request for it.
        waits: what happens during each wait, in order; when none is left, waiting fails the test.
    """

    def __init__(self, session: str = "me") -> None:
        self.session = session
        self.blobs: dict[str, Any] = {}
        self.now = 0.0
        self.asked: list[str] = []
        self.on: dict[Any, list[Callable[[], Any]]] = {}
        self.waits: list[Callable[[], Any]] = []
        self.table: list[str] = []
        self.owed: dict[str, Any] = {}
        self.pulses: dict[str, Pulse] = {}
        self.dead = False
        self.found = False
        self.job = Job(started=True, ended=False)
        self.ran = Ran(Success(b"the value"), 1.0, 1.0)
        self.reports: list[str] = []
        self.done: list[Any] = []
        self.nonces = 0

    def drive(self, steps: Any) -> Any:
        """Drive a computation to its end."""
        answer, error = None, None
        while True:
            try:
                effect = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            answer, error = None, None
            try:
                answer = self.perform(effect)
            except BaseException as raised:
                error = raised

    def perform(self, effect: Any) -> Any:
        name = type(effect).__name__
        slot = getattr(effect, "key", "").rpartition("/")[2]
        if slot:
            self.asked.append(f"{name} {slot}")
        for trigger in (type(effect), f"{name} {slot}"):
            if self.on.get(trigger):
                self.on[trigger].pop(0)()
        self.done.append(effect)
        return getattr(self, f"_{name.lower()}")(effect)

    def effects(self, kind: type) -> list[Any]:
        return [effect for effect in self.done if type(effect) is kind]

    def put(self, slot: str, parts: Any) -> None:
        """Store a blob, as if somebody else did."""
        self.blobs[key(slot)] = b"".join(parts)

    def _get(self, effect: Any) -> Any:
        return self.blobs.get(effect.key)

    def _putifabsent(self, effect: Any) -> bool:
        data = b"".join(effect.parts)
        return self.blobs.setdefault(effect.key, data) == data

    def _put(self, effect: Any) -> None:
        self.blobs[effect.key] = b"".join(effect.parts)

    def _getcontent(self, effect: Any) -> Any:
        return self.blobs.get(content_key(effect.digest))

    def _putcontent(self, effect: Any) -> bytes:
        data = b"".join(effect.parts)
        digest = blake3(data).digest()
        self.blobs[content_key(digest)] = data
        return digest

    def _now(self, _: Any) -> float:
        return self.now

    def _wait(self, effect: Any) -> None:
        self.now += effect.seconds
        assert self.waits, "nothing more was expected to be waited for"
        self.waits.pop(0)()

    def _issue(self, _: Any) -> Ticket:
        self.nonces += 1
        return Ticket(self.session, str(self.nonces), 0.0, PRODUCER)

    def _enter(self, effect: Any) -> None:
        self.table.append(effect.entry)

    def _exit(self, effect: Any) -> None:
        self.table.remove(effect.entry)

    def _owe(self, effect: Any) -> None:
        self.owed[effect.entry] = effect.release

    def _held(self, effect: Any) -> bool | None:
        return effect.entry in self.table if effect.session == self.session else None

    def _look(self, effect: Any) -> Pulse:
        return self.pulses.get(effect.session) or Pulse(self.now, None, 10.0)

    def _knowndead(self, _: Any) -> bool:
        return self.dead

    def _ask(self, _: Any) -> Job:
        return self.job

    def _attach(self, _: Any) -> bool:
        return self.found

    def _run(self, _: Any) -> Ran:
        return self.ran

    def _describe(self, effect: Any) -> FailureRecord:
        error = effect.exception
        return FailureRecord(message=str(error), traceback="", lineage=[type(error).__name__], pickled=b"pickled")

    def _report(self, effect: Any) -> None:
        self.reports.append(effect.text)

    def _spool(self, effect: Any) -> str:
        return f"/somewhere/{effect.name}"

    def _nothing(self, _: Any) -> None:
        return None

    _admit = _start = _stop = _detach = _published = _sync = _tell = _nothing


def raising(error: BaseException) -> Callable[[], None]:
    def raise_it() -> None:
        raise error

    return raise_it


def nothing() -> None:
    """A wait in which nothing happens."""


def pulse(seen_at: float, token: object, owed: frozenset[str] = frozenset()) -> Pulse:
    return Pulse(seen_at, token, 10.0, owed)


def driven(steps, answer):
    """What a computation comes to, and what it asked for."""
    asked = []
    try:
        effect = next(steps)
        while True:
            asked.append(effect)
            effect = steps.send(answer(effect))
    except StopIteration as end:
        return end.value, asked
