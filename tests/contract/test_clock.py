"""The clocks of this machine keep the contract."""

import pytest

from mops.runtime.clock import SystemClock
from mops.testing.clock_suite import ClockContract


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self):
        return SystemClock()
