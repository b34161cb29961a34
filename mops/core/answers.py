"""What the world answers to effects, where that is more than a plain value."""

from typing import Any, Final, final


@final
class Ticket:
    """What a process writes into a claim or an adoption, so that others can tell it from every other.

    Attributes:
        session: id of the process's session.
        nonce: differs for every ticket of a session.
        utc: when it was issued, seconds since the epoch.
        producer: JSON object that says who that is.
    """

    __slots__ = ("nonce", "producer", "session", "utc")

    def __init__(self, session: str, nonce: str, utc: float, producer: bytes) -> None:
        self.session = session
        self.nonce = nonce
        self.utc = utc
        self.producer = producer


@final
class Pulse:
    """What one look at a session showed.

    Attributes:
        seen_at: monotonic seconds of the look.
        token: changes with every beat; ``GONE`` where the session has ended, ``None`` where it never beat.
        interval: seconds between beats that the session announces.
        owed: claims that their holder left and could not end yet, as ``<folder>/e<n>#<nonce>``.
    """

    __slots__ = ("interval", "owed", "seen_at", "token")

    def __init__(self, seen_at: float, token: object, interval: float, owed: frozenset[str] = frozenset()) -> None:
        self.seen_at = seen_at
        self.token = token
        self.interval = interval
        self.owed = owed


GONE: Final = "gone"
"""Token of a session that has ended."""


@final
class Job:
    """What the Shell says of a command.

    Attributes:
        started: it is no longer pending.
        ended: it is over.
        error: why it failed, where it did.
    """

    __slots__ = ("ended", "error", "started")

    def __init__(self, *, started: bool, ended: bool, error: BaseException | None = None) -> None:
        self.started = started
        self.ended = ended
        self.error = error


@final
class Ran:
    """What running the function came to.

    Attributes:
        result: ``Success`` or ``Failure``.
        started: seconds since the epoch.
        elapsed: seconds.
        forked: this process is a fork of the one that was asked to run the function: it must not speak for it.
        changed: what is wrong with the inputs: they are not any more what the call is keyed by; empty if nothing is.
        peak_memory: bytes that the process had at most, where it ran nothing else.
        remark: what is to be noted of the run; empty mostly.
        size: bytes of the value, once it was serialized.
    """

    __slots__ = ("changed", "elapsed", "forked", "peak_memory", "remark", "result", "size", "started")

    def __init__(
        self,
        result: Any,
        started: float,
        elapsed: float,
        *,
        forked: bool = False,
        changed: str = "",
        peak_memory: int | None = None,
        remark: str = "",
    ) -> None:
        self.changed = changed
        self.peak_memory = peak_memory
        self.remark = remark
        self.result = result
        self.started = started
        self.elapsed = elapsed
        self.forked = forked
        self.size = 0
