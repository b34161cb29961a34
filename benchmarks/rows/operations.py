"""What a call asks of the store, and what a waiting call holds."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from contestants import thds_mops
from contestants.small_function import add_one
from harness import Budget, Contestant, Row, Sample, in_fresh_process

THDS_OPERATIONS = ("readbytesinto", "getfile", "putbytes", "putfile", "exists", "put_unless_exists", "list")

WAITING_MOPS = """
from mops import MemoizingPicklingRunner, use_runner
function = use_runner(MemoizingPicklingRunner(pending, "file://" + sys.argv[1]))(add_one)
"""
WAITING_THDS = """
import logging
from thds.mops import pure
logging.disable(logging.WARNING)
pure.set_pipeline_id("bench")
runner = pure.MemoizingPicklingRunner(pending, "file://" + sys.argv[1])
def function(): ...
function.submit = lambda number: runner.submit(add_one, number)
"""
WAITING = """
import os, sys, threading
from concurrent.futures import Future
from contestants.small_function import add_one
from harness import anonymous_bytes
def pending(argv): return Future()
{function}
first = [function.submit(number) for number in range(100)]
before, threads = anonymous_bytes(), threading.active_count()
calls = [function.submit(number) for number in range(1000, 1000 + {calls})]
held = (anonymous_bytes() - before) / {calls}
more_threads = (threading.active_count() - threads) / {calls}
assert not any(call.done() for call in calls)
print({wanted}, flush=True)
os._exit(0)
"""


REQUESTS = """
import sys
from pathlib import Path
from contestants import mops_operations
from contestants.small_function import add_one
function = mops_operations.{how}(Path(sys.argv[1]), add_one, *sys.argv[2:])
function(1)
print(mops_operations.requests_of(lambda: function({argument})))
"""


def operations_of_mops(how: str, argument: int, *root: str) -> Contestant:
    """Requests to its store, a local one unless another root is given, by one call after a first one of the process."""
    program = REQUESTS.format(how=how, argument=argument)
    return lambda folder: lambda: in_fresh_process(program, folder, *root)


def waiting(function: str, calls: int, wanted: str) -> Contestant:
    """Submit calls whose commands never finish: the memory, or the part of a thread, that each holds."""
    program = WAITING.format(function=function, calls=calls, wanted=wanted)
    return lambda folder: lambda: in_fresh_process(program, folder)


def operations_of_thds(*, again: bool) -> Contestant:
    """Calls of its file store's methods by one call."""

    def prepare(folder: Path) -> Sample:
        from thds.mops.pure.core import file_blob_store

        function, numbers = thds_mops.memoize(folder, add_one), count(step=0 if again else 1)
        function(next(numbers))
        calls: Counter[str] = Counter()
        for name in THDS_OPERATIONS:
            count_calls(file_blob_store.FileBlobStore, name, calls)

        def sample() -> float:
            calls.clear()
            function(next(numbers))
            return calls.total()

        return sample

    return prepare


def count_calls(cls: type, name: str, calls: Counter[str]) -> None:
    """Count the calls of one method, whoever makes them."""
    original: Callable[..., Any] = getattr(cls, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        return original(*args, **kwargs)

    setattr(cls, name, counting)


ROWS = [
    Row(
        "store operations of a hit",
        Budget(1),
        1,
        {"thds.mops": operations_of_thds(again=True), "mops": operations_of_mops("in_thread", 1)},
        "",
    ),
    Row(
        "store operations of a miss, same thread",
        Budget(3),
        1,
        {"thds.mops": operations_of_thds(again=False), "mops": operations_of_mops("in_thread", 2)},
        "",
    ),
    Row(
        "store operations of a miss, new subprocess",
        Budget(7),
        1,
        {"mops": operations_of_mops("in_subprocess", 2)},
        "",
    ),
    Row(
        "memory of a waiting call",
        Budget(5_000),
        3,
        {"thds.mops": waiting(WAITING_THDS, 200, "held"), "mops": waiting(WAITING_MOPS, 2_000, "held")},
        "B",
    ),
    Row(
        "threads of a waiting call",
        Budget(0.01),
        1,
        {"thds.mops": waiting(WAITING_THDS, 200, "more_threads"), "mops": waiting(WAITING_MOPS, 2_000, "more_threads")},
        "",
    ),
]
