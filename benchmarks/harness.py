"""Rows of the table, and how they are measured: every contestant in turn, round by round, medians at the end.

So a slow minute of the machine falls on all of them alike.
"""

import mmap
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple, TypeAlias

OURS = "mops"
FLOOR = "floor"

Sample: TypeAlias = Callable[[], float]
"""Measures once: seconds, bytes or a number, as its row says."""

Contestant: TypeAlias = Callable[[Path], Sample]
"""Prepares one contestant in an empty folder of its own."""


class Budget(NamedTuple):
    """At most so many times what a peer needs; or, without a peer, at most so much."""

    factor: float
    peer: str = ""

    def limit(self, medians: Mapping[str, float]) -> float | None:
        """The largest value that keeps the budget; ``None`` where the peer could not be measured."""
        if not self.peer:
            return self.factor
        return self.factor * medians[self.peer] if self.peer in medians else None


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        unit: ``s``, ``B`` or nothing for a plain number.
        rounds: how often each contestant is measured.
    """

    name: str
    budget: Budget | None
    rounds: int
    contestants: Mapping[str, Contestant]
    unit: str = "s"


class Measured(NamedTuple):
    """What came of a row: medians, and for those that could not run, why."""

    row: Row
    medians: Mapping[str, float]
    reasons: Mapping[str, str]

    @property
    def verdict(self) -> str:
        """``PASS``, ``MISS``, or ``-`` where there is nothing to compare."""
        limit = self.row.budget.limit(self.medians) if self.row.budget else None
        if limit is None or OURS not in self.medians:
            return "-"
        return "PASS" if self.medians[OURS] <= limit else "MISS"


class _Entrant:
    """One contestant of a row: its samples, or the reason why there are none."""

    def __init__(self, name: str, prepare: Contestant, folder: Path) -> None:
        self.name = name
        self.values: list[float] = []
        self.reason = ""
        self._prepare = prepare
        self._folder = folder
        self._sample: Sample | None = None

    def take_turn(self) -> None:
        """Measure once; at the first turn prepare. One that failed is left alone."""
        if self.reason:
            return
        try:
            if self._sample is None:
                self._folder.mkdir(parents=True)
                self._sample = self._prepare(self._folder)
            self.values.append(self._sample())
        except Exception as error:
            traceback.print_exc()
            self.reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def measure(row: Row, folder: Path) -> Measured:
    """Let each contestant of a row measure once a round, in an order that rotates."""
    entrants = [_Entrant(name, prepare, folder / name) for name, prepare in row.contestants.items()]
    for number in range(row.rounds):
        turn = number % len(entrants)
        for entrant in entrants[turn:] + entrants[:turn]:
            entrant.take_turn()
    medians = {entrant.name: median(entrant.values) for entrant in entrants if not entrant.reason}
    return Measured(row, medians, {entrant.name: entrant.reason for entrant in entrants if entrant.reason})


def seconds(step: Callable[[], object], times: int = 1) -> float:
    """Seconds that one of so many steps takes."""
    started = perf_counter()
    for _ in range(times):
        step()
    return (perf_counter() - started) / times


def in_fresh_process(program: str, *arguments: object) -> float:
    """Run a program that may import the modules beside this one; return the number that it prints last.

    Raises:
        RuntimeError: it failed, with the last line that it wrote to its standard error.
    """
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError((done.stderr.splitlines() or ["no word of why"])[-1])
    return float(done.stdout.split()[-1])


def warm_up_memory(size: int = 768 * 2**20) -> None:
    """Touch so many bytes and give them back, so that what follows need not wait for the host.

    A virtual machine gets memory from its host at the first touch, at 0.4 GB/s where this was written, and returns it
    after a few seconds: without this, large values would measure the host.
    """
    with mmap.mmap(-1, size) as memory:
        for offset in range(0, len(memory), mmap.PAGESIZE):
            memory[offset] = 1


def warm_up_page_cache(folder: Path, size: int = 512 * 2**20) -> None:
    """As ``warm_up_memory``, for what is written to files next: the kernel takes other memory for them."""
    chunk = memoryview(bytearray(8 * 2**20))
    file = folder / "warm-up"
    with file.open("wb", buffering=0) as opened:
        for _ in range(size // len(chunk)):
            opened.write(chunk)
    file.unlink()


def anonymous_bytes() -> int:
    """Memory of this process that belongs to no file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no RssAnon")
