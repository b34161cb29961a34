"""What has to be measured in a process of its own, which imports one library alone.

Each takes the name of the library's module among the contestants, and a folder that holds what it stores.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import sample
from harness import seconds, warm_up_memory
from peaks import growth

LARGE = 2 * 2**30
SIZE = 256 * sample.MEBIBYTE


def memory_of_argument(module: str, folder: Path) -> int:
    """Bytes that a call with a file of 2 GiB takes, in the caller or in the process that runs it."""
    function = import_module(f"contestants.{module}").in_subprocesses(folder, sample.size_of_file)
    small, large = (sample.write_file(folder / f"given-{size}", size) for size in (1024, LARGE))
    return growth(lambda: function(large), lambda: function(small))


def memory_of_result(module: str, folder: Path) -> int:
    """Bytes that a call takes whose result is a file of 2 GiB, in the caller or in the process that runs it."""
    function = import_module(f"contestants.{module}").in_subprocesses(folder, sample.new_file)
    return growth(lambda: function(str(folder), LARGE), lambda: function(str(folder), 1024))


def file_as_argument(module: str, folder: Path) -> float:
    """Seconds of a call with a file. Its digest is remembered nowhere, since it looks as if it had changed."""
    function, path = _memoize(module, folder, sample.size_of_file), folder / "given"
    path.touch()
    return _first(lambda: function(path))


def content_as_argument(module: str, folder: Path) -> float:
    """The same, where a file has to be read by the caller: into an array, of which joblib has the fastest digests."""
    function, path = _memoize(module, folder, sample.size_of), folder / "given"
    return _first(lambda: function(sample.content_of_file(str(path))))


def file_as_result(module: str, folder: Path) -> float:
    """Seconds of a call that returns a file."""
    function = _memoize(module, folder, sample.new_file)
    return _first(lambda: function(str(folder), SIZE))


def content_as_result(module: str, folder: Path) -> float:
    """The same, where the function has to read the file."""
    function = _memoize(module, folder, sample.content_of_file)
    return _first(lambda: function(str(folder / "given")))


def _memoize(module: str, folder: Path, function: Callable[..., Any]) -> Any:
    """Memoize a function, in a process that has had a hit before."""
    memoize = import_module(f"contestants.{module}").memoize
    small = memoize(folder, sample.small_array)
    small(3)
    small(3)
    return memoize(folder, function)


def _first(call: Callable[[], object]) -> float:
    warm_up_memory()
    return seconds(call)
