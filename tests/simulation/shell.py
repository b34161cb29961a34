"""A simulated Shell: its commands start late or never, die, are preempted, replaced or run twice.

The end of a command is not always told.
"""

from collections.abc import Generator
from typing import Any, Final

from mops.core import execute, publish
from mops.core.claim import Epoch
from mops.core.errors import RemoteCrashed, ShellFailed
from mops.core.timing import Timing
from tests.simulation.faults import befall
from tests.simulation.function import PlainSerializer
from tests.simulation.process import Process
from tests.simulation.task import Task
from tests.simulation.world import MEMO, World

REMOTE: Final = Timing(poll=1.0, first_look=1800.0, in_flight=1800.0)
TOLD: Final = 0.8
GRACE: Final = 3.0
"""Seconds from SIGTERM to SIGKILL."""


class ChildKilled(BaseException):
    """The child that runs the function was killed; its supervisor sees it."""


class Terminated(BaseException):
    """SIGTERM."""


class Job:
    """One command, as its Shell sees it."""

    def __init__(self, world: World, caller: Process, task: Task, epoch: int) -> None:
        rng = world.random
        self.world, self.caller, self.task, self.epoch = world, caller, task, epoch
        self.started = self.ended = self.stopped = False
        self.error: BaseException | None = None
        self.told = rng.random() < TOLD
        self.restarts = rng.random() < 0.5  # the engine replaces a dead remote
        self.remotes: list[Process] = []

    def begin(self) -> None:
        world, rng = self.world, self.world.random
        delay = rng.uniform(0.5, 25)
        fate = rng.random() if world.has("starting") else 1.0
        if fate < 0.2:
            delay = rng.uniform(100, 900)  # pending all the while
        elif fate < 0.4:
            world.after(delay, self._has_started)  # and nothing comes of it
            return
        elif fate < 0.5:
            world.after(delay, lambda: self._end(ShellFailed("the image cannot be pulled")))
            return
        world.after(delay * (1 - 0.5 * rng.random()), self._has_started)
        world.after(delay, lambda: self._launch(1))
        if world.has("twice") and rng.random() < 0.3:
            world.after(rng.uniform(0.5, 25), lambda: self._launch(3))

    def stop(self) -> None:
        """What runs is asked to end, and what has not begun never does."""
        self.stopped = self.ended = True
        if self.task.given_up:
            self.world.given_up.add(self.epoch)
        for remote in self.remotes:
            self.world.after(self.world.random.uniform(0, 1), lambda remote=remote: terminate(remote))  # type: ignore[misc]

    def _has_started(self) -> None:
        self.started = True

    def _end(self, error: BaseException | None) -> None:
        if not self.ended:
            self.ended, self.error = True, error
            self.caller.wake(self.task)

    def _launch(self, attempt: int) -> None:
        world, rng = self.world, self.world.random
        if self.stopped:
            return
        suffix = "full" if world.has("full") and rng.random() < 0.5 else ""
        elsewhere = world.has("preempt") or rng.random() < 0.5  # an engine that replaces commands has its own machines
        host = f"host {self.epoch}.{attempt}" if elsewhere else self.caller.host
        remote = Process(world, f"remote {self.epoch}.{attempt} of {self.caller.name} {suffix}", host)
        self.remotes.append(remote)
        remote.on_death = lambda: self._died(attempt)
        remote.begin_beating()
        remote.main = remote.spawn(command(self.epoch), lambda outcome: self._finished(remote, attempt, outcome))
        befall(world, remote, 0.25)
        if world.has("childkill") and rng.random() < 0.2:
            world.after(rng.uniform(1, world.work), lambda: remote.interrupt(remote.main, ChildKilled()))
        preempted = (world.has("preempt") and attempt == 1) or (world.has("chaos") and rng.random() < 0.2)
        if preempted:
            self.restarts = self.restarts or world.has("preempt")
            world.after(rng.uniform(0.1, world.work - 5), lambda: terminate(remote))

    def _died(self, attempt: int) -> None:
        rng = self.world.random
        if self.restarts and attempt == 1:
            self.world.after(rng.uniform(1, 20), lambda: self._launch(2))
        elif self.told and attempt < 3:
            self.world.after(rng.uniform(1, 30), lambda: self._end(ShellFailed("the command died")))

    def _finished(self, remote: Process, attempt: int, outcome: Any) -> None:
        if isinstance(outcome, Terminated):
            return  # what comes of it is told by its death

        def gone(_: object) -> None:
            remote.exit()
            if attempt < 3:
                error = outcome if isinstance(outcome, BaseException) else None
                self.world.after(self.world.random.uniform(0, 2), lambda: self._end(error))

        remote.spawn(remote.depart(), gone)


def terminate(remote: Process) -> None:
    """SIGTERM: the session is marked as ended, no end is written, and the process dies soon."""
    if remote.alive and remote.main is not None and not remote.main.finished:
        remote.interrupt(remote.main, Terminated())
        remote.spawn(remote.depart())
        remote.world.after(GRACE, remote.die)


def command(number: int) -> Generator[Any, Any, None]:
    """What ``mops remote`` does: a supervisor adopts, its child serves, and a child's death is reported."""
    epoch: Epoch | None = yield from execute.adopt(MEMO, number, REMOTE)
    if epoch is None:
        return
    try:
        yield from execute.serve(MEMO, epoch, PlainSerializer(), REMOTE)
    except ChildKilled:
        yield from publish.fail(MEMO, epoch, RemoteCrashed("killed by signal 9", exit_code=-9), REMOTE.in_flight)
