"""One computation of a simulated process, and the effects that the simulation adds to those of the core."""

from collections.abc import Callable, Generator
from typing import Any, Final

UNSEEN: Final = -1.0


class Beat:
    """A private effect: write the heartbeat."""


class Depart:
    """A private effect: write that the session has ended."""


class Close:
    """A private effect: a call is over, and whatever it has of its Shell is given back."""


class Task:
    """One computation. ``turn`` numbers what it waits for, so that an interrupt can overtake an answer."""

    __slots__ = (
        "answers",
        "done",
        "epoch",
        "finished",
        "given_up",
        "is_child",
        "job",
        "settled",
        "slot",
        "steps",
        "turn",
        "unstored",
    )

    def __init__(self, steps: Generator[Any, Any, Any], done: Callable[[Any], None]) -> None:
        self.steps = steps
        self.done = done
        self.turn = 0
        self.finished = False
        self.job: Any = None
        self.slot = False
        self.epoch = 0
        self.settled = UNSEEN
        self.unstored = self.given_up = self.is_child = False
        self.answers: list[Any] | None = None  # what was answered so far, where a fork may need it
