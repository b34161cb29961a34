"""Calls on workers that are ready: each of ours is memoized, and runs in a fresh fork."""

from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from contestants import dask_cluster, mops_local, ray_cluster
from contestants.small_function import add_one
from harness import Budget, Row, Sample, seconds

CALLS = 50
AT_A_TIME = 2


def one(executor: Any) -> Sample:
    """One call, the caller waits."""
    numbers = count()
    executor.submit(add_one, next(numbers)).result()
    return lambda: seconds(lambda: executor.submit(add_one, next(numbers)).result(), 5)


def many(executor: Any) -> Sample:
    """Fifty calls submitted at once."""
    numbers = count()

    def sample() -> None:
        for future in [executor.submit(add_one, next(numbers)) for _ in range(CALLS)]:
            future.result()

    sample()
    return lambda: seconds(sample)


def pool(folder: Path) -> Executor:
    """The standard library's processes; nothing is stored."""
    return ProcessPoolExecutor(AT_A_TIME, mp_context=get_context("spawn"))


class Mops:
    """Our function with the face of an executor."""

    def __init__(self, folder: Path) -> None:
        self._function = mops_local.in_warm_workers(folder, add_one, AT_A_TIME)

    def submit(self, _: object, number: int) -> Any:
        """Submit a call."""
        return self._function.submit(number)


EXECUTORS = {
    "pool": pool,
    "ray": lambda folder: ray_cluster.Cluster(AT_A_TIME),
    "dask": lambda folder: dask_cluster.start(AT_A_TIME),
    "mops": Mops,
}

ROWS = [
    Row(
        "one call on a warm worker",
        Budget(0.005),
        11,
        {name: lambda folder, make=make: one(make(folder)) for name, make in EXECUTORS.items()},
    ),
    Row(
        "50 calls on warm workers, 2 at a time",
        Budget(0.150),
        7,
        {name: lambda folder, make=make: many(make(folder)) for name, make in EXECUTORS.items()},
    ),
]
