"""What is tried again, how often, and after how long."""

from collections.abc import Callable
from typing import Any, Final, final

from mops.core.errors import KINDS, ConfigurationError, FailureKind
from mops.core.sizes import size_of

_MOST_DOUBLINGS: Final = 60


@final
class Grow:
    """Attempts with more memory each. Not to be changed.

    Args:
        times: further attempts.
        factor: how many times the memory of the attempt before.
        limit: bytes that no attempt exceeds; a text such as ``"64Gi"`` will do.

    Raises:
        ConfigurationError: for a number that cannot be meant.
    """

    __slots__ = ("factor", "limit", "times")

    def __init__(self, times: int, *, factor: float = 2.0, limit: int | str | None = None) -> None:
        _check_count("Grow", times)
        most = None if limit is None else size_of(limit, "limit")
        if not factor > 1 or most == 0:
            raise ConfigurationError(f"Grow takes a factor above 1 and a limit in bytes, not {factor!r}, {limit!r}")
        self.times = times
        self.factor = factor
        self.limit = most

    def __repr__(self) -> str:
        return f"Grow({self.times}, factor={self.factor}, limit={self.limit})"

    def memory(self, first: int, step: int) -> int:
        """Bytes for the attempt after that many failures for lack of memory."""
        grown = int(first * self.factor**step)
        return grown if self.limit is None else max(first, min(grown, self.limit))


@final
class Retries:
    """How many further attempts a call has for failures of each kind. Not to be changed.

    What cannot end otherwise the next time is never tried again: a wrong argument, a missing package, other code.

    Args:
        user: for exceptions of the function, and for a function that ends its own process.
        interrupted: for commands that somebody else stopped: preempted, evicted, killed.
        out_of_memory: for lack of memory; ``Grow(...)`` has each attempt get more, where the Shell can.
        infrastructure: for commands that could not be started or never reported, and stores out of reach of a remote.
        first_delay: seconds before the second attempt, about; each further one waits twice as long.
        longest_delay: seconds that no wait exceeds, but for jitter.
        when: asked with the exception; ``False``: it is not tried again.

    Raises:
        ConfigurationError: for a number that cannot be meant.
    """

    __slots__ = ("first_delay", "infrastructure", "interrupted", "longest_delay", "out_of_memory", "user", "when")

    def __init__(
        self,
        *,
        user: int = 0,
        interrupted: int = 0,
        out_of_memory: int | Grow = 0,
        infrastructure: int = 0,
        first_delay: float = 1.0,
        longest_delay: float = 60.0,
        when: Callable[[BaseException], bool] | None = None,
    ) -> None:
        self.user = user
        self.interrupted = interrupted
        self.out_of_memory = out_of_memory
        self.infrastructure = infrastructure
        self.first_delay = first_delay
        self.longest_delay = longest_delay
        self.when = when
        for kind in KINDS:
            _check_count(kind, self.times(kind))
        if not first_delay >= 0 or not longest_delay >= first_delay:
            raise ConfigurationError(f"delays are seconds, the first one first: {first_delay!r}, {longest_delay!r}")
        if when is not None and not callable(when):
            raise ConfigurationError(f"when is asked with an exception; {when!r} cannot be called")

    def __repr__(self) -> str:
        changed = [
            f"{name}={value!r}" for name in self.__slots__ if (value := getattr(self, name)) != getattr(NEVER, name)
        ]
        return f"Retries({', '.join(changed)})"

    def times(self, kind: FailureKind) -> int:
        """Further attempts for failures of a kind."""
        allowed: Any = getattr(self, kind)
        return allowed.times if isinstance(allowed, Grow) else allowed

    def delay(self, failures: int) -> float:
        """Seconds to wait after that many failures."""
        return float(min(self.longest_delay, self.first_delay * 2 ** min(failures - 1, _MOST_DOUBLINGS)))


def _check_count(name: str, count: Any) -> None:
    if type(count) is not int or count < 0:
        raise ConfigurationError(f"{name} counts further attempts; it cannot be {count!r}")


NEVER: Final = Retries()
"""Every failure is delivered."""
