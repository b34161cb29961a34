"""One call as the use cases need it, and what it comes to for its caller."""

from collections.abc import Callable
from typing import Any, final

from mops.core.blob_layout import Memo
from mops.core.envelope import Envelope
from mops.core.failure import FailureRecord
from mops.core.ports.serializer import Serialized, Serializer
from mops.core.result import Failure, Success
from mops.core.timing import Timing


@final
class Call:
    """One call, as the use case needs it.

    Attributes:
        memo: its address.
        serializer: for its result.
        timing: how long to wait for what.
        inline: it runs in this process; otherwise a Shell starts a remote.
        about: makes the JSON object that describes the call in its claim.
        pickled: makes what a remote runs the call from; asked only where a claim is written.
        retry: seconds until the next attempt after a failure; ``None`` delivers it.
        memoized: qualified names of the exceptions that are served as they are stored.
    """

    __slots__ = ("about", "inline", "memo", "memoized", "pickled", "retry", "serializer", "timing")

    def __init__(
        self,
        memo: Memo,
        *,
        serializer: Serializer,
        timing: Timing,
        inline: bool,
        about: Callable[[], bytes],
        pickled: Callable[[], Serialized],
        retry: Callable[[Failure | FailureRecord], float | None],
        memoized: frozenset[str] = frozenset(),
    ) -> None:
        self.memo = memo
        self.serializer = serializer
        self.timing = timing
        self.inline = inline
        self.about = about
        self.pickled = pickled
        self.retry = retry
        self.memoized = memoized


@final
class Answer:
    """What a call came to, for this caller.

    Attributes:
        result: ``Success``, ``Failure``, or the ``FailureRecord`` of another process.
        envelope: the stored result; ``None`` where nothing is stored, or where this process stored it itself.
        hit: the result was stored before this call.
    """

    __slots__ = ("envelope", "hit", "result")

    def __init__(
        self, result: Success[Any] | Failure | FailureRecord, envelope: Envelope | None = None, *, hit: bool = False
    ) -> None:  # fmt: skip
        self.result = result
        self.envelope = envelope
        self.hit = hit
