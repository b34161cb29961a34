"""The one line of progress of a map: ``score: 120/1,000  80 hits  30 running  2 failed  12.3/s  eta 1:05``."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, final

from mops.api.display.screens import Screen, columns, screen_here
from mops.api.display.wording import clock_text, printable
from mops.api.settings import switched_on

_FIRST: Final = 1.0
"""Seconds before anything is drawn: what is over by then needs no progress."""
_SAMPLES: Final = 60
"""How many times of drawing something new the rate is taken over: minutes where calls take long, else seconds."""
_GAP: Final = "  "


class Faring(Protocol):
    """How many calls of a map came how far. Asked only when the line is drawn."""

    @property
    def done(self) -> int:
        """Have an outcome: a value or a failure."""

    @property
    def hits(self) -> int:
        """Of these, the value was stored before."""

    @property
    def failed(self) -> int:
        """Of these, failed."""

    @property
    def running(self) -> int:
        """Run now."""

    @property
    def waiting(self) -> int:
        """Are started, and wait for their turn or for others."""


@final
class Progress:
    """Draws the line from time to time, and wipes it out at the end. Used by one thread, the consumer of the map.

    Args:
        name: of the function.
        total: how many calls there will be; ``None`` where nobody knows.
        wanted: ``None`` asks the environment, where ``MOPS_PROGRESS=0`` turns it off.
        clock: monotonic seconds.
    """

    def __init__(
        self, name: str, total: int | None, wanted: bool | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        if wanted is None:
            wanted = switched_on("MOPS_PROGRESS", unset=True)
        self._total = total
        self._name = printable(name)
        self._clock = clock
        self._began = clock()
        self._due = self._began + _FIRST if wanted else math.inf
        self._drawn = self._began
        self._screen: Screen | None = None
        self._samples = deque([(self._began, 0)], maxlen=_SAMPLES)
        self._counts: Faring | None = None  # what was drawn last

    def update(self, counts: Faring) -> None:
        """Draw the line if it is time to. To be called as often as anything happens: mostly, it reads the clock."""
        now = self._clock()
        if now < self._due:
            return
        if self._screen is None:
            self._screen = screen_here()
            self._due = self._began + self._screen.first
            if now < self._due:
                return
        self._due = now + self._screen.interval
        self._counts = counts
        self._drawn = now
        if counts.done != self._samples[-1][1]:
            self._samples.append((now, counts.done))
        self._screen.show(self._line(counts, self._screen.width()))

    def hide(self) -> None:
        """Wipe the line out until it is drawn next: somebody else is about to write."""
        if self._screen is not None:
            self._screen.hide()

    def close(self, counts: Faring | None = None) -> None:
        """Wipe the line out; where it cannot be, and there is one, leave it with these counts. Nothing follows."""
        self._due = math.inf
        screen, self._screen = self._screen, None
        if screen is not None:
            screen.close(self._line(counts or self._counts, screen.width()) if self._counts is not None else "")

    def _line(self, counts: Faring, width: int) -> str:
        return line(self._name, self._total, counts, self._rate(), width)

    def _rate(self) -> float:
        """Calls a second, lately."""
        (since, before), (_, done) = self._samples[0], self._samples[-1]
        return (done - before) / (self._drawn - since) if done > before else 0.0


def line(name: str, total: int | None, counts: Faring, rate: float, width: int) -> str:
    """The line, in at most that many columns: what matters least is left out first."""
    done = f"{counts.done:,}" if total is None else f"{counts.done:,}/{total:,}"
    left = 0 if total is None else total - counts.done
    parts = {
        "name": f"{name}: {done}",
        "hits": _count(counts.hits, "hits"),
        "running": _count(counts.running, "running"),
        "waiting": _count(counts.waiting, "waiting"),
        "failed": _count(counts.failed, "failed"),
        "rate": f"{rate:,.1f}/s" if rate > 0 else "",
        "eta": f"eta {clock_text(left / rate)}" if left > 0 and rate > 0 else "",
    }
    for least in ("", "waiting", "rate", "running", "hits", "name", "eta", "failed"):
        if least == "name":
            parts["name"] = done
        elif least:
            parts[least] = ""
        text = _GAP.join(filter(None, parts.values()))
        if columns(text) <= width:
            return text
    return done[: max(width, 0)]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number else ""
