"""The future of a submitted call."""

import os
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar
from weakref import WeakSet

from mops.api.display.terminal import wipe_out
from mops.core.errors import ForeignFutureError
from mops.runtime.slots import slot_given_up
from mops.runtime.strangers import among_strangers, guarded

R = TypeVar("R")
_ALONE: Final = nullcontext()
_TICK: Final = 1.0
"""Seconds after which a waiting thread lets signals through."""


class Hold(Protocol):
    """What futures hold of their call while it is under way."""

    def drive(self) -> None:
        """If the call waits for a thread to run in, or for its turn, run it in this thread."""

    def is_queued(self) -> bool:
        """Whether the call waits for its turn to run in this process."""

    def withdraw(self, future: "MopsFuture[Any]") -> None:
        """Have one future less want the outcome."""

    def runs(self) -> bool:
        """Whether the call runs, and is not waiting for its turn."""


class MopsFuture(Future[R], Generic[R]):
    """A ``concurrent.futures.Future`` that knows its call; awaitable in a running event loop.

    Attributes:
        memo_uri: address of everything about the call; empty where mops was bypassed.
    """

    def __init__(self, memo_uri: str = "") -> None:
        super().__init__()
        self.memo_uri = memo_uri
        self._metadata: Callable[[], Mapping[str, Any]] = dict
        self._hold: Hold | None = None
        self._calls_strangers = False

    def attach(self, hold: Hold) -> None:
        """For the Runner: the call that is under way."""
        self._hold = hold
        _in_flight.add(self)

    def disown(self) -> None:
        """For a forked child, in which nothing else runs: fail, as nobody here will complete it, and call nobody."""
        self._condition = threading.Condition()  # a thread that is no more may hold the one of the parent
        if not self.done():
            self._done_callbacks.clear()  # type: ignore[attr-defined]
            self._waiters.clear()
            self._hold = None
            self.set_exception(ForeignFutureError("the future is of the parent process", memo_uri=self.memo_uri))

    def drive(self) -> None:
        """For whoever waits in a thread: run a call that waits for a thread to run in, or for its turn, in this one."""
        hold = self._hold
        if hold is not None and not self.done():
            hold.drive()

    def is_queued(self) -> bool:
        """Whether the call waits for its turn to run in this process, where ``drive`` would run it."""
        hold = self._hold
        return hold is not None and not self.done() and hold.is_queued()

    def running(self) -> bool:
        """Whether the call runs: in this process, or as a command of its Shell that is no longer pending."""
        hold = self._hold
        return hold is not None and not self.done() and hold.runs()

    def resolve(self, value: R, metadata: Callable[[], Mapping[str, Any]]) -> None:
        """For the Runner: deliver the value, unless this caller has withdrawn."""
        self._metadata = metadata
        self._detach()
        if self.set_running_or_notify_cancel():
            with among_strangers() if self._calls_strangers else _ALONE:
                self.set_result(value)

    def reject(self, error: BaseException) -> None:
        """For the Runner: deliver an exception, unless this caller has withdrawn."""
        self._detach()
        if self.set_running_or_notify_cancel():
            with among_strangers() if self._calls_strangers else _ALONE:
                self.set_exception(error)

    def add_done_callback(self, fn: Callable[[Future[R]], object]) -> None:
        """As ``concurrent.futures.Future.add_done_callback``: called by the thread that completes the call."""
        self._calls_strangers = True
        with among_strangers():
            super().add_done_callback(partial(guarded, fn))

    def tell(self, callback: Callable[[Future[R]], object]) -> None:
        """For those who wait: as ``add_done_callback``, for a callback that waits for nothing."""
        super().add_done_callback(callback)

    def _detach(self) -> None:
        self._hold = None  # a future that is kept does not keep its call
        _in_flight.discard(self)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Who computed the result, where, when, how long, with which versions. Empty until there is a stored result."""
        return self._metadata() if self.done() else {}

    def result(self, timeout: float | None = None) -> R:
        """As ``concurrent.futures.Future.result``. A call that waits for a thread to run in is run in this one."""
        if timeout is None:
            self._finish()
        with slot_given_up():
            return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As ``concurrent.futures.Future.exception``, and as ``result``."""
        if timeout is None:
            self._finish()
        with slot_given_up():
            return super().exception(timeout)

    def _finish(self) -> None:
        """Wait, and look up from time to time: a signal that comes just before a wait does not end the wait."""
        try:
            self.drive()
            with slot_given_up():
                while not self.done():
                    with suppress(TimeoutError, CancelledError):
                        super().exception(_TICK)
        except BaseException:  # Ctrl-C, or what a handler of a signal raises
            wipe_out()
            raise

    def cancel(self) -> bool:
        """Withdraw this caller. The execution stops when no other future of this process wants it."""
        if self.cancelled():
            return True
        if not super().cancel():
            return False
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.withdraw(self)
        return True

    def __await__(self) -> Generator[Any, None, R]:
        import asyncio  # only for those who have it already

        return asyncio.wrap_future(self).__await__()


_in_flight: Final[WeakSet[MopsFuture[Any]]] = WeakSet()


def _disown_all() -> None:
    for future in list(_in_flight):
        future.disown()
    _in_flight.clear()


os.register_at_fork(after_in_child=_disown_all)
