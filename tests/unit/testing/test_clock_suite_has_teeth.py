"""The shipped suite of Clocks rejects what breaks one promise, by the law that states it."""

import itertools
import time

import pytest

from mops.runtime.clock import SystemClock
from mops.testing.clock_suite import ClockContract


class GoesBack(SystemClock):
    """As the wall clock, when somebody sets it."""

    def __init__(self):
        self.readings = itertools.count()

    def monotonic(self):
        return time.monotonic() - (1.0 if next(self.readings) % 1000 == 999 else 0.0)


class StandsStill(SystemClock):
    def monotonic(self):
        return 1.0


class CountsMilliseconds(SystemClock):
    def monotonic(self):
        return 1000 * time.monotonic()


class CountsMinutes(SystemClock):
    def monotonic(self):
        return time.monotonic() / 60


class CountsTheTimeOfEachThread(SystemClock):
    def monotonic(self):
        return time.thread_time()


class LetsOneThreadReadAtATime(SystemClock):
    def __init__(self):
        self.readings = self.read()

    def read(self):
        while True:
            time.sleep(0)  # lets another thread ask meanwhile
            yield time.monotonic()

    def monotonic(self):
        return next(self.readings)


class TellsLocalTime(SystemClock):
    def utc_now(self):
        return time.time() + 3600


class TellsNanoseconds(SystemClock):
    def utc_now(self):
        return float(time.time_ns())


class TellsTheTimeSinceItsStart(SystemClock):
    def utc_now(self):
        return time.monotonic()


SUITE = ClockContract()
GOES_BACK = SUITE.test_monotonic_never_goes_back
GOES_ON = SUITE.test_monotonic_goes_on_in_seconds
COMPARABLE = SUITE.test_monotonic_is_comparable_between_threads
AT_ONCE = SUITE.test_any_number_of_threads_read_at_once
SINCE_THE_EPOCH = SUITE.test_utc_now_is_seconds_since_the_epoch


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (GoesBack, GOES_BACK),
        (StandsStill, GOES_ON),
        (CountsMilliseconds, GOES_ON),
        (CountsMinutes, GOES_ON),
        (CountsTheTimeOfEachThread, COMPARABLE),
        (LetsOneThreadReadAtATime, AT_ONCE),
        (TellsLocalTime, SINCE_THE_EPOCH),
        (TellsNanoseconds, SINCE_THE_EPOCH),
        (TellsTheTimeSinceItsStart, SINCE_THE_EPOCH),
    ],
)
def test_a_broken_clock_is_rejected_by_its_law(broken, law):
    with pytest.raises((AssertionError, ValueError)):
        law(broken())


def test_a_clock_that_keeps_its_promises_is_not_rejected():
    for law in (GOES_BACK, GOES_ON, COMPARABLE, AT_ONCE, SINCE_THE_EPOCH):
        law(SystemClock())


def test_a_suite_without_its_clock_says_so():
    with pytest.raises(NotImplementedError, match="fixture named clock"):
        ClockContract.clock.__wrapped__(SUITE)
