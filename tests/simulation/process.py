"""Simulated processes: each performs the effects of its computations under its own clock, and may pause or die."""

from collections.abc import Callable, Generator
from typing import Any, Final

from blake3 import blake3

from mops.core import answers, effects
from mops.core.blob_layout import content_key
from mops.core.errors import StoreError, StoreFull
from mops.core.failure import FailureRecord
from mops.core.result import Success
from tests.simulation.function import Unlucky, outcome_of
from tests.simulation.task import Beat, Close, Depart, Task
from tests.simulation.world import BEAT, MEMO, World

FOLDER: Final = MEMO.folder + "/"


def _until_written(release: Callable[[], effects.Steps[None]]) -> effects.Steps[None]:
    """What a session does with what it owes: one attempt a beat."""
    while True:
        try:
            return (yield from release())
        except StoreError:
            yield effects.Wait(BEAT)


class Process:
    """Computations, a session and one local clock."""

    def __init__(self, world: World, name: str, host: str, slots: int = 1_000) -> None:
        rng = world.random
        self.world, self.name, self.host = world, name, host
        self.session = f"{name}-{rng.randrange(10**9)}"
        self.alive = True
        self.leaving = self.beating = False
        self.resume_at = 0.0
        self.refused = False  # the store takes no more writes of ours under the memo
        self.table: set[str] = set()
        self.owed: set[str] = set()
        self.tasks: list[Task] = []
        self.main: Task | None = None
        self.heart: Task | None = None
        self.on_death: Callable[[], None] = lambda: None
        self.start: Callable[[Process, Task, int], None] | None = None  # the Shell, set for orchestrators
        self.find: Callable[[Task, int], Any] = lambda task, epoch: None
        self.fork: Callable[[Process, Task], None] | None = None
        self._offset, self._rate = rng.uniform(-3600, 3600), rng.uniform(0.97, 1.03) if world.has("skew") else 1.0
        self._wall_offset = rng.uniform(-120, 120) if world.has("skew") else 0.0
        self._nonces = self._beats = 0
        self._seen: dict[str, answers.Pulse] = {}
        self._waiting: dict[Task, int] = {}
        self._free, self._queue = slots, list[tuple[Task, int]]()
        world.processes[name] = world.sessions[self.session] = self

    def __repr__(self) -> str:
        return self.name

    def monotonic(self) -> float:
        return self._offset + self.world.now * self._rate

    def utc(self) -> float:
        return self.world.now + self._wall_offset

    def die(self) -> None:
        if self.alive:
            self.alive = False
            self.on_death()

    def exit(self) -> None:
        """End of its own will: nothing is left to be done."""
        self.alive = False

    # -------------------------------------------------------------------------------------------- computations
    def spawn(
        self, steps: Generator[Any, Any, Any], done: Callable[[Any], None] = lambda _: None, *, recorded: bool = False
    ) -> Task:
        task = Task(steps, done)
        task.answers = [] if recorded else None
        self.tasks.append(task)
        self._step(task, 0, None, None)
        return task

    def interrupt(self, task: Task | None, error: BaseException) -> None:
        """The task sees the error at once; what it had asked of the store may still be applied."""
        if task is not None and not task.finished:
            self._step(task, task.turn, None, error)

    def busy(self) -> bool:
        """Whether something of it is on its way, its heartbeat apart."""
        return self.alive and any(not task.finished and task is not self.heart for task in self.tasks)

    def begin_beating(self) -> None:
        self.heart = self.spawn(self._heartbeat())

    def wake(self, task: Task) -> None:
        """End a task's wait early."""
        turn = self._waiting.get(task)
        if turn is not None:
            self.world.at(self.world.now, lambda: self._step(task, turn, None, None))

    def _step(self, task: Task, turn: int, value: Any, error: BaseException | None) -> None:
        """Deliver an answer, if it is still waited for, and go on until the next effect that takes time."""
        world = self.world
        if not self.alive or turn != task.turn or task.finished:
            return
        if world.now < self.resume_at:
            world.at(self.resume_at, lambda: self._step(task, turn, value, error))
            return
        self._waiting.pop(task, None)
        task.turn += 1
        try:
            while True:
                if task.answers is not None:
                    task.answers.append((value, error))
                effect = task.steps.send(value) if error is None else task.steps.throw(error)
                immediate = _IMMEDIATE.get(type(effect))
                if immediate is None:
                    break
                value, error = immediate(self, task, effect), None
        except StopIteration as end:
            self._finish(task, end.value)
        except BaseException as raised:
            self._finish(task, raised)
        else:
            _DELAYED[type(effect)](self, task, effect)

    def _finish(self, task: Task, outcome: Any) -> None:
        task.finished = True
        if task.slot:
            self._give_back(task)
        task.done(outcome)

    def continue_copy(self, copy: Generator[Any, Any, Any], parent: Task, done: Callable[[Any], None]) -> None:
        """Continue, in this process, what another one was computing when it forked, up to its end.

        A generator cannot be copied, but it is deterministic: fed the same answers, it stands at the same effect.
        """
        task = Task(copy, done)
        task.is_child = True
        self.tasks.append(task)
        for value, error in parent.answers or ():
            copy.throw(error) if error is not None else copy.send(value)
        ran = answers.Ran(Success(b"computed by a forked child"), self.utc(), self.world.work, forked=True)
        self.world.after(self.world.work, lambda: self._step(task, 0, ran, None))

    # -------------------------------------------------------------------------------------------- the store
    def _ask_store(
        self, task: Task, operation: Callable[[], Any], then: Callable[[Any], Any] = lambda value: value
    ) -> None:
        turn = task.turn

        def reply(value: Any, error: BaseException | None) -> None:
            self._step(task, turn, None if error else then(value), error)

        self.world.request(self.host, operation, reply)

    def _get(self, task: Task, effect: effects.Get) -> None:
        self.world.requests.append((self.name, f"get {effect.key[len(FOLDER) :]}"))
        self._ask_store(task, lambda: self.world.blobs.get(effect.key))

    def _put_if_absent(self, task: Task, effect: effects.PutIfAbsent) -> None:
        key, data = effect.key, b"".join(effect.parts)
        slot = key[len(FOLDER) :]
        self._spoke_for_parent(task)
        self.world.requests.append((self.name, f"create {slot}"))

        def settle(ours: bool) -> bool:
            if ours and slot[0] == "e":  # a claim or an adoption: from here on, what was published must be seen
                task.epoch, task.settled = int(slot[1:].partition(".")[0]), self.world.now
            return ours

        self._ask_store(task, lambda: self._permitted(slot) and self.world.blobs.put_if_absent(key, data), settle)

    def _put(self, task: Task, effect: effects.Put) -> None:
        key, data = effect.key, b"".join(effect.parts)
        self._spoke_for_parent(task)
        self.world.requests.append((self.name, f"put {key[len(FOLDER) :]}"))
        self._ask_store(task, lambda: self.world.blobs.put(key, data))

    def _permitted(self, slot: str) -> bool:
        if self.refused or (slot[0] == "r" and self.world.has("full") and self.name.endswith("full")):
            raise StoreFull("no space left")
        return True

    def _get_content(self, task: Task, effect: effects.GetContent) -> None:
        self._ask_store(task, lambda: self.world.blobs.get(content_key(effect.digest)))

    def _put_content(self, task: Task, effect: effects.PutContent) -> None:
        data = b"".join(effect.parts)
        digest = blake3(data).digest()
        self._spoke_for_parent(task)
        self._ask_store(task, lambda: self.world.blobs.put_if_absent(content_key(digest), data), lambda _: digest)

    def _spoke_for_parent(self, task: Task) -> None:
        if task.is_child:
            self.world.violate("a forked child spoke for its parent")

    # -------------------------------------------------------------------------------------------- sessions
    def _beat(self, task: Task, _: Beat) -> None:
        self._beats += 1
        beat = (self._beats, self.utc()), frozenset(self.owed)
        self._ask_store(task, lambda: self.world.pulses.__setitem__(self.session, beat))

    def _depart(self, task: Task, _: Depart) -> None:
        self._ask_store(task, lambda: self.world.pulses.__setitem__(self.session, answers.GONE))

    def _heartbeat(self) -> Generator[Any, Any, None]:
        while not self.leaving:
            self.beating = True
            try:
                yield Beat()
            except Exception:
                pass
            self.beating = False
            yield effects.Wait(BEAT)

    def depart(self) -> Generator[Any, Any, None]:
        """No more beats, then GONE: a beat on its way would undo it."""
        self.leaving = True
        while self.beating:
            yield effects.Wait(0.05)
        while True:
            try:
                return (yield Depart())
            except Exception:
                yield effects.Wait(1.0)

    def _look(self, task: Task, effect: effects.Look) -> None:
        known = self._seen.get(effect.session)
        if known is not None and self.monotonic() - known.seen_at < BEAT / 2:
            turn = task.turn
            self.world.at(self.world.now, lambda: self._step(task, turn, known, None))
            return

        def seen(blob: Any) -> answers.Pulse:
            token, owed = (blob, frozenset()) if blob in {None, answers.GONE} else blob
            pulse = self._seen[effect.session] = answers.Pulse(self.monotonic(), token, BEAT, owed)
            return pulse

        self._ask_store(task, lambda: self.world.pulses.get(effect.session), seen)

    def _issue(self, _: Task, __: effects.Issue) -> answers.Ticket:
        self._nonces += 1
        producer = f'{{"host":"{self.host}","process":"{self.name}"}}'.encode()
        return answers.Ticket(self.session, str(self._nonces), self.utc(), producer)

    def _enter(self, task: Task, effect: effects.Enter) -> None:
        self._spoke_for_parent(task)
        self.table.add(effect.entry)

    def _exit(self, task: Task, effect: effects.Exit) -> None:
        self._spoke_for_parent(task)
        self.table.discard(effect.entry)
        self.owed.discard(effect.entry)

    def _owe(self, _: Task, effect: effects.Owe) -> None:
        self.owed.add(effect.entry)
        self.world.at(self.world.now, lambda: self.alive and self.spawn(_until_written(effect.release)))

    def _held(self, _: Task, effect: effects.Held) -> bool | None:
        if effect.session != self.session:
            return None
        return effect.entry in self.table and effect.entry not in self.owed

    def _known_dead(self, _: Task, effect: effects.KnownDead) -> bool:
        return effect.producer["host"] == self.host and not self.world.processes[effect.producer["process"]].alive

    # -------------------------------------------------------------------------------------------- time
    def _now(self, _: Task, __: effects.Now) -> float:
        return self.monotonic()

    def _wait(self, task: Task, effect: effects.Wait) -> None:
        turn = task.turn
        if effect.folder:
            self._waiting[task] = turn
        seconds = effect.seconds * self.world.random.uniform(0.8, 1.2) / self._rate
        self.world.after(seconds, lambda: self._step(task, turn, None, None))

    def _published(self, _: Task, __: effects.Published) -> None:
        for task in list(self._waiting):
            self.wake(task)

    # -------------------------------------------------------------------------------------------- running
    def _admit(self, task: Task, _: effects.Admit) -> None:
        self._queue.append((task, task.turn))
        self._admit_next()

    def _admit_next(self) -> None:
        while self._free and self._queue:
            task, turn = self._queue.pop(0)
            if task.turn == turn and not task.finished:
                self._free -= 1
                task.slot = True
                self.world.at(self.world.now, lambda task=task, turn=turn: self._step(task, turn, None, None))  # type: ignore[misc]

    def _give_back(self, task: Task) -> None:
        task.slot = False
        self._free += 1
        self._admit_next()

    def _start(self, task: Task, effect: effects.Start) -> None:
        assert self.start is not None
        self.start(self, task, effect.epoch)

    def _ask(self, task: Task, _: effects.Ask) -> answers.Job:
        return answers.Job(started=task.job.started, ended=task.job.ended, error=task.job.error)

    def _attach(self, task: Task, effect: effects.Attach) -> bool:
        task.job = self.find(task, effect.epoch)
        return task.job is not None

    def _detach(self, task: Task, _: effects.Detach) -> None:
        task.job = None

    def _stop(self, task: Task, _: effects.Stop) -> None:
        if task.job is not None:
            task.job.stop()
        if task.slot:
            self._give_back(task)

    def _close(self, task: Task, _: Close) -> None:
        task.job = None
        if task.slot:
            self._give_back(task)

    def _run(self, task: Task, _: effects.Run) -> None:
        world, turn = self.world, task.turn
        execution = world.execute(self.name, task.epoch, task.settled)
        started = self.utc()
        if self.fork is not None and task.answers is not None:
            self.fork(self, task)

        def ran() -> None:
            result = outcome_of(world, execution)
            self._step(task, turn, answers.Ran(result, started, world.work), None)

        world.after(world.work, ran)

    def _describe(self, _: Task, effect: effects.Describe) -> FailureRecord:
        error = effect.exception
        text = str(error) if isinstance(error, Unlucky) else f"{error} {self.world.random.random()}"
        return FailureRecord(message=text, traceback="", lineage=[type(error).__name__])

    def _report(self, task: Task, effect: effects.Report) -> None:
        task.unstored |= "not stored" in effect.text

    def _spool(self, _: Task, effect: effects.Spool) -> str:
        return f"/tmp/{effect.name}"


