"""What a run came to, said at its exit where ``MOPS_SUMMARY=1`` asks for it."""

import atexit
import os
import sys
import threading
from typing import final

import attrs

from mops.api.display.wording import duration_text, printable, size_text
from mops.api.observation import observe
from mops.core.events import Event, Failed, Hit, Published


@final
@attrs.define
class Totals:
    """What calls came to.

    Attributes:
        hits: answered with what another call computed.
        misses: computed and stored.
        failures: attempts that failed.
        saved: seconds that the hits would have taken, as far as that is stored.
        read: bytes of the values of hits.
        stored: bytes of the values of misses.
    """

    hits: int = 0
    misses: int = 0
    failures: int = 0
    saved: float = 0.0
    read: int = 0
    stored: int = 0

    def add(self, event: Event) -> None:
        """Count an event; those that are not the outcome of anything count for nothing."""
        match event:
            case Hit():
                self.hits += 1
                self.saved += event.saved or 0.0
                self.read += event.bytes
            case Published():
                self.misses += 1
                self.stored += event.bytes
            case Failed():
                self.failures += 1
            case _:
                pass

    def __str__(self) -> str:
        return (
            f"{_count(self.hits, 'hit')}, {_count(self.misses, 'miss')}, {_count(self.failures, 'failure')}; "
            f"{duration_text(self.saved)} saved; {size_text(self.read)} read, {size_text(self.stored)} stored"
        )


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


@final
class Summary:
    """Sums up the events of a process; one line in all, and one a function where there are several."""

    def __init__(self) -> None:
        self._by_function: dict[str, Totals] = {}
        self._all = Totals()
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._unlock)

    def _unlock(self) -> None:
        """In a forked child: whoever held the lock is not there."""
        self._lock = threading.Lock()

    def add(self, event: Event) -> None:
        """Count an event, from any thread."""
        with self._lock:
            self._all.add(event)
            self._by_function.setdefault(event.function, Totals()).add(event)

    def lines(self) -> list[str]:
        """The summary, as text."""
        with self._lock:
            functions = sorted(self._by_function.items()) if len(self._by_function) > 1 else []
            return [f"mops: {self._all}", *(f"  {printable(name)}: {totals}" for name, totals in functions)]


_summaries: dict[int, Summary] = {}


def sum_up_at_exit() -> None:
    """Sum this process up on standard error when it exits, once, however often it is asked for."""
    process = os.getpid()
    if process in _summaries:
        return
    summary = _summaries[process] = Summary()
    observe(summary.add)
    atexit.register(_print, process, summary)


def _print(process: int, summary: Summary) -> None:
    if os.getpid() != process or sys.stderr is None:
        return  # a fork that exits like a program is not the run
    try:
        sys.stderr.write("\n".join([*summary.lines(), ""]))
        sys.stderr.flush()
    except (OSError, ValueError):  # it is closed, or nobody reads it any more
        sys.stderr = None  # or the interpreter would try once more, and exit with 120
