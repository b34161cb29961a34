"""Large values: 256 MiB of numbers, and a frame of a million rows."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from contestants import diskcache_memoize, joblib_memory, mops_local, thds_mops
from harness import Budget, Contestant, Row, Sample, in_fresh_process, seconds, warm_up_memory, warm_up_page_cache
from sample import MEBIBYTE, frame_of, large_array, same_frame, size_of

Memoize = Callable[[Path, Callable[..., Any]], Any]

# In a process of its own too: joblib does not note the code of a function that it has noted under another folder.
STORE = """
import sys
from pathlib import Path
from contestants.{module} import memoize
from sample import large_array
print(memoize(Path(sys.argv[1]), large_array)(0).nbytes)
"""
FIRST_GET = """
import sys
from pathlib import Path
import sample
from contestants.{module} import memoize
from harness import anonymous_bytes, seconds, warm_up_memory
small, large = (memoize(Path(sys.argv[1]), function) for function in (sample.small_array, sample.large_array))
small(3), small(3)
warm_up_memory()
before = anonymous_bytes()
taken = seconds(lambda: globals().update(result=large(0)))
grown = anonymous_bytes() - before
assert result.nbytes == 2**28 and not sample.large_array_was_made()
print({wanted})
"""


def store(memoize: Memoize) -> Contestant:
    """A miss whose result is an array that was never stored before."""

    def prepare(folder: Path) -> Sample:
        function, salts = memoize(folder, large_array), count()
        return lambda: after_sync(folder, lambda: function(next(salts)))

    return prepare


def store_bare(folder: Path) -> Sample:
    """Write the array to a new file."""
    salts = count()

    def write() -> None:
        with (folder / str(next(salts))).open("wb") as file:
            file.write(memoryview(large_array(0)).cast("B"))

    return lambda: after_sync(folder, write)


def after_sync(folder: Path, step: Callable[[], object]) -> float:
    """Measure while the disk has nothing left to write from before, and memory is at hand."""
    large_array(0)
    os.sync()
    warm_up_memory()
    warm_up_page_cache(folder)
    return seconds(step)


def first_get(module: str, wanted: str) -> Contestant:
    """The first hit of a process: its seconds, or the anonymous memory that it takes."""

    def prepare(folder: Path) -> Sample:
        in_fresh_process(STORE.format(module=module), folder)
        program = FIRST_GET.format(module=module, wanted=wanted)
        return lambda: in_fresh_process(program, folder)

    return prepare


def get_bare(folder: Path) -> Sample:
    """Read the array from a file."""
    path = folder / "array"
    large_array(0).tofile(path)

    def read() -> float:
        warm_up_memory()
        return seconds(lambda: np.fromfile(path, np.int64))

    return read


def argument(memoize: Memoize) -> Contestant:
    """A hit whose argument is the array."""

    def prepare(folder: Path) -> Sample:
        function, array = memoize(folder, size_of), large_array(0)
        function(array)
        return lambda: after_sync(folder, lambda: function(array))

    return prepare


def hash_bare(folder: Path) -> Sample:
    """Hash the array."""
    array = memoryview(large_array(0)).cast("B")
    return lambda: seconds(lambda: blake3(array, max_threads=2).digest())


def frame(memoize: Memoize, *, again: bool) -> Contestant:
    """A call with a frame as argument and as result: never made before, or made before."""

    def prepare(folder: Path) -> Sample:
        function, value, salts = memoize(folder, same_frame), frame_of(1_000_000), count(step=0 if again else 1)
        if again:
            function(value, next(salts))
        return lambda: after_sync(folder, lambda: function(value, next(salts)))

    return prepare


MEMOIZERS = {
    "joblib": (joblib_memory.memoize, "joblib_memory"),
    "thds.mops": (thds_mops.memoize, "thds_mops"),
    "mops": (mops_local.memoize, "mops_local"),
}
WITH_DISKCACHE = {"diskcache": (diskcache_memoize.memoize, "diskcache_memoize"), **MEMOIZERS}

ROWS = [
    Row(
        "256 MiB array: store",
        Budget(0.75, "joblib"),
        7,
        {"floor": store_bare, **{name: store(memoize) for name, (memoize, _) in WITH_DISKCACHE.items()}},
    ),
    Row(
        "256 MiB array: first get of a process",
        Budget(1, "joblib"),
        7,
        {"floor": get_bare, **{name: first_get(module, "taken") for name, (_, module) in WITH_DISKCACHE.items()}},
    ),
    Row(
        "256 MiB array: anonymous memory of that get",
        Budget(16 * MEBIBYTE),
        1,
        {name: first_get(module, "grown") for name, (_, module) in WITH_DISKCACHE.items()},
        "B",
    ),
    Row(
        "256 MiB array: argument of a hit",
        Budget(0.125, "joblib"),
        7,
        {"floor": hash_bare, **{name: argument(memoize) for name, (memoize, _) in MEMOIZERS.items()}},
    ),
    Row(
        "10^6-row frame as argument and result: miss",
        Budget(0.5, "joblib"),
        7,
        {name: frame(memoize, again=False) for name, (memoize, _) in MEMOIZERS.items()},
    ),
    Row(
        "10^6-row frame as argument and result: hit",
        Budget(0.25, "joblib"),
        7,
        {name: frame(memoize, again=True) for name, (memoize, _) in MEMOIZERS.items()},
    ),
]
