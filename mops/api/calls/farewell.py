"""What a program does and says when it ends while submitted calls are under way."""

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from mops.api.calls.invocation import Invocation
from mops.api.worlds import say
from mops.runtime.commands import STOPPING
from mops.runtime.engine import engine
from mops.runtime.task import Task

_PATIENCE: Final = 5.0
"""Seconds for commands to stop in, after Ctrl-C."""
_SHOWN: Final = 5


def take_leave(pending: Sequence[tuple[Invocation, Task]]) -> None:
    """Leave what runs elsewhere to itself, or stop it where Ctrl-C ends the program; and say what is left behind.

    What was claimed here is named as left, in one request a blob root, so that nobody waits for this process. Another
    Ctrl-C cuts the waiting short, and that request.
    """
    running = [invocation.uri for invocation, task in pending if task.execution.runs_on()]
    others = len(pending) - len(running)
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        _stop([task for _, task in pending])
        running, others = [], len(pending)
    text = _text(running, others, len(STOPPING))
    if text:
        say(text)
    with suppress(KeyboardInterrupt):
        for world in {id(invocation.world): invocation.world for invocation, _ in pending}.values():
            world.leave_everything()


def _stop(tasks: Sequence[Task]) -> None:
    """Stop tasks, and wait until their commands have ended, unless Ctrl-C comes once more."""
    try:
        for task in tasks:
            engine().cancel(task)
        engine().wait_for_stopped(_PATIENCE)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the next one ends the program on the spot
        for task in tasks:
            engine().cancel(task)
            task.execution.stop_command()


def _text(running: Sequence[str], others: int, stopping: int) -> str:
    lines = []
    if running:
        lines.append(
            f"the program ends while {_calls(len(running))} of it {_are(len(running))} under way elsewhere, "
            "to be stored there: call again to have the results, or wait for one with mops.attach(URI):"
        )
        lines += [f"    {uri}" for uri in running[:_SHOWN]]
        lines += [f"    and {len(running) - _SHOWN:,} more"] if len(running) > _SHOWN else []
    if others:
        lines.append(f"the program ends with {_calls(others)} of it undone: call again to have the results")
    if stopping:
        commands = "1 command" if stopping == 1 else f"{stopping:,} commands"
        lines.append(f"{commands} could not be stopped in time, and may run on")
    return "\n".join(lines)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"
