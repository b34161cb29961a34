"""Code of others that our threads call: callbacks and observers. It may take its time, call mops, or raise anything."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

NO_WAY_OUT: Final = (SystemExit, GeneratorExit)
"""What a callback raises to leave: there is nothing here that it could leave. Ctrl-C is another matter."""


class Pool(Protocol):
    """Whoever a thread works for."""

    def step_out(self) -> None:
        """This thread is about to do what may take its time: let another one do its work."""

    def step_in(self) -> None:
        """This thread is back."""


class _Here(threading.local):
    """What this thread is.

    Attributes:
        pool: that it works for; ``None`` for a thread of somebody else's.
    """

    pool: Pool | None = None


HERE: Final = _Here()


@contextmanager
def among_strangers() -> Iterator[None]:
    """Call code of others, on whatever thread this is, and keep nobody else waiting meanwhile."""
    pool = HERE.pool
    if pool is None:
        yield
        return
    pool.step_out()
    try:
        yield
    finally:
        pool.step_in()


def guarded(callback: Callable[[Any], object], argument: Any) -> None:
    """Call a callback that may raise ``SystemExit``: this thread is nobody's to end."""
    try:
        callback(argument)
    except NO_WAY_OUT:
        import logging

        logging.getLogger("mops").exception("the callback %r raised", callback)
