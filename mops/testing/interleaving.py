"""Races, injected: one operation is stopped at each of its lines, and another runs there from beginning to end.

A race that is left to luck is rarely caught: eight threads on a barrier may never hit a check-then-set store, while
stopping its first writer between the two steps hits it every time.
"""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any, Generic, TypeVar

First = TypeVar("First")
Second = TypeVar("Second")
Result = TypeVar("Result")

_PATIENCE = 0.05
"""Seconds that the second operation gets until the first goes on: it may wait for a lock that the first holds."""

_STUCK = 60.0


def interleavings(
    first: Callable[[int], First],
    second: Callable[[int], Second],
    *,
    within: str,
    prepare: Callable[[int], None] = lambda _number: None,
) -> Iterator[tuple[int, First, Second]]:
    """Run ``second`` at every point of ``first``, one round a point, and yield round number and both results.

    Everybody gets the number of the round, to work on fresh keys; ``prepare`` runs before. Round *n* stops the first
    operation in front of the *n*-th line of Python that it executes in files whose path starts with ``within``; the
    last round stops it nowhere and runs the second after it. What either raises is raised here.
    """
    for number in itertools.count():
        prepare(number)
        point = _Point(number, within)
        leader = _Thread(partial(point.run, partial(first, number)))
        point.wait()
        follower = _Thread(partial(second, number))
        follower.done.wait(_PATIENCE if point.was_reached else _STUCK)
        point.resume.set()
        yield number, leader.result(), follower.result()
        if not point.was_reached:
            return


class _Point:
    """Where an operation stops: in front of the n-th line that it executes in some files."""

    def __init__(self, number: int, within: str) -> None:
        self._lines_left = number
        self._within = within
        self._arrived = threading.Event()
        self.was_reached = False
        self.resume = threading.Event()

    def run(self, operation: Callable[[], Result]) -> Result:
        """Run the operation up to the point, and on when ``resume`` is set."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            return operation()
        finally:
            sys.settrace(before)
            self._arrived.set()

    def wait(self) -> None:
        """Return when the operation has stopped, or has ended."""
        if not self._arrived.wait(_STUCK):
            raise TimeoutError("the first operation neither stopped nor ended")

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._step if frame.f_code.co_filename.startswith(self._within) else None

    def _step(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line" and not self.was_reached:
            if self._lines_left:
                self._lines_left -= 1
            else:
                self.was_reached = True
                self._arrived.set()
                self.resume.wait(_STUCK)
        return self._step


class _Thread(Generic[Result]):
    """A started thread whose result can be asked for."""

    def __init__(self, operation: Callable[[], Result]) -> None:
        self._operation = operation
        self._results: list[Result] = []
        self._errors: list[BaseException] = []
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._operation())
        except BaseException as error:  # noqa: BLE001 - raised again by result(), in the thread that asks
            self._errors.append(error)
        finally:
            self.done.set()

    def result(self) -> Result:
        """Wait for the end, and return or raise what came of it."""
        if not self.done.wait(_STUCK):
            raise TimeoutError("an operation does not end")
        self._thread.join()
        if self._errors:
            raise self._errors[0]
        return self._results[0]
