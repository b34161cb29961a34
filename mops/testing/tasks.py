"""Functions that the suites have called elsewhere: whoever has mops has these."""

import time
from typing import NoReturn

from mops.api.locate import locate_blob_store

TICK = "mops1/probe/tick"


def add(a: int, b: int = 0) -> int:
    """The sum."""
    return a + b


def double_slowly(number: int) -> int:
    """The double, after half a second."""
    time.sleep(0.5)
    return 2 * number


def fail(text: str) -> NoReturn:
    """Raise.

    Raises:
        ValueError: always, with that text.
    """
    raise ValueError(text)


def tick(root: str, seconds: float) -> None:
    """Write a number into a blob, another one every tenth of a second, for a time: as long as it changes, this runs."""
    store, end = locate_blob_store(root), time.monotonic() + seconds
    while time.monotonic() < end:
        store.put(TICK, str(time.time()).encode())
        time.sleep(0.1)
