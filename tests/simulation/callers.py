"""Callers: those who want the result, wait for it, refresh it, give it up, or die."""

from collections.abc import Generator
from typing import Any

from mops.core import claim, orchestrate
from mops.core.call import Answer, Call
from mops.core.errors import CallCancelled
from mops.core.failure import FailureRecord
from mops.core.ports.serializer import Serialized
from mops.core.result import Failure
from mops.core.timing import Timing
from tests.simulation.function import PlainSerializer
from tests.simulation.process import Process
from tests.simulation.shell import Job
from tests.simulation.task import Close, Task
from tests.simulation.world import MEMO, World

FIRST_LOOK = 3_000.0
HASTY = 60.0
ABOUT = b'{"function":"m:f"}'


class Caller:
    """One call of one process.

    Attributes:
        began: when its last attempt began.
        ended: when it had its last answer.
        answers: when each attempt began and what it came to; the last is an exception where the call was given up.
    """

    def __init__(self, world: World, process: Process, number: int) -> None:
        rng = world.random
        self.world, self.process, self.number = world, process, number
        self.steadfast = number == 0  # it must get an answer, whatever befalls the others
        self.inline = world.has("inline") or (world.has("mixed") and rng.random() < 0.4)
        self.began = self.ended = 0.0
        self.answers: list[tuple[float, Any]] = []
        self.unstored = self.interrupted = self.done = False
        self.task: Task | None = None
        patience = 1_800.0
        if world.has("impatient") and not self.steadfast and rng.random() < 0.5:
            patience = rng.uniform(10, 90)
        first_look = HASTY if world.has("blackout") and not self.steadfast else FIRST_LOOK
        timing = Timing(
            poll=1.0, in_flight=patience, first_look=min(patience, first_look) if patience < 100 else first_look
        )
        self.call = Call(
            MEMO,
            serializer=PlainSerializer(),
            timing=timing,
            inline=self.inline,
            about=lambda: ABOUT,
            pickled=lambda: Serialized([b"the pickled call" * (20 if world.has("payload") else 1)]),
            retry=self._retry,
        )
        self.retries = rng.randint(0, 2) if world.has("retries") else 0

    def go(self) -> None:
        if not self.process.alive:
            return
        rng, world = self.world.random, self.world
        gives_up = not self.steadfast and world.has("cancel", "interrupt")
        if gives_up and rng.random() < (1.0 if self.inline else 0.3):
            world.after(rng.uniform(0, 40) if self.inline else rng.uniform(0, 0.3), self.give_up)
        forks = world.has("fork") and self.inline
        self.task = self.process.spawn(self._attempts(), self._end, recorded=forks)

    def _attempts(self) -> Generator[Any, Any, None]:
        """The call, after a refresh for some, and once more after a failure for others."""
        rng, world = self.world.random, self.world
        if not self.steadfast and world.has("void") and rng.random() < 0.3:
            generation, _ = yield from claim.current(MEMO, 0, FIRST_LOOK)
            yield from claim.void(MEMO, generation, FIRST_LOOK)
            world.voids.append((generation, world.now))
        for _ in range(2):
            self.began = world.now
            answer = yield from orchestrate.obtain(self.call)
            self.answers.append((self.began, answer))
            yield Close()
            if not isinstance(answer.result, Failure | FailureRecord) or rng.random() < 0.5:
                return

    def _end(self, outcome: Any) -> None:
        self.done, self.ended = True, self.world.now
        self.unstored = self.task is not None and self.task.unstored
        if isinstance(outcome, BaseException):
            self.answers.append((self.began, outcome))

    def _retry(self, failure: Failure | FailureRecord) -> float | None:
        self.retries -= 1
        if self.retries < 0:
            return None
        self.answers.append((self.began, Answer(failure)))
        return self.world.random.uniform(0, 30)

    def give_up(self) -> None:
        """Cancelled, or Ctrl-C, once or twice. Some find at that moment that they may no longer write."""
        world, rng, task = self.world, self.world.random, self.task
        if task is None or task.finished or not self.process.alive:
            return
        self.interrupted = task.given_up = True
        if world.has("owing") and rng.random() < 0.5:
            self.process.refused = True
        if self.inline:
            world.given_up.add(task.epoch)
        if world.has("interrupt"):
            self.process.interrupt(task, KeyboardInterrupt())
            if rng.random() < 0.5:
                world.after(rng.uniform(0, 0.3), lambda: self.process.interrupt(task, KeyboardInterrupt()))
        else:
            self.process.interrupt(task, CallCancelled("nobody wants it"))

    def start(self, process: Process, task: Task, epoch: int) -> None:
        """Its Shell."""
        world, rng = self.world, self.world.random
        task.job = world.jobs[epoch] = Job(world, process, task, epoch)
        task.job.begin()
        if not self.steadfast and world.has("cancel", "interrupt") and rng.random() < 0.7:
            world.after(rng.uniform(0.3, 26), self.give_up)

    def find(self, epoch: int) -> Job | None:
        """What its Shell has for an epoch that somebody else started."""
        job = self.world.jobs.get(epoch) if self.world.has("attach") and not self.inline else None
        return job if job is not None and not job.stopped else None


def fork(world: World, callers: list[Caller], parent: Process, task: Task) -> None:
    """The function forks: the child returns from the same call, and then makes one of its own."""
    caller = next(caller for caller in callers if caller.task is task)
    child = Process(world, f"child {len(world.processes)} of {parent.name}", parent.host)

    def returned(outcome: Any) -> None:
        if isinstance(outcome, BaseException):
            world.violate(f"a forked child came to {outcome!r}")
            return
        grandchild = Caller(world, child, 1)
        callers.append(grandchild)
        child.begin_beating()
        grandchild.go()

    if task.answers is not None and len(task.answers) < 100:
        child.continue_copy(orchestrate.obtain(caller.call), task, returned)
