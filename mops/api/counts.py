"""How the calls of a map fare."""

from typing import NamedTuple


class Counts(NamedTuple):
    """How many calls of a map are in which state; a call is in one of them, but for hits, which are also done.

    Attributes:
        done: have a value.
        hits: of these, the value was stored before.
        failed: ended with an exception.
        cancelled: were withdrawn before they ran.
        running: run now, in this process or as a command of the Shell.
        waiting: are started, and wait for their turn, for the Shell, or for another process that runs them.
        total: inputs in all, where that is known.
    """

    done: int = 0
    hits: int = 0
    failed: int = 0
    cancelled: int = 0
    running: int = 0
    waiting: int = 0
    total: int | None = None
