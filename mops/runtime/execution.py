"""One call on its way: performs the effects that concern this very call, and passes the others to the world."""

import os
import threading
from collections.abc import Callable, Hashable
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, Protocol, get_args

from mops.core import answers, effects
from mops.core.failure import FailureRecord
from mops.core.ports.serializer import Serializer
from mops.core.result import Failure, Success
from mops.runtime.slots import HELD, Lease, Slots, slot_given_up
from mops.runtime.world import World

if TYPE_CHECKING:
    from mops.runtime.commands import Command

_JITTER: Final = 0.2


class Errand(Protocol):
    """What a call needs done in this process or started from it.

    Attributes:
        world: the blob store as this process sees it.
        slots: how many of its kind run at once.
        serializer: for exceptions.
    """

    @property
    def world(self) -> World:
        """See above."""

    @property
    def slots(self) -> Slots:
        """See above."""

    @property
    def serializer(self) -> Serializer:
        """See above."""

    def start(
        self, folder: str, epoch: int, news: Callable[[], None], ended: Callable[[], None], *, alone: bool
    ) -> "Command":  # fmt: skip
        """Start a command for an epoch of a memo; with others, unless it is to start ``alone``."""

    def find(self, folder: str, epoch: int, news: Callable[[], None]) -> "Command | None":
        """Find the command that another process started for an epoch."""

    def invoke(self) -> Any:
        """Run the function in this thread."""

    def changed_inputs(self) -> str:
        """What is wrong with the files that the call is keyed by, after the function has run; empty if nothing is."""

    def remark(self) -> str:
        """What is to be noted of the run, after the function has run; empty mostly."""


class StartsNothing:
    """The part of an errand that starts no command, and has no inputs but its own copies."""

    def changed_inputs(self) -> str:
        """Nothing: nobody else knows the files that it was given."""
        return ""

    def remark(self) -> str:
        """Nothing."""
        return ""

    def start(
        self, folder: str, epoch: int, news: Callable[[], None], ended: Callable[[], None], *, alone: bool
    ) -> "Command":  # fmt: skip
        """Never asked for."""
        raise NotImplementedError(f"{folder}/e{epoch}")

    def find(self, folder: str, epoch: int, news: Callable[[], None]) -> "Command | None":
        """See ``Errand``: it knows no Shell that could find one."""
        return None


