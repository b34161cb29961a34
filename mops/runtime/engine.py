"""The engine: drives submitted calls. A call that waits is a generator in a heap, not a thread.

A task is advanced by one thread at a time. A few threads share one queue of what is ready and one heap of timers. One
that comes to run the user's function in this process does so itself, and does not count among them until it is back:
so a call takes no second thread, and there are as many threads as functions run, and a few.

Whoever submits a call only hands it over. What interrupts that thread, Ctrl-C above all, never strikes a call half way
between two states.
"""

import heapq
import itertools
import os
import threading
import time
from collections import deque
from typing import Any, Final

from mops.core import effects
from mops.core.call import Answer
from mops.core.errors import CallCancelled, ForeignFutureError
from mops.core.result import Success
from mops.runtime.commands import STOPPING
from mops.runtime.execution import jittered
from mops.runtime.forks import end_child
from mops.runtime.observers import OBSERVERS
from mops.runtime.strangers import HERE
from mops.runtime.task import Task

_IO_THREADS: Final = 8
_PAUSE: Final = 0.005
"""Seconds between two looks at commands that are being stopped, at the end of a program."""


class _ThisThread(threading.local):
    """What the engine knows of a thread.

    Attributes:
        returns_at_once: it serves the engine, and looks at once for what is ready: nobody has to be called for that.
    """

    returns_at_once = False


_THREAD: Final = _ThisThread()


