"""Files that functions take and return, in whole calls."""

from collections.abc import Callable
from pathlib import Path

import fresh
from harness import Budget, Contestant, Row, Sample, in_fresh_process
from sample import MEBIBYTE, write_file

Measurement = Callable[[str, Path], float]
REMOTES = {"thds.mops": "thds_mops", "mops": "mops_local"}


def in_own_process(measurement: Measurement, module: str, folder: Path) -> float:
    """What a function of ``fresh`` says."""
    program = "import fresh, pathlib, sys; print(getattr(fresh, sys.argv[1])(sys.argv[2], pathlib.Path(sys.argv[3])))"
    return in_fresh_process(program, measurement.__name__, module, folder)


def once(measurement: Measurement, module: str) -> Contestant:
    """A measurement that stores what it needs."""
    return lambda folder: lambda: in_own_process(measurement, module, folder)


def first_hit(measurement: Measurement, module: str) -> Contestant:
    """The first hit of a process, with a file that an earlier process has made the call with."""

    def prepare(folder: Path) -> Sample:
        write_file(folder / "given", fresh.SIZE)
        for _ in range(2):  # the second one brings a copy to this machine, where the library keeps copies
            in_own_process(measurement, module, folder)
        return lambda: in_own_process(measurement, module, folder)

    return prepare


ROWS = [
    Row(
        "2 GiB file as argument: memory of caller or callee",
        Budget(64 * MEBIBYTE),
        1,
        {name: once(fresh.memory_of_argument, module) for name, module in REMOTES.items()},
        "B",
    ),
    Row(
        "2 GiB file as result: memory of caller or callee",
        Budget(64 * MEBIBYTE),
        1,
        {name: once(fresh.memory_of_result, module) for name, module in REMOTES.items()},
        "B",
    ),
    Row(
        "256 MiB file: argument of a process's first hit",
        Budget(0.5, "joblib"),
        5,
        {
            "joblib": first_hit(fresh.content_as_argument, "joblib_memory"),
            **{name: first_hit(fresh.file_as_argument, module) for name, module in REMOTES.items()},
        },
    ),
    Row(
        "256 MiB file: result of a process's first hit",
        None,
        5,
        {
            "joblib": first_hit(fresh.content_as_result, "joblib_memory"),
            **{name: first_hit(fresh.file_as_result, module) for name, module in REMOTES.items()},
        },
    ),
]
