"""The course of a map: what was read, started, finished and handed out.

Two locks: one reads the input and starts calls, one guards the state. What completes a call or takes one, in any
thread, takes the second alone, and never waits for an input.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any, Final, final

from mops.api.calls.futures import MopsFuture
from mops.api.maps.counts import Counts
from mops.api.maps.starting import Begin, Inline, Ready
from mops.core.errors import RecursiveCallError

_AHEAD: Final = 32
"""Inputs of a known number that are read for each result that is there already: so whoever is slow to take results
keeps the workers busy. Others, which may wait for results themselves, are not read before those are handed out."""
TICK: Final = 1.0
"""Seconds after which a wait ends without news: for the line of progress; and because a signal that strikes a thread
just before it begins to wait would not be noticed before the wait is over."""


@final
class MappedCall:
    """One call of a map.

    Attributes:
        index: of its input.
        begun: its value or its future; ``None`` where it could not be started.
        done: nothing more happens to it.
        value: what it came to, once it is done.
        error: what it failed with instead.
        memo_uri: of a failure that was handed out.
    """

    __slots__ = ("begun", "done", "error", "index", "memo_uri", "value")

    def __init__(self, index: int, begun: "Ready | Future[Any] | None", error: BaseException | None = None) -> None:
        self.index = index
        self.begun = begun
        self.done = True
        self.value: Any = None
        self.error = error
        self.memo_uri = ""
        if type(begun) is Ready:
            self.value = begun.value
        elif error is None:
            self.done = False

    def complete(self, future: Future[Any]) -> None:
        """Take over what its future has come to."""
        try:
            self.error = future.exception()
            if self.error is None:
                self.value = future.result()
        except CancelledError as error:
            self.error = error
        self.done = True

    def hand_out(self) -> "MappedCall":
        """Forget the future, whose callbacks keep this call: a failure has been given its address."""
        if self.error is not None:
            self.memo_uri = getattr(self.begun, "memo_uri", "") or getattr(self.error, "memo_uri", "")
        self.begun = None
        return self

    def as_future(self) -> Future[Any]:
        """Its future, the same at every time."""
        if isinstance(self.begun, Ready):
            self.begun = self.begun.as_future()
        elif self.begun is None:
            assert self.error is not None
            self.begun = failed(self.error)
        return self.begun


def failed(error: BaseException) -> Future[Any]:
    """A future that has failed."""
    future: MopsFuture[Any] = MopsFuture()
    future.reject(error)
    return future


@final
class Course:
    """Everything that happens to the calls of one map. All methods may be called from any number of threads at once.

    Args:
        begin: starts a call.
        inputs: arguments of each call.
        ordered: results are handed out in the order of the inputs, else as they come.
        buffersize: calls that are started and not handed out, at most.
        total: number of inputs, where that is known.
    """

    def __init__(
        self, begin: Begin, inputs: Iterator[Iterable[Any]], *, ordered: bool, buffersize: int, total: int | None
    ) -> None:  # fmt: skip
        self._begin = begin
        self._inputs: Iterator[Iterable[Any]] | None = inputs
        self._ordered = ordered
        self._buffersize = 1 if isinstance(begin, Inline) else buffersize
        self._total = total
        self._ahead = 0 if total is None else _AHEAD
        self._read = 0
        self._line: deque[MappedCall] = deque()  # ordered: all that is not handed out; else: what is done of it
        self._flying: dict[int, MappedCall] = {}
        self._last: BaseException | None = None
        self._at_once = self._hits = self._refused = 0  # changed by whoever feeds
        self._done = self._failed = self._cancelled = 0
        self._listeners: list[Callable[[], None]] = []
        self._feeding = threading.Lock()
        self._feeder = 0  # the thread that holds it
        self._waiting = 0
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)

    # ------------------------------------------------------------------------------------------------ starting
    def is_low(self) -> bool:
        """Whether it is time to read inputs, for somebody who cannot do so all the time, and nobody does."""
        return self._inputs is not None and self._undelivered() <= self._buffersize // 2 and not self._feeding.locked()

    def feed(self, *, ahead: int | None = None, all_of_it: bool = False, blocking: bool = False) -> None:
        """Read inputs and start their calls: until the buffer is full, or a result is there and a few were read.

        While another thread does so, this one returns at once, unless it is ``blocking`` or wants all.

        Raises:
            RecursiveCallError: the inputs themselves ask for it.
        """
        if self._feeder == threading.get_ident():
            raise RecursiveCallError(
                "the inputs of a map cannot wait for its results",
                advice="read the results where the map is used, and pass on to its inputs what they need",
            )
        if self._inputs is None or (not all_of_it and (self._is_full() or self._has_enough())):
            return
        if self._feeding.acquire(blocking=blocking or all_of_it):
            try:
                self._feeder = threading.get_ident()
                self._feed(self._buffersize if all_of_it else self._ahead if ahead is None else ahead, all_of_it)
            finally:
                self._feeder = 0
                self._feeding.release()
                self._tell()

    def _feed(self, ahead: int, all_of_it: bool) -> None:
        read = 0
        while self._inputs is not None:
            if not all_of_it and (self._is_full() or (read >= ahead and self.has_ready())):
                return
            self._start_next(self._inputs)
            read += 1

    def _is_full(self) -> bool:
        return self._undelivered() >= self._buffersize

    def _has_enough(self) -> bool:
        """Whether the buffer is nearly full of inputs that are there at once, and there is a result to hand out."""
        few = min(self._ahead, self._buffersize // 4)
        return self._undelivered() > self._buffersize - few and self.has_ready()

    def _undelivered(self) -> int:
        return len(self._line) if self._ordered else len(self._line) + len(self._flying)

    def has_ready(self) -> bool:
        """Whether a call can be handed out."""
        with self._lock:
            return bool(self._line) and (not self._ordered or self._line[0].done)

    def _start_next(self, inputs: Iterator[Iterable[Any]]) -> None:
        try:
            args = next(inputs)
        except StopIteration:
            self._inputs = None
            return
        except Exception as error:  # noqa: BLE001 - raised at its place, after all that was started
            self._inputs, self._last = None, error
            return
        if self._inputs is None:
            return  # cancelled meanwhile
        index, self._read = self._read, self._read + 1
        try:
            begun = self._begin(args)
        except Exception as error:  # noqa: BLE001 - it is the failure of this call
            self._enter(MappedCall(index, None, error))
        else:
            self._enter(MappedCall(index, begun))

    def _enter(self, call: MappedCall) -> None:
        if call.done:
            self._hits += call.error is None and call.begun.hit  # type: ignore[union-attr]
            self._refused += call.error is not None
            self._at_once += 1
            with self._lock:
                self._line.append(call)
                is_awaited = self._waiting or self._listeners
            if is_awaited:
                self._tell()
            return
        assert isinstance(call.begun, Future)
        with self._lock:
            self._flying[call.index] = call
            if self._ordered:
                self._line.append(call)
        completed = partial(self._completed, call)
        if isinstance(call.begun, MopsFuture):
            call.begun.tell(completed)
        else:
            call.begun.add_done_callback(completed)

    def _completed(self, call: MappedCall, future: Future[Any]) -> None:
        with self._lock:
            call.complete(future)
            del self._flying[call.index]
            if isinstance(call.error, CancelledError):
                self._cancelled += 1
            else:
                self._done += 1
                self._failed += call.error is not None
            if not self._ordered:
                self._line.append(call)
            elif self._line[0] is not call and self._flying:
                return  # whoever waits, waits for the first
        self._tell()

    def _tell(self) -> None:
        """Tell whoever waits to look again."""
        with self._lock:
            self._news.notify_all()
            listeners, self._listeners = self._listeners, []
        for tell in listeners:
            tell()

    # ------------------------------------------------------------------------------------------------ handing out
    def take(self) -> MappedCall | None:
        """Hand the next call out, if it is done."""
        with self._lock:
            return self._line.popleft().hand_out() if self.has_ready() else None

    def is_over(self) -> bool:
        """Whether every input was read, and every call handed out."""
        with self._lock:
            return self._inputs is None and not self._undelivered()

    def take_last(self) -> BaseException | None:
        """What comes after the last call, once: why there are no more."""
        error, self._last = self._last, None
        return error

    def wait(self, seconds: float = TICK) -> None:
        """Wait until a call can be handed out, all are, or inputs may be read; but for no longer than that."""
        with self._lock:
            if self._is_busy():
                self._waiting += 1
                try:
                    self._news.wait(seconds)
                finally:
                    self._waiting -= 1

    def listen(self, tell: Callable[[], None], *, feeds: bool) -> None:
        """Have ``tell`` called, once and by any thread, when ``wait`` would return.

        Args:
            tell: waits for nothing.
            feeds: a thread is about to feed, and will tell by itself that it is done.
        """
        with self._lock:
            if self._is_busy() or (feeds and not self.has_ready()):
                self._listeners.append(tell)
                return
        tell()

    def _is_busy(self) -> bool:
        return not self.has_ready() and (bool(self._flying) or self._feeding.locked())

    def drive(self) -> bool:
        """If the first call is in the queue for a slot of this process, run it in this thread: nobody else may."""
        with self._lock:
            first = next((call.begun for call in self._flying.values()), None)
        if not isinstance(first, MopsFuture) or not first.is_queued():
            return False
        first.drive()
        return True

    def listen_no_more(self, tell: Callable[[], None]) -> None:
        """Undo a ``listen`` that may have been served."""
        with self._lock:
            self._listeners = [other for other in self._listeners if other is not tell]

    def wait_for_all(self) -> None:
        """Wait until nothing runs."""
        with self._lock:
            while self._flying:
                self._news.wait(TICK)

    def futures(self) -> list[Future[Any]]:
        """Start everything, and give one future for each call that was not handed out, in the order of the inputs."""
        self.feed(all_of_it=True)
        with self._lock:
            calls = {call.index: call for call in (*self._line, *self._flying.values())}
        futures = [calls[index].as_future() for index in sorted(calls)]
        return futures if self._last is None else [*futures, failed(self._last)]

    # ------------------------------------------------------------------------------------------------ stopping
    def cancel(self, *, running: bool = False) -> int:
        """Read no more, and withdraw what does not run; or that too. Returns how many calls were withdrawn."""
        before = self._cancelled
        with self._lock:
            if self._inputs is not None:
                self._inputs = None
                self._last = CancelledError(f"the map was cancelled: after {self._read:,} inputs, no more were read")
            flying = [call.begun for call in self._flying.values()]
        for future in reversed(flying):  # the last first: those before them would only get their slots
            if isinstance(future, Future) and (running or not future.running()):
                future.cancel()
        return self._cancelled - before

    # ------------------------------------------------------------------------------------------------ counting
    @property
    def done(self) -> int:
        """See ``Counts``."""
        return self._at_once + self._done

    @property
    def hits(self) -> int:
        """See ``Counts``."""
        return self._hits

    @property
    def failed(self) -> int:
        """See ``Counts``."""
        return self._refused + self._failed

    @property
    def running(self) -> int:
        """See ``Counts``."""
        with self._lock:
            flying = [call.begun for call in self._flying.values()]
        return sum(isinstance(future, Future) and future.running() for future in flying)

    @property
    def waiting(self) -> int:
        """See ``Counts``."""
        return max(0, len(self._flying) - self.running)

    def untold_failures(self) -> int:
        """How many calls failed that were not handed out."""
        with self._lock:
            return sum(call.error is not None and not isinstance(call.error, CancelledError) for call in self._line)

    def reads_on(self) -> bool:
        """Whether there may be inputs that were not read."""
        return self._inputs is not None

    def counts(self) -> Counts:
        """How the calls fare now."""
        running = self.running
        with self._lock:
            waiting = max(0, len(self._flying) - running)
            return Counts(self.done, self._hits, self.failed, self._cancelled, running, waiting, self._total)
