"""Where a line of progress can be shown: a terminal, a notebook, a log, or nowhere."""

import os
import sys
import threading
from typing import Any, Final, Protocol, TextIO, final

_UNLIMITED: Final = 1 << 30
_ANY_TERMINAL: Final = 80


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
    if stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return Terminal(stream)
    return Log()


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this: it has imported what it needs to show something."""
    return "ipykernel" in sys.modules and "IPython.display" in sys.modules


def columns(text: str) -> int:
    """How many columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


@final
class Terminal:
    """The line on which the cursor of a terminal stands. With several maps at once, the first one has it."""

    first = 1.0
    interval = 0.1
    _taken: Final = threading.Lock()

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._mine = False

    def width(self) -> int:
        """One less than the terminal has, which would wrap at the last."""
        try:
            return (os.get_terminal_size(self._stream.fileno()).columns or _ANY_TERMINAL) - 1
        except (OSError, ValueError):
            return _ANY_TERMINAL - 1

    def show(self, text: str) -> None:
        """Rewrite the line."""
        if not self._mine:
            self._mine = self._taken.acquire(blocking=False)
        if self._mine:
            self._give_way(self._stream)
            self._write(f"\r\x1b[K{text}")

    def hide(self) -> None:
        """Wipe the line out for now."""
        if self._mine:
            self._write("\r\x1b[K")

    def close(self, _: str) -> None:
        """Wipe the line out."""
        if self._mine:
            self._write("\r\x1b[K")
            self._give_way(None)
            self._mine = False
            self._taken.release()

    @staticmethod
    def _give_way(stream: TextIO | None) -> None:
        """Have what remotes print replace the line, which is drawn again below."""
        from mops.adapters.forwarding import Output

        Output.drawn_on = stream

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            pass  # the terminal is gone; the map goes on


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
