"""The one line of progress of a map: ``score: 120/1,000  80 hits  30 running  2 failed  12.3/s  eta 1:05``."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final, final

from mops.api.counts import Counts
from mops.api.progress_screens import Screen, columns, screen_here
from mops.api.settings import switched_on
from mops.api.wording import printable

_FIRST: Final = 1.0
"""Seconds before anything is drawn: what is over by then needs no progress."""
_SAMPLES: Final = 60
"""How many times of drawing the rate is taken over."""
_GAP: Final = "  "


@final
class Progress:
    """Draws the line from time to time, and wipes it out at the end. Used by one thread, the consumer of the map.

    Args:
        name: of the function.
        total: how many calls there will be; ``None`` where that is known later, by the counts, or never.
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
        self._screen: Screen | None = None
        self._samples = deque([(self._began, 0)], maxlen=_SAMPLES)
        self._counts: Counts | None = None  # what was drawn last

    def update(self, counts: Counts) -> None:
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
        self._samples.append((now, _over(counts)))
        self._screen.show(self._line(counts, self._screen.width()))

    def close(self, counts: Counts | None = None) -> None:
        """Wipe the line out; where it cannot be, and there is one, leave it with these counts. Nothing follows."""
        self._due = math.inf
        screen, self._screen = self._screen, None
        if screen is not None:
            screen.close(self._line(counts or self._counts, screen.width()) if self._counts is not None else "")

    def _line(self, counts: Counts, width: int) -> str:
        return line(self._name, self._total, counts, self._rate(), width)

    def _rate(self) -> float:
        """Calls a second, lately."""
        (since, before), (now, done) = self._samples[0], self._samples[-1]
        return (done - before) / (now - since) if now > since else 0.0


def line(name: str, total: int | None, counts: Counts, rate: float, width: int) -> str:
    """The line, in at most that many columns: what matters least is left out first."""
    over, total = _over(counts), counts.total if total is None else total
    done = f"{over:,}" if total is None else f"{over:,}/{total:,}"
    left = 0 if total is None else total - over
    parts = {
        "name": f"{name}: {done}",
        "hits": _count(counts.hits, "hits"),
        "running": _count(counts.running, "running"),
        "waiting": _count(counts.waiting, "waiting"),
        "failed": _count(counts.failed, "failed"),
        "rate": f"{rate:,.1f}/s" if rate > 0 else "",
        "eta": f"eta {_clock_text(left / rate)}" if left > 0 and rate > 0 else "",
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


def _over(counts: Counts) -> int:
    return counts.done + counts.failed + counts.cancelled


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number else ""


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
