"""The system's clocks."""

import time

from mops.core.ports.clock import Clock


class SystemClock(Clock):
    """The clocks of this machine."""

    def monotonic(self) -> float:
        """As ``time.monotonic``."""
        return time.monotonic()

    def utc_now(self) -> float:
        """As ``time.time``."""
        return time.time()
