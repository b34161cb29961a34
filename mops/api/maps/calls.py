"""The calls of a map: their results, in order or as they come."""

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from typing import Any, Final, Generic, TypeVar

from mops.api.maps.counts import Counts
from mops.api.maps.course import TICK, Course, MappedCall
from mops.api.maps.dropping import drop_later, let_go, serve_drops
from mops.api.maps.progress import Progress
from mops.api.maps.starting import Begin, Inline
from mops.api.worlds import say
from mops.core.errors import ForeignFutureError
from mops.core.failure import annotate
from mops.runtime.engine import engine
from mops.runtime.slots import HELD, slot_given_up

R = TypeVar("R")

DEFAULT_BUFFERSIZE: Final = 1000
_SOON: Final = 0.05
"""Seconds after which a thread looks whether it has to run a call itself."""
_MOMENT: Final = 1.0
"""Seconds that commands are given to stop in, before their program goes on."""


class Calls(Generic[R]):
    """An iterator over the results of many calls of one function. It reads its inputs as it goes.

    A call that fails raises at its place; its siblings go on, and so does the iteration, if it is continued. After an
    iterator of inputs that raises, what was started is delivered, then that exception. Whoever drops the iterator
    cancels, a moment later, the calls that have not started, and is told how many; ``close`` does so at once.

    Ctrl-C while this waits cancels what has not started, says what still runs, waits for that, and raises
    ``KeyboardInterrupt``; a second one stops what runs, where that can be, and leaves at once.

    A forked child has no part in it: there, all methods but ``close`` raise ``ForeignFutureError``.

    All methods may be called from any number of threads at once; each result is delivered once. Inputs are read in the
    thread that asks for a result, and cannot ask for one themselves.
    """

    def __init__(
        self,
        begin: Begin,
        inputs: Iterator[Iterable[Any]],
        *,
        name: str,
        total: int | None,
        ordered: bool,
        return_exceptions: bool,
        buffersize: int,
        progress: bool | None,
    ) -> None:
        self._name = name
        self._course = Course(begin, inputs, ordered=ordered, buffersize=buffersize, total=total)
        self._returns_exceptions = return_exceptions
        self._ended = False
        self._process = 0 if isinstance(begin, Inline) else os.getpid()  # inline, each process has all that it takes
        self._progress = Progress(name, total, progress)
        if not isinstance(begin, Inline):
            self._guarded(self._course.feed)
        serve_drops()

    # ------------------------------------------------------------------------------------------------ iteration
    def __iter__(self) -> "Calls[R]":
        return self

    def __next__(self) -> R:
        """The next result.

        Raises:
            Exception: what the call raised, or the iterator of inputs, at its place.
            KeyboardInterrupt: see above.
        """
        self._refuse_forked_children()
        try:
            call = self._take()
        except KeyboardInterrupt:
            self._interrupted()
            raise
        if call is None:
            raise StopIteration
        return call.value if call.error is None else self._failure(call)

    def __aiter__(self) -> "Calls[R]":
        return self

    async def __anext__(self) -> R:
        """As ``__next__``, in an event loop; inputs are read in another thread."""
        self._refuse_forked_children()
        from mops.api.maps.awaiting import next_call  # asyncio: for those who have it already

        call = await next_call(self._course, self._take_now, self._is_over)
        if call is None:
            raise StopAsyncIteration
        return call.value if call.error is None else self._failure(call)

    def _take(self) -> MappedCall | None:
        """Wait for the next call; ``None`` after the last.

        Raises:
            Exception: of the iterator of inputs.
        """
        while True:
            self._course.feed()
            call = self._take_now()
            if call is not None:
                return call
            if self._is_over():
                return None
            self._wait()

    def _wait(self) -> None:
        """Wait for news. In a thread that a function started, a call is run here that waits for that function's slot.

        Which is to say: in any thread of a user's but the first; no slot is known to be given up there.
        """
        is_of_the_user = HELD.get() is None and threading.current_thread() is not threading.main_thread()
        if is_of_the_user and self._course.drive():
            return
        with slot_given_up():
            self._course.wait(_SOON if is_of_the_user else TICK)

    def _take_now(self) -> MappedCall | None:
        self._progress.update(self._course)
        return self._course.take()

    def _is_over(self) -> bool:
        """Whether there is nothing more. Raises what comes after the last call, once."""
        if not self._course.is_over():
            return False
        self._ended = True
        self._progress.close(self._course)
        error = self._course.take_last()
        if error is not None:
            raise error
        return True

    def _failure(self, call: MappedCall) -> R:
        """Give the exception, or raise it, as the caller wished."""
        error = self._annotated(call)
        if self._returns_exceptions:
            return error  # type: ignore[return-value]
        self._progress.hide()  # or a traceback would begin behind the line
        if isinstance(error, StopIteration | StopAsyncIteration):  # or it would end the iteration, as if all were done
            raise RuntimeError(f"{self._name} raised {type(error).__name__}") from error  # noqa: TRY004
        raise error

    def _annotated(self, call: MappedCall) -> BaseException:
        assert call.error is not None
        annotate(call.error, " ".join([f"input {call.index} of {self._name}", call.memo_uri]).rstrip())
        return call.error

    # ------------------------------------------------------------------------------------------------ all at once
    def wait(self) -> list[R]:
        """Finish all calls, and give the results that were not delivered yet, in the order of the inputs.

        With ``return_exceptions``, inputs that were left unread when the map was cancelled are no failure.

        Raises:
            ExceptionGroup: calls failed, or the iterator of inputs. A note of each member names the input and the
                address of the call. Nothing is lost: what succeeded is stored, and a hit at the next attempt.
            KeyboardInterrupt: see above.
        """
        self._refuse_forked_children()
        results: dict[int, Any] = {}
        errors: list[BaseException] = []
        while True:
            try:
                call = self._guarded(self._take)
            except Exception as error:  # noqa: BLE001 - of the iterator of inputs; nothing comes after it
                if not (self._returns_exceptions and isinstance(error, CancelledError)):
                    errors.append(error)
                break
            if call is None:
                break
            if call.error is None:
                results[call.index] = call.value
            elif self._returns_exceptions:
                results[call.index] = self._annotated(call)
            else:
                errors.append(self._annotated(call))
        if errors:
            failed = f"{len(errors):,} of {len(errors) + len(results):,} calls of {self._name} failed"
            raise BaseExceptionGroup(failed, errors)
        return [results[index] for index in sorted(results)]

    @property
    def futures(self) -> list[Future[R]]:
        """One future for each result that was not delivered yet, in the order of the inputs.

        Reads all inputs and starts all calls, whatever the buffer. Whoever has the futures decides about their calls:
        dropping the iterator cancels none from here on.
        """
        self._refuse_forked_children()
        self._ended = True
        return self._guarded(self._course.futures)  # type: ignore[no-any-return]

    @property
    def counts(self) -> Counts:
        """How many calls came how far, now."""
        self._refuse_forked_children()
        return self._course.counts()

    # ------------------------------------------------------------------------------------------------ the end
    def cancel(self) -> int:
        """Cancel the calls that have not started, and read no more inputs. Returns how many calls that were.

        The iteration goes on: what runs is delivered when it is done. A cancelled call raises ``CancelledError`` at its
        place, and so does the end, if there were inputs left to read.
        """
        self._refuse_forked_children()
        return self._course.cancel()

    def close(self) -> None:
        """Drop the iterator: cancel the calls that have not started, and say what becomes of the others. Once."""
        if not self._ended and not self._is_of_the_parent():
            self._ended = True
            let_go(self._name, self._course, self._progress)

    def __del__(self) -> None:
        """As ``close``, in another thread: this one may be anywhere, and hold locks that closing takes."""
        if sys.is_finalizing():
            return
        with suppress(AttributeError):  # it was never made whole
            if not self._ended and not self._is_of_the_parent():
                drop_later(partial(let_go, self._name, self._course, self._progress))

    def _is_of_the_parent(self) -> bool:
        return self._process not in {0, os.getpid()}

    def _refuse_forked_children(self) -> None:
        if self._is_of_the_parent():
            raise ForeignFutureError(f"this map of {self._name} is of the parent process")

    def _guarded(self, step: Any) -> Any:
        """Do something that Ctrl-C interrupts in good order."""
        try:
            return step()
        except KeyboardInterrupt:
            self._interrupted()
            raise

    def _interrupted(self) -> None:
        course = self._course
        try:
            cancelled, running = course.cancel(), course.running
            self._progress.close(course)
            if cancelled or running:
                say(
                    f"interrupted: {cancelled:,} calls of {self._name} that had not started are cancelled"
                    f"; {running:,} run, and are waited for: interrupt again to leave at once"
                )
            course.wait_for_all()
            engine().wait_for_stopped(_MOMENT)
        except KeyboardInterrupt as again:
            stopped = course.cancel(running=True)
            say(f"interrupted again: {stopped:,} calls of {self._name} are not waited for")
            engine().wait_for_stopped(_MOMENT)
            raise again from None
