"""What is tried again, how often, and after how long."""

from collections.abc import Callable
from math import isfinite, log2
from typing import Any, Final, final

from mops.core.errors import KINDS, ConfigurationError, FailureKind
from mops.core.sizes import size_of

_MOST_DOUBLINGS: Final = 60


@final
class Grow:
    """Attempts with more memory each, until the most was tried. Not to be changed.

    Args:
        factor: how many times the memory of the attempt before.
        max: bytes that no attempt exceeds; a text such as ``"64Gi"`` will do.
        times: further attempts at most; by default, as many as lead to ``max``, which has to be given then. Where the
            Shell has no limit of memory to raise, ``times`` alone counts.

    Raises:
        ConfigurationError: for a number that cannot be meant, and where neither end is given.
    """

    __slots__ = ("factor", "max", "times")

    def __init__(self, factor: float = 2.0, *, max: int | str | None = None, times: int | None = None) -> None:  # noqa: A002
        number: Any = factor
        if not isinstance(number, int | float) or not (isfinite(number) and number > 1):
            raise ConfigurationError(f"Grow multiplies the memory by a factor above 1, which {factor!r} is not")
        most = None if max is None else size_of(max, "max")
        if most == 0:
            raise ConfigurationError("no attempt can have 0 bytes of memory")
        if times is not None:
            _check_count("Grow", times)
        elif most is None:
            raise ConfigurationError("memory cannot grow for ever: state Grow(max=...) or Grow(times=...)")
        self.factor = factor
        self.max = most
        self.times = times

    def __repr__(self) -> str:
        return f"Grow({self.factor}, max={self.max}, times={self.times})"

    def memory(self, first: int, step: int) -> int:
        """Bytes for the attempt after that many failures for lack of memory."""
        grown = int(first * self.factor ** min(step, _MOST_DOUBLINGS / log2(self.factor)))
        return grown if self.max is None else max(first, min(grown, self.max))

    def goes_on(self, failures: int, memory: int | None) -> bool:
        """Whether there is another attempt.

        Args:
            failures: for lack of memory, so far, but for the last one.
            memory: bytes that the last one had; ``None`` where its Shell has no limit to raise.
        """
        if self.times is not None and failures >= self.times:
            return False
        if memory is None:
            return self.times is not None
        return self.max is None or memory < self.max


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
            if not isinstance(getattr(self, kind), Grow):
                _check_count(kind, getattr(self, kind))
        if not first_delay >= 0 or not longest_delay >= first_delay:
            raise ConfigurationError(f"delays are seconds, the first one first: {first_delay!r}, {longest_delay!r}")
        if when is not None and not callable(when):
            raise ConfigurationError(f"when is asked with an exception; {when!r} cannot be called")

    def __repr__(self) -> str:
        changed = [
            f"{name}={value!r}" for name in self.__slots__ if (value := getattr(self, name)) != getattr(NEVER, name)
        ]
        return f"Retries({', '.join(changed)})"

    def goes_on(self, kind: FailureKind, failures: int, memory: int | None) -> bool:
        """Whether there is another attempt after a failure.

        Args:
            kind: of the failure.
            failures: of that kind, before this one.
            memory: see ``Grow.goes_on``.
        """
        allowed: Any = getattr(self, kind)
        if isinstance(allowed, Grow):
            return allowed.goes_on(failures, memory)
        return failures < int(allowed)

    def delay(self, failures: int) -> float:
        """Seconds to wait after that many failures."""
        return float(min(self.longest_delay, self.first_delay * 2 ** min(failures - 1, _MOST_DOUBLINGS)))


def _check_count(name: str, count: Any) -> None:
    if type(count) is not int or count < 0:
        raise ConfigurationError(f"{name} counts further attempts; it cannot be {count!r}")


NEVER: Final = Retries()
"""Every failure is delivered."""
