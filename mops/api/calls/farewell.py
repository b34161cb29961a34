"""What a program does and says when it ends while submitted calls are under way."""

import sys
from collections.abc import Sequence
from typing import Final

from mops.api.calls.invocation import Invocation
from mops.api.worlds import say
from mops.runtime.engine import engine
from mops.runtime.task import Task

_PATIENCE: Final = 5.0
"""Seconds for commands to stop in, after Ctrl-C."""
_SHOWN: Final = 5


def take_leave(pending: Sequence[tuple[Invocation, Task]]) -> None:
    """Leave what runs elsewhere to itself, or stop it where Ctrl-C ends the program; and say what is left behind.

    What was claimed here is named as left, in one request a blob root, so that nobody waits for this process.
    """
    running = [invocation.uri for invocation, task in pending if task.execution.runs_on()]
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        for _, task in pending:
            engine().cancel(task)
        engine().wait_for_stopped(_PATIENCE)
        running = []
    for world in {id(invocation.world): invocation.world for invocation, _ in pending}.values():
        world.leave_everything()
    text = _text(running, len(pending) - len(running))
    if text:
        say(text)


def _text(running: Sequence[str], others: int) -> str:
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
    return "\n".join(lines)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"
