"""How a map starts one of its calls: through a Runner that can submit, or right here."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, TypeAlias, final

from mops.api.calls.futures import MopsFuture
from mops.api.calls.invocation import Invocation
from mops.api.calls.submission import begin, future_of
from mops.api.settings import STATED
from mops.core.result import Success


@final
class Ready:
    """A value that is there at once.

    Attributes:
        value: it.
        hit: it was stored before.
        as_future: makes its finished future, for those who ask for one.
    """

    __slots__ = ("as_future", "hit", "value")

    def __init__(self, value: Any, as_future: Callable[[], Future[Any]], *, hit: bool) -> None:
        self.value = value
        self.as_future = as_future
        self.hit = hit


Begin: TypeAlias = Callable[[Iterable[Any]], "Ready | Future[Any]"]
"""Starts the call with these arguments. What it raises is the failure of that call."""


@final
class Inline:
    """Runs each call to its end, in the thread that asks for it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, args: Iterable[Any]) -> Ready:
        """See ``Begin``."""
        value = self._function(*args)
        return Ready(value, partial(_finished, value), hit=False)


@final
class Submitting:
    """Has a Runner submit each call."""

    def __init__(self, function: Callable[..., Any], submit: Callable[..., Future[Any]], bound: Sequence[Any]) -> None:
        self._function = function
        self._submit = submit
        self._bound = bound

    def __call__(self, args: Iterable[Any]) -> Future[Any]:
        """See ``Begin``."""
        return self._submit(self._function, *self._bound, *args)


@final
class Looking:
    """Looks for each call's result on the spot, and has the calls started that have none.

    All calls of a map take turns, for slots of the Shell, with the calls of others. They are of the root that was
    configured when the map was started, wherever its results are asked for.
    """

    def __init__(
        self, function: Callable[..., Any], invocation: Callable[..., Invocation], bound: Sequence[Any]
    ) -> None:  # fmt: skip
        self._function = function
        self._invocation = invocation
        self._bound = tuple(bound)
        self._stated = STATED.get()

    def __call__(self, args: Iterable[Any]) -> "Ready | Future[Any]":
        """See ``Begin``."""
        if STATED.get() is self._stated:
            return self._start(args)
        token = STATED.set(self._stated)
        try:
            return self._start(args)
        finally:
            STATED.reset(token)

    def _start(self, args: Iterable[Any]) -> "Ready | Future[Any]":
        invocation = self._invocation(self._function, (*self._bound, *args), _NO_KEYWORDS)
        begun = begin(invocation, self)
        if isinstance(begun, Future):
            return begun
        assert isinstance(begun.result, Success)
        return Ready(begun.result.value, partial(future_of, invocation, begun), hit=True)


_NO_KEYWORDS: Final[dict[str, Any]] = {}


def _finished(value: Any) -> Future[Any]:
    future: MopsFuture[Any] = MopsFuture()
    future.resolve(value, dict)
    return future