class Engine:
    """Drives any number of tasks with a bounded number of threads."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._ready: deque[Task] = deque()
        self._leaving: set[Task] = set()
        self._timers: list[tuple[float, int, Task, int]] = []
        self._order = itertools.count()
        self._threads = 0
        self._idle = 0
        self._called = 0
        self._lock = threading.Lock()  # itself in "with": Ctrl-C may strike in the Python code of a condition's
        self._news = threading.Condition(self._lock)
        self._pushes = self._push  # one object for all tasks

    def start(self, task: Task) -> None:
        """Have a new task advanced."""
        task.push = self._pushes
        task.execution.wake = task.rouse
        self._push(task)

    def drive_here(self, task: Task) -> None:
        """If the task waits for a thread or a slot to run in this process, run it on this thread instead of waiting.

        Raises:
            ForeignFutureError: its function has forked, and this is the child.
        """
        while True:
            granted = task.granted
            if task.claim(Task.READY) or (
                granted is not None and task.execution.withdraw(granted) and task.claim(Task.QUEUED)
            ):
                self._advance(task, here=True)
                if self._process != os.getpid():
                    raise ForeignFutureError("the call is of the parent process")
                return
            if not task.wait_for_rest():
                return

    def cancel(self, task: Task) -> None:
        """Have the task leave what it holds. A function that runs in this process runs on."""
        task.interrupt(CallCancelled("cancelled by its caller"))
        if task.execution.has_command():
            with self._lock:
                self._leaving = {task, *(other for other in self._leaving if not other.has_ended())}
        granted = task.granted
        if granted is not None and task.execution.withdraw(granted):
            if task.make_ready():
                self._push(task)
        else:
            task.rouse()

    def wait_for_stopped(self, seconds: float) -> None:
        """Wait until the commands of cancelled tasks have ended, but for no longer than that."""
        deadline = time.monotonic() + seconds
        while STOPPING or not all(task.has_ended() for task in list(self._leaving)):
            if time.monotonic() >= deadline:
                return
            time.sleep(_PAUSE)

    # ------------------------------------------------------------------------------------------------ advancing
    def _advance(self, task: Task, *, here: bool = False) -> None:
        """Advance a task that this thread has claimed, until it rests or ends."""
        answer: Any = None
        error: BaseException | None = None
        effect, task.pending = task.pending, None
        while True:
            try:
                error = task.take_error() or error
                if error is not None:
                    thrown, error = error, None
                    effect = task.steps.throw(thrown)
                elif effect is None:
                    effect = task.steps.send(answer)
                if self._rests(task, effect, here=here):
                    task.has_rested()
                    return
                answer = self._perform(task, effect, here=here)
                if type(effect) is effects.Run and answer.forked:
                    if not here:
                        end_child(answer.result)
                    return  # the call is the parent's; so are all its locks, and whoever held one is not here
            except StopIteration as end:
                self._end(task, end.value, None, here=here)
                return
            except BaseException as raised:  # noqa: BLE001 - it is the call's to handle, or the future's to deliver
                if task.steps.gi_frame is None:  # type: ignore[attr-defined]
                    self._end(task, None, raised, here=here)
                    return
                error = raised
            effect = None

    def _end(self, task: Task, answer: Answer | None, error: BaseException | None, *, here: bool) -> None:
        """Give the slot back, and deliver. Whom the slot goes to, this thread sees to itself, in a moment."""
        _THREAD.returns_at_once = not here and not OBSERVERS
        try:
            task.end()
        finally:
            _THREAD.returns_at_once = False
        task.deliver(answer, error)

    def _rests(self, task: Task, effect: effects.Effect, *, here: bool) -> bool:
        """Whether the effect is left to another thread, or to later."""
        if isinstance(effect, effects.Wait):
            return self._park(task, effect)
        if type(effect) is effects.Admit and not here:
            return self._queue(task)
        return False

    def _perform(self, task: Task, effect: effects.Effect, *, here: bool) -> Any:
        """Answer an effect that does not make the task rest."""
        kind = type(effect)
        if kind is effects.Wait or kind is effects.Admit:
            return None  # there is news, there is a slot, or this thread takes none: it would be waiting all the same
        if kind is not effects.Run:
            return task.execution.perform(effect)
        if not here:
            self.step_out()
        try:
            return task.execution.perform(effect)
        finally:
            task.take_error()  # cancelled too late: what was computed is published
            if not here:
                self.step_in()

    def _queue(self, task: Task) -> bool:
        """Rest until there is a slot; ``False`` if there is one now."""
        if task.execution.admit_now():
            return False
        task.granted = task.grant
        task.rest(Task.QUEUED)
        task.execution.admit(task.granted)
        return True

    def _park(self, task: Task, effect: effects.Wait) -> bool:
        """Rest until the wait is over or somebody wakes the task; ``False`` if there is news already."""
        task.execution.listen(effect.folder)
        if task.execution.has_news():
            return False
        ticket = task.rest(Task.PARKED)
        if not ticket:
            return False
        due = task.execution.world.clock.monotonic() + jittered(effect.seconds)
        with self._lock:
            heapq.heappush(self._timers, (due, next(self._order), task, ticket))
            if self._timers[0][2] is task:
                self._call_a_thread()
        return True

    # ------------------------------------------------------------------------------------------------ threads
    def _push(self, task: Task) -> None:
        with self._lock:
            self._ready.append(task)
            if not _THREAD.returns_at_once:
                self._call_a_thread()

    def _call_a_thread(self) -> None:
        """With the lock held: wake an idle thread, or start one where that is allowed."""
        if self._idle > self._called:
            self._called += 1
            self._news.notify()
        elif self._threads < _IO_THREADS:
            self._threads += 1
            threading.Thread(target=self._serve, name="mops-engine", daemon=True).start()

    def step_out(self) -> None:
        """This thread is about to run a function: let others see to what is ready or due meanwhile."""
        with self._lock:
            self._threads -= 1
            if self._ready or self._timers:
                self._call_a_thread()

    def step_in(self) -> None:
        """This thread is back, in the process that it left."""
        if self._process == os.getpid():
            with self._lock:
                self._threads += 1

    def _serve(self) -> None:
        HERE.pool = self
        while self._process == os.getpid():
            task = self._next()
            if task is None:
                return
            self._advance(task)
            del task  # an idle thread keeps no call
        end_child(Success(None))  # a callback has forked, and returned in the child

    def _next(self) -> Task | None:
        """Wait for a task that is ready or due, and claim it; ``None`` where there are idle threads enough."""
        with self._lock:
            while True:
                if self._ready:
                    task = self._ready.popleft()
                    if task.claim(Task.READY):
                        return task
                    continue  # a thread that waits for it was faster
                timeout = self._until_next_timer()
                if timeout is not None and timeout <= 0:
                    _, _, task, ticket = heapq.heappop(self._timers)
                    if task.is_due(ticket):
                        return task
                    continue
                if self._idle >= _IO_THREADS:
                    self._threads -= 1
                    return None
                self._idle += 1
                self._news.wait(timeout)
                self._idle -= 1
                self._called = max(0, self._called - 1)

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
