"""Small calls in one process: a hit, a miss, and both from eight threads."""

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from contestants import diskcache_memoize, joblib_memory, mops_local, thds_mops
from contestants.small_function import add_one
from harness import Budget, Contestant, Row, Sample, seconds

Memoize = Callable[[Path, Callable[..., Any]], Any]

CALLS = 1_000
THREADS = 8
MAPPED = 10_000


def hit(memoize: Memoize, times: int) -> Contestant:
    """The same call again and again."""

    def prepare(folder: Path) -> Sample:
        function = memoize(folder, add_one)
        function(1)
        return lambda: seconds(lambda: function(1), times)

    return prepare


def miss(memoize: Memoize, times: int) -> Contestant:
    """Another call each time."""

    def prepare(folder: Path) -> Sample:
        function, numbers = memoize(folder, add_one), count()
        return lambda: seconds(lambda: function(next(numbers)), times)

    return prepare


def from_threads(memoize: Memoize, calls: int, *, again: bool) -> Contestant:
    """Distinct calls from eight threads: the first time, or again. Seconds for 1,000 of them."""

    def prepare(folder: Path) -> Sample:
        function, first = memoize(folder, add_one), count(step=0 if again else calls)
        pool = ThreadPoolExecutor(THREADS)
        if again:
            list(pool.map(function, range(calls)))

        def sample() -> float:
            start = next(first)
            numbers = range(start, start + calls)
            return seconds(lambda: list(pool.map(function, numbers))) * CALLS / calls

        return sample

    return prepare


def hits_one_by_one(folder: Path) -> Sample:
    """Ten thousand stored results, by plain calls."""
    function = mops_local.memoize(folder, add_one)
    function.map(range(MAPPED)).wait()
    return lambda: seconds(lambda: [function(number) for number in range(MAPPED)])


def hits_of_a_map(folder: Path) -> Sample:
    """The same, by one map."""
    function = mops_local.memoize(folder, add_one)
    function.map(range(MAPPED)).wait()
    return lambda: seconds(lambda: list(function.map(range(MAPPED))))


def misses_of_a_map(folder: Path) -> Sample:
    """A thousand other calls each time, by one map."""
    function, first = mops_local.memoize(folder, add_one), count(step=CALLS)

    def sample() -> float:
        start = next(first)
        return seconds(lambda: function.map(range(start, start + CALLS)).wait())

    return sample


def read_one_file(folder: Path) -> Sample:
    """What a hit cannot do without: open, read and close a small file, and unpickle a number."""
    path = str(folder / "result")
    Path(path).write_bytes(bytes(300))
    number = pickle.dumps(2)

    def read() -> None:
        descriptor = os.open(path, os.O_RDONLY)
        os.read(descriptor, 65536)
        os.close(descriptor)
        pickle.loads(number)

    return lambda: seconds(read, 2_000)


def write_two_files(folder: Path) -> Sample:
    """What a miss cannot do without: a new folder, a claim and a result in it."""
    numbers = count()

    def write() -> None:
        own = f"{folder}/{next(numbers)}"
        os.mkdir(own)
        for name in ("claim", "result"):
            descriptor = os.open(f"{own}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(descriptor, bytes(300))
            os.close(descriptor)

    return lambda: seconds(write, 100)


def everybody(procedure: Callable[[Memoize, int], Contestant], times: int, slow: int) -> dict[str, Contestant]:
    """One procedure with all libraries; the slowest one repeats it less often."""
    return {
        "diskcache": procedure(diskcache_memoize.memoize, times),
        "joblib": procedure(joblib_memory.memoize, times),
        "thds.mops": procedure(thds_mops.memoize, slow),
        "mops": procedure(mops_local.memoize, times),
    }


def misses_from_threads(memoize: Memoize, calls: int) -> Contestant:
    """See ``from_threads``."""
    return from_threads(memoize, calls, again=False)


def hits_from_threads(memoize: Memoize, calls: int) -> Contestant:
    """See ``from_threads``."""
    return from_threads(memoize, calls, again=True)


ROWS = [
    Row(
        "hit, `f(int) -> int`, warm", Budget(1, "diskcache"), 21, {"floor": read_one_file, **everybody(hit, 1_000, 10)}
    ),
    Row("miss, same thread", Budget(0.75, "joblib"), 21, {"floor": write_two_files, **everybody(miss, 100, 5)}),
    Row("1,000 misses from 8 threads", Budget(1 / 1.5, "joblib"), 5, everybody(misses_from_threads, CALLS, 50)),
    Row("1,000 hits from 8 threads", Budget(1 / 3, "joblib"), 5, everybody(hits_from_threads, CALLS, 50)),
    Row("map of 10,000 hits", Budget(1 / 0.7, "floor"), 5, {"floor": hits_one_by_one, "mops": hits_of_a_map}),
    Row("map of 1,000 misses", None, 5, {"mops": misses_of_a_map}),
]
