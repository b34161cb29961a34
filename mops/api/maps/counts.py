"""How the calls of a map fare."""

from typing import NamedTuple


class Counts(NamedTuple):
    """How many calls of a map came how far.

    Attributes:
        done: have an outcome: a value or a failure.
        hits: of these, the value was stored before.
        failed: of these, failed.
        cancelled: were withdrawn, and have none.
        running: run now, in this process or as a command of the Shell that is no longer pending.
        waiting: are started, and wait for their turn, for the Shell, or for another process that runs them.
        total: inputs in all; ``None`` where nobody knows before they were read.
    """

    done: int = 0
    hits: int = 0
    failed: int = 0
    cancelled: int = 0
    running: int = 0
    waiting: int = 0
    total: int | None = None
