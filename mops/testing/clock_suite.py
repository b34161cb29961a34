"""The contract of Clocks as tests: subclass, fill in the fixture ``clock``, and run pytest. The laws are final.

class TestMyClock(ClockContract):
    @pytest.fixture
    def clock(self):
        return MyClock()
"""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from typing import Final, final

import pytest

from mops.core.ports.clock import Clock

__all__ = ["ClockContract"]

_READINGS: Final = 2000
_THREADS: Final = 4
_PAUSE: Final = 0.05
"""Seconds that lie between two readings, at least."""
_APART: Final = 1.0
"""Seconds by which two readings of one moment may differ: the wall clock may be set while the test runs."""


class ClockContract:
    """What the runtime asks of whatever tells the time of this machine. Fill in ``clock``."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The Clock under test."""
        raise NotImplementedError("a suite needs a fixture named clock")

    @final
    def test_monotonic_never_goes_back(self, clock: Clock) -> None:
        readings = [clock.monotonic() for _ in range(_READINGS)]
        assert all(before <= after for before, after in pairwise(readings))

    @final
    def test_monotonic_goes_on_in_seconds(self, clock: Clock) -> None:
        began, before = time.monotonic(), clock.monotonic()
        time.sleep(_PAUSE)
        after, ended = clock.monotonic(), time.monotonic()
        assert _PAUSE / 2 < after - before < 2 * (ended - began)

    @final
    def test_monotonic_is_comparable_between_threads(self, clock: Clock) -> None:
        with ThreadPoolExecutor(1) as another:
            readings = [reading for _ in range(50) for reading in (clock.monotonic(), _read_by(another, clock))]
        assert all(before <= after for before, after in pairwise(readings))

    @final
    def test_any_number_of_threads_read_at_once(self, clock: Clock) -> None:
        barrier = Barrier(_THREADS)

        def read(_: int) -> list[float]:
            barrier.wait(60)
            return [clock.monotonic() for _ in range(_READINGS) if clock.utc_now() > 0]

        with ThreadPoolExecutor(_THREADS) as pool:
            for readings in pool.map(read, range(_THREADS)):
                assert len(readings) == _READINGS
                assert all(before <= after for before, after in pairwise(readings))

    @final
    def test_utc_now_is_seconds_since_the_epoch(self, clock: Clock) -> None:
        before = time.time()
        now = clock.utc_now()
        after = time.time()
        assert before - _APART <= now <= after + _APART


def _read_by(thread: ThreadPoolExecutor, clock: Clock) -> float:
    return thread.submit(clock.monotonic).result()