_IMMEDIATE: Final[dict[type, Callable[[Process, Task, Any], Any]]] = {
    effects.Now: Process._now,
    effects.Issue: Process._issue,
    effects.Enter: Process._enter,
    effects.Exit: Process._exit,
    effects.Owe: Process._owe,
    effects.Held: Process._held,
    effects.KnownDead: Process._known_dead,
    effects.Published: Process._published,
    effects.Start: Process._start,
    effects.Ask: Process._ask,
    effects.Stop: Process._stop,
    effects.Attach: Process._attach,
    effects.Detach: Process._detach,
    effects.Describe: Process._describe,
    effects.Report: Process._report,
    effects.Spool: Process._spool,
    effects.Sync: lambda *_: None,
    effects.Tell: lambda *_: None,
    Close: Process._close,
}
_DELAYED: Final[dict[type, Callable[[Process, Task, Any], None]]] = {
    effects.Get: Process._get,
    effects.PutIfAbsent: Process._put_if_absent,
    effects.Put: Process._put,
    effects.GetContent: Process._get_content,
    effects.PutContent: Process._put_content,
    effects.Look: Process._look,
    effects.Wait: Process._wait,
    effects.Admit: Process._admit,
    effects.Run: Process._run,
    Beat: Process._beat,
    Depart: Process._depart,
}
