"""Calls that run in new processes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from contestants import mops_local, thds_mops
from contestants.small_function import add_one
from harness import Budget, Row, Sample, seconds

CALLS = 50
AT_A_TIME = 2


def bare_interpreter() -> None:
    """Start Python and do nothing."""
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def one_bare(folder: Path) -> Sample:
    """One interpreter."""
    return lambda: seconds(bare_interpreter)


def many_bare(folder: Path) -> Sample:
    """Fifty interpreters, two at a time."""
    pool = ThreadPoolExecutor(AT_A_TIME)
    return lambda: seconds(lambda: list(pool.map(lambda _: bare_interpreter(), range(CALLS))))


def one_mops(folder: Path) -> Sample:
    """One call, the caller waits."""
    function, numbers = mops_local.in_subprocesses(folder, add_one, AT_A_TIME), count()
    function(next(numbers))
    return lambda: seconds(lambda: function(next(numbers)))


def many_mops(folder: Path) -> Sample:
    """Fifty calls submitted at once."""
    function, numbers = mops_local.in_subprocesses(folder, add_one, AT_A_TIME), count()

    def sample() -> None:
        futures = [function.submit(next(numbers)) for _ in range(CALLS)]
        for future in futures:
            future.result()

    return lambda: seconds(sample)


def one_thds(folder: Path) -> Sample:
    """One call, the caller waits."""
    function, numbers = thds_mops.in_subprocesses(folder, add_one), count()
    return lambda: seconds(lambda: function(next(numbers)))


def many_thds(folder: Path) -> Sample:
    """Fifty calls from two threads."""
    function, numbers = thds_mops.in_subprocesses(folder, add_one), count()
    pool = ThreadPoolExecutor(AT_A_TIME)
    return lambda: seconds(lambda: list(pool.map(function, [next(numbers) for _ in range(CALLS)])))


ROWS = [
    Row(
        "one call through a new subprocess",
        Budget(0.070),
        11,
        {"floor": one_bare, "thds.mops": one_thds, "mops": one_mops},
    ),
    Row(
        "50 calls through new subprocesses, 2 at a time",
        Budget(1.8),
        3,
        {"floor": many_bare, "thds.mops": many_thds, "mops": many_mops},
    ),
]