class Execution:
    """The hands of one call. Used by one thread at a time, but for ``wake``.

    Args:
        errand: the call.
        needs_slot: whether it counts among the running calls of its Shell: a direct in-thread call does not.
        context: what the function is run in; by default, the context of the thread that runs it.
        owner: in whose turn it is given a slot.

    Attributes:
        wake: ends a wait of this call early; called by any thread.
    """

    __slots__ = (
        "_command",
        "_context",
        "_errand",
        "_event",
        "_folder",
        "_lease",
        "_needs_slot",
        "_owner",
        "wake",
        "world",
    )

    def __init__(
        self, errand: Errand, *, needs_slot: bool, context: Context | None = None, owner: Hashable = None
    ) -> None:  # fmt: skip
        self.world = errand.world
        self._errand = errand
        self._needs_slot = needs_slot
        self._context = context
        self._owner = owner
        self._command: Command | None = None
        self._event: threading.Event | None = None
        self._folder = ""
        self._lease: Lease | None = None
        self.wake: Callable[[], None] = self._set_event

    def perform(self, effect: effects.Effect) -> Any:
        """Answer one effect, blocking this thread where it has to."""
        return _PERFORM[type(effect)](self, effect)

    def _by_world(self, effect: effects.Effect) -> Any:
        return self.world.perform(effect)

    def _get(self, effect: effects.Get) -> Any:
        world = self.world  # of a near one, this is all that a hit asks for
        return world.perform(effect) if world.is_far else world.store.get(effect.key)

    def close(self) -> None:
        """Listen no more, and give the slot back unless a command runs in it."""
        if self._folder:
            self.world.wakers.remove(self._folder, self.wake)
            self._folder = ""
        self.wake = _nothing  # or the execution would keep itself, and its call, until it is collected
        self._end_lease()

    # ------------------------------------------------------------------------------------------------ slots
    def admit(self, granted: Callable[[], None]) -> None:
        """Ask for a slot; ``granted`` is called once there is one."""
        if self._needs_slot:
            self._errand.slots.acquire(granted, self._owner)
        else:
            granted()

    def admit_now(self) -> bool:
        """Take a slot if there is one now."""
        if self._needs_slot and not self._errand.slots.acquire_now():
            return False
        self.slot_granted()
        return True

    def withdraw(self, granted: Callable[[], None]) -> bool:
        """Leave the queue for a slot; ``False`` if it was granted already."""
        return self._needs_slot and self._errand.slots.withdraw(granted)

    def slot_granted(self) -> None:
        """Note that this call has a slot."""
        self._lease = Lease(self._errand.slots) if self._needs_slot else None

    def runs(self) -> bool:
        """Whether a command of this call has started, or the call has a slot to run in this process."""
        command = self._command
        return self._lease is not None if command is None else command.job().started

    def _end_lease(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.end()

    def _admit(self, _: effects.Admit) -> None:
        if not self._needs_slot:
            return
        granted = threading.Event()
        self.admit(granted.set)
        try:
            with slot_given_up():
                granted.wait()
        except BaseException:
            if not self.withdraw(granted.set):
                self._errand.slots.release()
            raise
        self.slot_granted()

    # ------------------------------------------------------------------------------------------------ waiting
    def listen(self, folder: str) -> None:
        """Be woken by publications under a folder."""
        if folder and not self._folder:
            self._folder = folder
            self.world.wakers.add(folder, self.wake)

    def others_wait(self) -> bool:
        """Whether somebody else in this process waits for the same memo."""
        return bool(self._folder) and self.world.wakers.count(self._folder) > 1

    def has_command(self) -> bool:
        """Whether a command was started, or is about to be."""
        return self._command is not None

    def runs_on(self) -> bool:
        """Whether a command of this call would run on if this process ended now."""
        return self._command is not None and self._command.is_taken

    def stop_command(self) -> None:
        """Stop the command now, wherever its call is at. Called by any thread."""
        command = self._command
        if command is not None:
            command.stop()

    def has_news(self) -> bool:
        """Whether the command ended before anybody could be woken by it."""
        return self._command is not None and self._command.job().ended

    def _set_event(self) -> None:
        if self._event is not None:
            self._event.set()

    def _wait(self, effect: effects.Wait) -> None:
        if self._event is None:
            self._event = threading.Event()
            self.listen(effect.folder)
            if self.has_news():
                return
        with slot_given_up():
            self._event.wait(jittered(effect.seconds))
        self._event.clear()

    # ------------------------------------------------------------------------------------------------ commands
    def _start(self, effect: effects.Start) -> None:
        self.world.beat_from_a_thread()
        lease, self._lease = self._lease, None  # from here on the command has it
        ended = lease.end if lease is not None else _nothing
        alone = self._context is None  # its caller waits for it
        self._command = self._errand.start(effect.folder, effect.epoch, self.wake, ended, alone=alone)

    def _ask(self, _: effects.Ask) -> answers.Job:
        if self._command is None:
            return answers.Job(started=False, ended=False)
        return self._command.job()

    def _stop(self, _: effects.Stop) -> None:
        command, self._command = self._command, None
        if command is not None:
            command.stop()
        self._end_lease()

    def _attach(self, effect: effects.Attach) -> bool:
        self._command = self._errand.find(effect.folder, effect.epoch, self.wake)
        return self._command is not None

    def _detach(self, _: effects.Detach) -> None:
        self._command = None

    # ------------------------------------------------------------------------------------------------ running here
    def _run(self, _: effects.Run) -> answers.Ran:
        self.world.beat_from_a_thread()
        clock, process = self.world.clock, os.getpid()
        started, began = clock.utc_now(), clock.monotonic()
        result: Success[Any] | Failure
        try:
            result = Success(self._invoke() if self._context is None else self._context.run(self._invoke))
        except (Exception, GeneratorExit) as error:  # noqa: BLE001 - the outcome of the call
            result = Failure(error)
        except BaseException as error:
            if os.getpid() == process:
                raise
            result = Failure(error)  # a fork of the function's: whatever ends it must not touch the parent's claim
        elapsed = clock.monotonic() - began
        changed = self._errand.changed_inputs() if isinstance(result, Success) else ""
        forked, peak = os.getpid() != process, self.world.peak_memory()
        remark = self._errand.remark()
        return answers.Ran(result, started, elapsed, forked=forked, changed=changed, peak_memory=peak, remark=remark)

    def _invoke(self) -> Any:
        if self._lease is None:
            return self._errand.invoke()
        token = HELD.set(self._lease)
        try:
            return self._errand.invoke()
        finally:
            HELD.reset(token)

    def _describe(self, effect: effects.Describe) -> FailureRecord:
        from mops.runtime.failures import describe  # only where something failed

        return describe(effect.exception, self._errand.serializer)


def _nothing() -> None:
    pass


def jittered(seconds: float) -> float:
    """About that long, so that many waiters do not look at the same moment."""
    return seconds * (1 - _JITTER + 2 * _JITTER * (os.urandom(1)[0] / 255))


_PERFORM: Final[dict[type, Callable[[Execution, Any], Any]]] = {
    **dict.fromkeys(get_args(effects.Effect), Execution._by_world),
    effects.Get: Execution._get,
    effects.Admit: Execution._admit,
    effects.Wait: Execution._wait,
    effects.Start: Execution._start,
    effects.Ask: Execution._ask,
    effects.Stop: Execution._stop,
    effects.Attach: Execution._attach,
    effects.Detach: Execution._detach,
    effects.Run: Execution._run,
    effects.Describe: Execution._describe,
}
