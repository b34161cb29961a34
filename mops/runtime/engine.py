"""The engine: drives submitted calls. A call that waits is a generator in a heap, not a thread.

A task is advanced by one thread at a time: first by the one that submits it, as long as nothing blocks; then by a few
I/O
threads, which share one heap of timers; and by a thread of its own while it runs the user's function in this process.
"""

import heapq
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from mops.core import effects
from mops.core.errors import CallCancelled
from mops.core.orchestrate import Answer
from mops.runtime.execution import Execution, jittered
from mops.runtime.observers import OBSERVERS

_IO_THREADS: Final = 8


class Task:
    """One submitted call.

    Args:
        steps: the use case.
        execution: its hands.
        folder: of its memo.
        done: called once, with the answer or the exception that it ended with.
    """

    __slots__ = ("_done", "_due", "_error", "_lock", "_state", "_woken", "execution", "folder", "granted", "steps")

    IDLE, QUEUED, PARKED, BUSY, ENDED = range(5)

    def __init__(
        self,
        steps: effects.Steps[Answer],
        execution: Execution,
        folder: str,
        done: Callable[[Answer | None, BaseException | None], None],
    ) -> None:
        self.steps = steps
        self.execution = execution
        self.folder = folder
        self.granted: Callable[[], None] | None = None
        self._done = done
        self._due = 0
        self._error: BaseException | None = None
        self._state = Task.IDLE
        self._woken = False
        self._lock = threading.Lock()

    def claim(self, *states: int) -> bool:
        """Become the one thread that advances the task, if it is in one of these states."""
        with self._lock:
            if self._state not in states:
                return False
            self._state = Task.BUSY
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
        """Become the one thread that advances the task, if it is parked; else the next attempt to park will fail."""
        with self._lock:
            self._woken = self._state == Task.BUSY
            if self._state != Task.PARKED:
                return False
            self._state = Task.BUSY
            return True

    def is_due(self, ticket: int) -> bool:
        """Become the one thread that advances the task, if it still rests as it did when the ticket was issued."""
        with self._lock:
            if self._state != Task.PARKED or self._due != ticket:
                return False
            self._state = Task.BUSY
            return True

    def interrupt(self, error: BaseException) -> None:
        """Have an exception thrown into the call at its next effect."""
        self._error = error

    def take_error(self) -> BaseException | None:
        """The exception to throw, once."""
        error, self._error = self._error, None
        return error

    def end(self, answer: Answer | None, error: BaseException | None) -> None:
        """Deliver the outcome."""
        with self._lock:
            self._state = Task.ENDED
        self.execution.close()
        if OBSERVERS:
            self.execution.world.tell_end(self.folder, answer, error)
        self._done(answer, error)


