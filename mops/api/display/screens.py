"""Where a line of progress can be shown: a terminal, a notebook, a log, or nowhere."""

import os
import sys
import threading
import time
from typing import Any, Final, Protocol, TextIO, final

_UNLIMITED: Final = 1 << 30
_ANY_TERMINAL: Final = 80
_GAP: Final = "  "
_QUIET: Final = 1.0
"""Seconds in which what interrupts a transfer or a map is written."""

MAPS, TRANSFERS = 0, 1
"""Places on the line of a terminal."""


class Screen(Protocol):
    """Shows one line, which replaces the one before.

    Attributes:
        first: seconds until the first line.
        interval: seconds between two lines.
    """

    @property
    def first(self) -> float:
        """See above."""

    @property
    def interval(self) -> float:
        """See above."""

    def width(self) -> int:
        """How many columns a line may have now."""

    def show(self, text: str) -> None:
        """Show a line. Never raises for what has become of the place where it is shown."""

    def hide(self) -> None:
        """Leave the place clean until the next line, where others write to the same place."""

    def close(self, text: str) -> None:
        """Leave the place clean; ``text`` is the last line, or nothing where none was shown."""


def screen_here() -> Screen:
    """The screen of this process, as things are now."""
    stream = sys.stderr
    if stream is None or stream.closed:
        return Nowhere()
    if _in_notebook():
        return Notebook()
    return Terminal(stream) if _is_terminal(stream) else Log()


def terminal_here(place: int) -> "Terminal | None":
    """The terminal of this process, as things are now, if it has one."""
    stream = sys.stderr
    if stream is None or stream.closed or not _is_terminal(stream) or _in_notebook():
        return None
    return Terminal(stream, place)


def get_ready() -> None:
    """Import what drawing needs: a thread imports nothing, since a fork could find it half done."""
    import unicodedata  # noqa: F401

    import mops.adapters.forwarding  # noqa: F401


def leave_line() -> None:
    """Wipe out what transfers show, for whoever is about to write: an exception of the user's, say."""
    with _line.lock:
        transfers = _line.owners[TRANSFERS]
        if transfers is not None:
            transfers.hide()


def _is_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal on which a line can be written over."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this: it has imported what it needs to show something."""
    return "ipykernel" in sys.modules and "IPython.display" in sys.modules


def columns(text: str) -> int:
    """How many columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, width: int) -> str:
    """As much of the beginning of a text as fits into that many columns."""
    while text and columns(text) > width:
        text = text[: width if width > 0 and len(text) > width else -1]
    return text


@final
class _Line:
    """What stands on the line of the terminal, and whose its places are: of maps, and to the right of transfers."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a forked child has to: it has none of those who show something."""
        self.lock = threading.RLock()
        self.owners: list[Terminal | None] = [None, None]
        self.texts = ["", ""]
        self.quiet_until = 0.0

    def room(self, place: int, width: int) -> int:
        """What the other place leaves, and half of the line at least."""
        other = self.texts[1 - place]
        half = width // 2 if place == TRANSFERS else width - width // 2 - len(_GAP)
        return max(width - columns(other) - len(_GAP), half) if other else width

    @property
    def is_left_alone(self) -> bool:
        """Whether a map has left the line to whoever else writes, or has just ended: then transfers leave it, too."""
        hidden = self.owners[MAPS] is not None and not self.texts[MAPS]
        return hidden or (not self.texts[MAPS] and time.monotonic() < self.quiet_until)

    def text(self, width: int) -> str:
        """The line, in so many columns."""
        left, right = self.texts
        if columns(right) > self.room(TRANSFERS, width):
            right = ""  # it will be shorter in a moment
        if left and right:
            left = cut(left, width - columns(right) - len(_GAP))
        return _GAP.join(filter(None, (left, right)))


_line: Final = _Line()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_line.forget)


@final
class Terminal:
    """One of the places on the line on which the cursor of a terminal stands. Of several owners, the first one has it.

    Args:
        stream: the terminal.
        place: ``MAPS`` or ``TRANSFERS``.
    """

    first = 1.0
    interval = 0.1

    def __init__(self, stream: TextIO, place: int = MAPS) -> None:
        self._stream = stream
        self._place = place

    def width(self) -> int:
        """How many columns the place has now."""
        return _line.room(self._place, self._columns())

    def show(self, text: str) -> None:
        """Rewrite the line."""
        with _line.lock:
            owners = _line.owners
            owners[self._place] = owners[self._place] or self
            if owners[self._place] is self:
                _line.texts[self._place] = text
                self._give_way(self._stream)
                self._draw()

    def hide(self) -> None:
        """Wipe the line out for now; transfers stay away for a second."""
        with _line.lock:
            if _line.owners[self._place] is self:
                _line.texts[self._place] = ""
                _line.quiet_until = time.monotonic() + _QUIET
                self._write("")

    def close(self, _: str) -> None:
        """Wipe the line out; where a transfer ends, what a map shows beside it stays."""
        with _line.lock:
            if _line.owners[self._place] is self:
                _line.owners[self._place] = None
                _line.texts[self._place] = ""
                if self._place == MAPS:
                    _line.quiet_until = time.monotonic() + _QUIET
                    self._write("")
                else:
                    self._draw()
                if not any(_line.owners):
                    self._give_way(None)

    def _draw(self) -> None:
        if not _line.is_left_alone:
            self._write(_line.text(self._columns()))

    def _columns(self) -> int:
        """One less than the terminal has, which would wrap at the last."""
        try:
            return (os.get_terminal_size(self._stream.fileno()).columns or _ANY_TERMINAL) - 1
        except (OSError, ValueError):
            return _ANY_TERMINAL - 1

    @staticmethod
    def _give_way(stream: TextIO | None) -> None:
        """Have what remotes print replace the line, which is drawn again below."""
        from mops.adapters.forwarding import Output

        Output.drawn_on = stream

    def _write(self, text: str) -> None:
        try:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
        except (OSError, ValueError):
            pass  # the terminal is gone; what is shown on it goes on


@final
class Notebook:
    """One output of the cell, which is rewritten and stays with its last line."""

    first = 1.0
    interval = 0.5

    def __init__(self) -> None:
        self._handle: Any = None

    def width(self) -> int:
        """As much as a cell shows without scrolling."""
        return 100

    def show(self, text: str) -> None:
        """Rewrite the output."""
        bundle = {"text/plain": text}
        if self._handle is None:
            self._handle = sys.modules["IPython.display"].display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def hide(self) -> None:
        """Nothing else is written to its place."""

    def close(self, text: str) -> None:
        """Leave the last line."""
        if text:
            self.show(text)


@final
class Log:
    """A line of level INFO of the logger ``mops``, for what is piped or runs unattended."""

    first = 30.0
    interval = 30.0

    def width(self) -> int:
        """A log has no columns."""
        return _UNLIMITED

    def show(self, text: str) -> None:
        """Log the line."""
        import logging  # 10 ms, which a map of a second should not pay for

        logging.getLogger("mops").info("%s", text)

    def hide(self) -> None:
        """Nothing else is written to its place."""

    def close(self, text: str) -> None:
        """Log where it ended, if anything was logged before."""
        if text:
            self.show(text)


@final
class Nowhere:
    """There is nothing to show a line on."""

    first = interval = float("inf")

    def width(self) -> int:
        """No line is shown."""
        return 0

    def show(self, text: str) -> None:
        """No line is shown."""

    def hide(self) -> None:
        """Nothing else is written to its place."""

    def close(self, text: str) -> None:
        """Nothing is to be left clean."""
