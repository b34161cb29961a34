"""Observing the calls of this process: what draws progress, sums a run up, or sends it somewhere."""

from collections.abc import Callable
from types import TracebackType
from typing import final

from mops.core import events
from mops.core.errors import ConfigurationError
from mops.core.events import Event
from mops.runtime.observers import OBSERVERS, Observer

__all__ = ["Observation", "events", "observe"]


@final
class Observation:
    """An observer in place, until ``close()`` or the end of the ``with`` block. Closing twice does no harm."""

    def __init__(self, callback: Callable[[Event], object]) -> None:
        self._observer = Observer(callback)
        OBSERVERS.append(self._observer)

    def close(self) -> None:
        """Tell the observer no more. A call of it that is on its way is not waited for."""
        if self._observer in OBSERVERS:
            OBSERVERS.remove(self._observer)

    def __enter__(self) -> "Observation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def observe(callback: Callable[[Event], object]) -> Observation:
    """Have a function called with every event of every call of this process: see ``mops.events``.

    It is called at once, by the thread that has the news, possibly by several at the same time; a call goes on when it
    returns. What it raises is logged, once, and fails no call. Calls that run plainly, as ``skip_runner`` says, are
    not told, nor is what a remote process calls.

    Args:
        callback: takes an event, and tells the kinds apart by their class.

    Returns:
        A handle: a context manager, or ``close()`` it.

    Raises:
        ConfigurationError: it cannot be called.
    """
    if not callable(callback):
        raise ConfigurationError(f"an observer is called with each event; {callback!r} cannot be called")
    return Observation(callback)
