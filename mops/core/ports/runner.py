"""The Runner port: what ``use_runner`` forwards calls to."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol, runtime_checkable


class Runner(Protocol):
    """Anything that calls a function somewhere: ``multiprocessing.Pool.apply`` is one."""

    @abstractmethod
    def __call__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Any:
        """Return ``func(*args, **kwargs)``, from wherever, or raise what it raises.

        ``func`` is a small picklable that names the decorated function and calls the plain one.
        """


@runtime_checkable
class SupportsSubmit(Protocol):
    """A Runner that can start a call and return before it has finished."""

    @abstractmethod
    def submit(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start the call; the Future resolves with what ``__call__`` would return or raise."""