class Engine:
    """Drives any number of tasks with a bounded number of threads."""

    def __init__(self) -> None:
        self._ready: deque[tuple[Task, Any]] = deque()
        self._timers: list[tuple[float, int, Task, int]] = []
        self._order = itertools.count()
        self._threads = 0
        self._idle = 0
        self._news = threading.Condition()

    def start(self, task: Task) -> None:
        """Advance a new task on this thread as far as nothing blocks; the engine sees to the rest."""
        task.claim(Task.IDLE)
        task.execution.wake = partial(self._wake, task)
        self._advance(task, None)

    def drive_here(self, task: Task) -> None:
        """If the task waits for a slot to run in this process, run it on this thread instead of waiting."""
        if task.granted is not None and task.execution.withdraw(task.granted) and task.claim(Task.QUEUED):
            self._advance(task, None, here=True)

    def cancel(self, task: Task) -> None:
        """Have the task leave what it holds. A function that runs in this process runs on."""
        task.interrupt(CallCancelled("cancelled by its caller"))
        if task.granted is not None and task.execution.withdraw(task.granted):
            if task.claim(Task.QUEUED):
                self._push(task, None)
        elif task.claim(Task.PARKED):
            self._push(task, None)

    # ------------------------------------------------------------------------------------------------ advancing
    def _advance(self, task: Task, answer: Any, *, here: bool = False) -> None:
        error: BaseException | None = None
        while True:
            try:
                error = task.take_error() or error
                if error is None:
                    effect = task.steps.send(answer)
                else:
                    thrown, error = error, None
                    effect = task.steps.throw(thrown)
                if self._rests(task, effect, here=here):
                    return
                answer = None if type(effect) is effects.Wait else task.execution.perform(effect)
            except StopIteration as end:
                task.end(end.value, None)
                return
            except BaseException as raised:  # noqa: BLE001 - it is the call's to handle, or the future's to deliver
                if task.steps.gi_frame is None:  # type: ignore[attr-defined]
                    task.end(None, raised)
                    return
                error = raised

    def _rests(self, task: Task, effect: effects.Effect, *, here: bool) -> bool:
        """Whether the effect is left to another thread, or to later."""
        kind = type(effect)
        if isinstance(effect, effects.Wait):
            return self._park(task, effect)
        if kind is effects.Admit and not here:
            self._queue(task)
            return True
        if kind is effects.Run and not here:
            threading.Thread(target=self._run, args=(task, effect), name="mops-worker", daemon=True).start()
            return True
        return False

    def _run(self, task: Task, effect: effects.Effect) -> None:
        """On a thread of its own: run the function, and go on from there."""
        try:
            answer = task.execution.perform(effect)
            task.take_error()  # cancelled too late: what was computed is published
        except BaseException as error:  # noqa: BLE001 - SystemExit and its like end the call, not this process
            task.interrupt(error)
            answer = None
        self._advance(task, answer)

    def _queue(self, task: Task) -> None:
        def granted() -> None:
            if task.claim(Task.QUEUED):
                task.granted = None
                task.execution.slot_granted()
                self._push(task, None)

        task.granted = granted
        task.rest(Task.QUEUED)
        task.execution.admit(granted)

    def _park(self, task: Task, effect: effects.Wait) -> bool:
        """Rest until the wait is over or somebody wakes the task; ``False`` if there is news already."""
        task.execution.listen(effect.folder)
        if task.execution.has_news():
            return False
        ticket = task.rest(Task.PARKED)
        if not ticket:
            return False
        due = task.execution.world.clock.monotonic() + jittered(effect.seconds)
        with self._news:
            heapq.heappush(self._timers, (due, next(self._order), task, ticket))
            if self._timers[0][2] is task:
                self._call_a_thread()
        return True

    def _wake(self, task: Task) -> None:
        if task.wake():
            self._push(task, None)

    # ------------------------------------------------------------------------------------------------ threads
    def _push(self, task: Task, answer: Any) -> None:
        with self._news:
            self._ready.append((task, answer))
            self._call_a_thread()

    def _call_a_thread(self) -> None:
        """With the lock held: wake an idle thread, or start one where that is allowed."""
        if self._idle:
            self._news.notify()
        elif self._threads < _IO_THREADS:
            self._threads += 1
            threading.Thread(target=self._serve, name=f"mops-io-{self._threads}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            task, answer = self._next()
            self._advance(task, answer)

    def _next(self) -> tuple[Task, Any]:
        """Wait for a task that is ready or due."""
        with self._news:
            while True:
                if self._ready:
                    return self._ready.popleft()
                timeout = self._until_next_timer()
                if timeout is not None and timeout <= 0:
                    _, _, task, ticket = heapq.heappop(self._timers)
                    if task.is_due(ticket):
                        return task, None
                    continue
                self._idle += 1
                self._news.wait(timeout)
                self._idle -= 1

    def _until_next_timer(self) -> float | None:
        if not self._timers:
            return None
        due, _, task, _ = self._timers[0]
        return due - task.execution.world.clock.monotonic()


_engines: dict[int, Engine] = {}


def engine() -> Engine:
    """The engine of this process; a forked child has its own."""
    process = os.getpid()
    found = _engines.get(process)
    if found is None:
        found = _engines.setdefault(process, Engine())
    return found
