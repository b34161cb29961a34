"""One submitted call, as the engine's threads pass it around."""

import threading
from collections.abc import Callable

from mops.core import effects
from mops.core.call import Answer
from mops.runtime.execution import Execution
from mops.runtime.observers import OBSERVERS
from mops.runtime.slots import slot_given_up


class Task:
    """One submitted call.

    Args:
        steps: the use case.
        pending: the effect that it waits for, where it was begun before.
        execution: its hands.
        folder: of its memo.
        done: called once, with the answer or the exception that it ended with.
    """

    __slots__ = (
        "_done", "_due", "_error", "_lock", "_rest", "_state", "_woken",
        "execution", "folder", "granted", "pending", "push", "steps",
    )  # fmt: skip

    READY, QUEUED, PARKED, BUSY, ENDED = range(5)

    def __init__(
        self,
        steps: effects.Steps[Answer],
        pending: effects.Effect | None,
        execution: Execution,
        folder: str,
        done: Callable[[Answer | None, BaseException | None], None],
    ) -> None:
        self.steps = steps
        self.pending = pending
        self.execution = execution
        self.folder = folder
        self.granted: Callable[[], None] | None = None
        self.push: Callable[[Task], None] = _nobody
        self._done = done
        self._due = 0
        self._error: BaseException | None = None
        self._state = Task.READY
        self._rest: threading.Event | bool = False
        self._woken = False
        self._lock = threading.Lock()

    def claim(self, state: int) -> bool:
        """Become the one thread that advances the task, if it is in this state."""
        return self._turn(state, Task.BUSY)

    def make_ready(self) -> bool:
        """Note that the task, which is in the queue for a slot, has one and is for any thread to advance."""
        return self._turn(Task.QUEUED, Task.READY)

    def _turn(self, state: int, into: int) -> bool:
        with self._lock:
            if self._state != state:
                return False
            self._state = into
            return True

    def rest(self, state: int) -> int:
        """Stop advancing; what comes next finds the task in that state.

        Returns:
            A ticket for this rest; 0 where the task was woken before it could park: then this thread goes on.
        """
        with self._lock:
            if state == Task.PARKED and self._woken:
                self._woken = False
                return 0
            self._state = state
            self._due += 1
            return self._due

    def wake(self) -> bool:
        """Make the task ready, if it is parked; else the next attempt to park will fail."""
        with self._lock:
            self._woken = self._state == Task.BUSY
            if self._state != Task.PARKED:
                return False
            self._state = Task.READY
            return True

    def rouse(self) -> None:
        """Have the task advanced now, if it is parked."""
        if self.wake():
            self.push(self)

    def grant(self) -> None:
        """Have the task advanced, which was in the queue for a slot: it has one."""
        if self.make_ready():
            self.granted = None
            self.execution.slot_granted()
            self.push(self)

    def is_due(self, ticket: int) -> bool:
        """Become the one thread that advances the task, if it still rests as it did when the ticket was issued."""
        with self._lock:
            if self._state != Task.PARKED or self._due != ticket:
                return False
            self._state = Task.BUSY
            return True

    def is_queued(self) -> bool:
        """Whether it waits for a slot."""
        return self._state == Task.QUEUED

    def has_ended(self) -> bool:
        """Whether its outcome is known."""
        return self._state == Task.ENDED

    def has_rested(self) -> None:
        """Note that the task has come to its first rest, or its end, and tell who waits for that."""
        with self._lock:
            rest, self._rest = self._rest, True
        if isinstance(rest, threading.Event):
            rest.set()

    def wait_for_rest(self) -> bool:
        """Wait until the task has come to its first rest; ``False`` if it had already."""
        with self._lock:
            if self._rest is True:
                return False
            if self._rest is False:
                self._rest = threading.Event()
            rest = self._rest
        with slot_given_up():
            rest.wait()
        return True

    def interrupt(self, error: BaseException) -> None:
        """Have an exception thrown into the call at its next effect."""
        self._error = error

    def take_error(self) -> BaseException | None:
        """The exception to throw, once."""
        error, self._error = self._error, None
        return error

    def end(self) -> None:
        """Let go of everything but the outcome."""
        with self._lock:
            self._state = Task.ENDED
        self.execution.close()
        self.has_rested()

    def deliver(self, answer: Answer | None, error: BaseException | None) -> None:
        """Deliver the outcome."""
        if OBSERVERS:
            self.execution.world.tell_end(self.folder, answer, error)
        done, self._done = self._done, _nothing  # or the task and its owner would keep each other until collected
        done(answer, error)


def _nobody(_: Task) -> None:
    """Nobody advances a task that was not started."""


def _nothing(answer: Answer | None, error: BaseException | None) -> None:
    pass
