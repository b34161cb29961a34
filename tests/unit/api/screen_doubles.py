"""A clock and a terminal for tests of what is drawn."""

import io

WIPED = "\r\x1b[K"


class Time:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class FakeTerminal(io.StringIO):
    def isatty(self):
        return True

    @property
    def last(self):
        """What stands on the line."""
        return self.getvalue().rpartition(WIPED)[2]
