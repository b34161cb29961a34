"""One call on its way: performs the effects that concern this very call, and passes the others to the world."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from mops.core import effects
from mops.core.failure import FailureRecord
from mops.core.ports.serializer import Serializer
from mops.core.ports.shell import Shell
from mops.core.result import Failure, Success
from mops.runtime.slots import Lease, Slots
from mops.runtime.world import World

if TYPE_CHECKING:
    from mops.runtime.commands import Command

_JITTER: Final = 0.2


@final
class Workplace:
    """Where the calls of one Runner run.

    Attributes:
        shell: starts a command; ``None`` where calls run in this process.
        slots: how many at once.
        argv: the command line for a memo's folder and an epoch.
    """

    __slots__ = ("argv", "shell", "slots")

    def __init__(self, shell: Shell | None, slots: Slots, argv: Callable[[str, int], Sequence[str]]) -> None:
        self.shell = shell
        self.slots = slots
        self.argv = argv


class Execution:
    """The hands of one call. Used by one thread at a time, but for ``wake``.

    Args:
        world: performs what concerns no particular call.
        workplace: where the call runs.
        invoke: runs the function here.
        serializer: for exceptions.
        needs_slot: whether the call counts among the workplace's: a direct in-thread call does not.
    """

    __slots__ = (
        "_command", "_event", "_folder", "_invoke", "_lease", "_needs_slot", "_serializer", "_workplace", "wake", "world",
    )  # fmt: skip

    def __init__(
        self, world: World, workplace: Workplace, invoke: Callable[[], Any], serializer: Serializer, *, needs_slot: bool
    ) -> None:  # fmt: skip
        self.world = world
        self._workplace = workplace
        self._invoke = invoke
        self._serializer = serializer
        self._needs_slot = needs_slot
        self._command: Command | None = None
        self._event: threading.Event | None = None
        self._folder = ""
        self._lease: Lease | None = None
        self.wake: Callable[[], None] = self._set_event

    def perform(self, effect: effects.Effect) -> Any:
        """Answer one effect, blocking this thread where it has to."""
        own = _OWN.get(type(effect))
        return self.world.perform(effect) if own is None else own(self, effect)

    def close(self) -> None:
        """Listen no more, and give the slot back unless a command runs in it."""
        if self._folder:
            self.world.wakers.remove(self._folder, self.wake)
            self._folder = ""
        self._end_lease()

    # ------------------------------------------------------------------------------------------------ slots
    def admit(self, granted: Callable[[], None]) -> None:
        """Ask for a slot; ``granted`` is called once there is one."""
        if self._needs_slot:
            self._workplace.slots.acquire(granted)
        else:
            granted()

    def withdraw(self, granted: Callable[[], None]) -> bool:
        """Leave the queue for a slot; ``False`` if it was granted already."""
        return self._needs_slot and self._workplace.slots.withdraw(granted)

    def slot_granted(self) -> None:
        """Note that this call has a slot."""
        self._lease = Lease(self._workplace.slots) if self._needs_slot else None

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
            granted.wait()
        except BaseException:
            if not self.withdraw(granted.set):
                self._workplace.slots.release()
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
        self._event.wait(jittered(effect.seconds))
        self._event.clear()

    # ------------------------------------------------------------------------------------------------ commands
    def _start(self, effect: effects.Start) -> None:
        from mops.runtime.commands import Command  # futures: a hit does not need them

        self.world.beat_from_a_thread()
        shell = self._workplace.shell
        assert shell is not None  # noqa: S101 - inline calls are run, not started
        argv = self._workplace.argv(effect.folder, effect.epoch)
        lease, self._lease = self._lease, None  # from here on the command has it
        self._command = Command(shell, argv, lambda: self.wake(), lease.end if lease is not None else _nothing)

    def _ask(self, _: effects.Ask) -> effects.Job:
        if self._command is None:
            return effects.Job(started=False, ended=False)
        return self._command.job()

    def _stop(self, _: effects.Stop) -> None:
        command, self._command = self._command, None
        if command is not None:
            command.stop()
        self._end_lease()

    # ------------------------------------------------------------------------------------------------ running here
    def _run(self, _: effects.Run) -> effects.Ran:
        self.world.beat_from_a_thread()
        clock, process = self.world.clock, os.getpid()
        started, began = clock.utc_now(), clock.monotonic()
        result: Success[Any] | Failure
        try:
            result = Success(self._invoke())
        except Exception as error:  # noqa: BLE001 - the outcome of the call
            result = Failure(error)
        return effects.Ran(result, started, clock.monotonic() - began, forked=os.getpid() != process)

    def _describe(self, effect: effects.Describe) -> FailureRecord:
        from mops.runtime.failures import describe  # only where something failed

        return describe(effect.exception, self._serializer)


def _nothing() -> None:
    pass


def jittered(seconds: float) -> float:
    """About that long, so that many waiters do not look at the same moment."""
    return seconds * (1 - _JITTER + 2 * _JITTER * (os.urandom(1)[0] / 255))


_OWN: Final[dict[type, Callable[[Execution, Any], Any]]] = {
    effects.Admit: Execution._admit,
    effects.Wait: Execution._wait,
    effects.Start: Execution._start,
    effects.Ask: Execution._ask,
    effects.Stop: Execution._stop,
    effects.Run: Execution._run,
    effects.Describe: Execution._describe,
}
