"""The Clock port: time, for whoever drives the core."""

from abc import abstractmethod
from typing import Protocol


class Clock(Protocol):
    """Two clocks. Both methods may be called from any number of threads at once."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds that never go back; comparable within this process alone."""

    @abstractmethod
    def utc_now(self) -> float:
        """Seconds since the epoch, UTC. For people: nothing is decided by it."""
