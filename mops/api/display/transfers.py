"""Transfers that take longer than a second, on the terminal: ``storing model.npy  [####....]  50%  ...  eta 0:12``."""

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Final, final

from mops.api.display.screens import TRANSFERS, Terminal, columns, cut, get_ready, terminal_here
from mops.api.display.wording import clock_text, printable, size_text
from mops.api.settings import defaults, switched_on
from mops.core.ports.transfers import Advance, Transfers
from mops.runtime.transfers import UNTOLD

_FIRST: Final = 1.0
"""Seconds before a transfer is shown: what is over by then needs no bar."""
_SAMPLES: Final = 50
"""Looks that a rate is taken over: five seconds."""
_GAP: Final = "  "
_BAR: Final = 20
_LONGEST_NAME: Final = 40


def line(name: str, done: int, total: int | None, rate: float, age: float, width: int) -> str:
    """The line, in at most that many columns: what matters least is left out first.

    Args:
        name: what is done to what.
        done: bytes; zero where the store does not tell.
        total: bytes, where they are known.
        rate: bytes a second.
        age: seconds for which the transfer has run.
        width: columns.
    """
    share = min(done / total, 1.0) if total and done else None
    left = max(total - done, 0) / rate if total and rate > 0 else 0.0
    parts = {
        "name": cut(name, _LONGEST_NAME),
        "bar": "" if share is None else f"[{'#' * int(share * _BAR):.<{_BAR}}]",
        "share": "" if share is None else f"{int(share * 100)}%",
        "bytes": _bytes(done, total),
        "rate": f"{size_text(rate)}/s" if rate > 0 else "",
        "time": f"eta {clock_text(left)}" if left > 0 else clock_text(age),
    }
    for least in ("", "bar", "name", "bytes", "rate", "time"):
        parts[least] = ""
        text = _GAP.join(filter(None, parts.values()))
        if columns(text) <= width:
            return text
    return ""


def _bytes(done: int, total: int | None) -> str:
    if not total or not done:
        return size_text(total or done)
    return f"{size_text(done)} of {size_text(total)}"


@final
class TransferLine(Transfers):
    """Draws the transfers of this process that have run for a second, in a thread that lives while there are any.

    Where standard error is no terminal, in a remote, and in the processes of a pool, nothing is drawn.

    Args:
        clock: monotonic seconds.
        start: runs a function in a thread of its own.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._clock = clock
        self._start = start or self._in_a_thread
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._live: list[_Transfer] = []
        self._screen: Terminal | None = None
        self._is_drawn = False
        self._is_closed = False

    def begin(self, name: str, total: int | None, /) -> AbstractContextManager[Advance | None]:
        """As the port says; ``MOPS_PROGRESS=0`` turns it off."""
        screen = terminal_here(TRANSFERS)
        return UNTOLD if screen is None or not self._is_wanted() else _Transfer(self, screen, name, total)

    def _is_wanted(self) -> bool:
        pools = sys.modules.get("multiprocessing.process")
        return (
            self._pid == os.getpid()
            and not defaults.executes
            and (pools is None or pools.parent_process() is None)
            and switched_on("MOPS_PROGRESS", unset=True)
        )

    def enter(self, transfer: "_Transfer") -> None:
        """A transfer begins."""
        with self._lock:
            transfer.look(self._clock())
            self._live.append(transfer)
            if not self._is_drawn:
                with suppress(RuntimeError):  # there is no thread to be had: the transfer matters more
                    self._start(self._draw_while_any)
                    self._is_drawn = True

    def leave(self, transfer: "_Transfer") -> None:
        """A transfer has ended. Where nothing else is shown, the line is clean when this returns."""
        with self._lock:
            self._live.remove(transfer)
            if not self._shown(self._clock()):
                self._wipe()

    def _draw_while_any(self) -> None:
        time.sleep(_FIRST)
        while self.draw():
            time.sleep(Terminal.interval)

    def draw(self) -> bool:
        """Draw the line anew; whether there is anything left to draw, now or later."""
        with self._lock:
            now = self._clock()
            for transfer in self._live:
                transfer.look(now)
            shown = self._shown(now)
            if shown:
                self._screen = self._screen or shown[0].screen
                self._screen.show(_line_of(shown, now, self._screen.width()))
            self._is_drawn = bool(self._live) and not self._is_closed
            return self._is_drawn

    def _shown(self, now: float) -> "list[_Transfer]":
        return [] if self._is_closed else [each for each in self._live if now - each.began >= _FIRST]

    def _wipe(self) -> None:
        screen, self._screen = self._screen, None
        if screen is not None:
            screen.close("")

    def _in_a_thread(self, function: Callable[[], None]) -> None:
        get_ready()
        threading.Thread(target=function, name="mops-transfers", daemon=True).start()
        atexit.unregister(self._close)
        atexit.register(self._close)

    def _close(self) -> None:
        """Draw no more: at the end of the interpreter, a thread that writes would be frozen with the stream's lock."""
        with self._lock:
            self._is_closed = True
            self._wipe()


@final
class _Transfer(AbstractContextManager[Advance | None]):
    """One transfer, while its context lasts."""

    def __init__(self, line_: TransferLine, screen: Terminal, name: str, total: int | None) -> None:
        self.screen = screen
        self.name = printable(name)
        self.total = total
        self.done = 0
        self._line = line_
        self._samples: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)
        self._lock = threading.Lock()
        self.began = 0.0

    def __enter__(self) -> Advance:
        self._line.enter(self)
        return self._advance

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.leave(self)

    def _advance(self, count: int) -> None:
        with self._lock:
            self.done += count

    def look(self, now: float) -> None:
        """Note how far it is."""
        if not self._samples:
            self.began = now
        self._samples.append((now, self.done))

    @property
    def rate(self) -> float:
        """Bytes a second, lately."""
        (since, before), (now, done) = self._samples[0], self._samples[-1]
        return (done - before) / (now - since) if now > since else 0.0


def _line_of(shown: list[_Transfer], now: float, width: int) -> str:
    """The line of some transfers, as if they were one."""
    name = shown[0].name if len(shown) == 1 else f"{len(shown)} transfers"
    totals = [each.total for each in shown if each.total is not None]
    total = sum(totals) if len(totals) == len(shown) else None
    rate = sum(each.rate for each in shown)
    return line(name, sum(each.done for each in shown), total, rate, now - min(each.began for each in shown), width)


LINE: Final = TransferLine()
"""The transfers of this process."""
