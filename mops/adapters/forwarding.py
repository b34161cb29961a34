"""What every Shell does alike whose commands run on this machine: hand over ``sys.path``, and pass output on."""

import os
import sys
from collections import deque
from typing import ClassVar, Final, TextIO

from mops.core.remote_output import TAIL_LINES

_LONGEST_LINE: Final = 65_536
_WIPE: Final = "\r\x1b[K"


def path_of_this_process() -> list[str]:
    """``sys.path`` as another process can use it."""
    return [os.path.abspath(entry) for entry in sys.path]


class Output:
    """What one process prints, passed on to standard error line by line. Used by one thread at a time.

    Attributes:
        drawn_on: the terminal on whose last line something stands that is drawn again after it was wiped out: a line of
            progress. To be set by who draws it.
    """

    drawn_on: ClassVar[TextIO | None] = None

    def __init__(self) -> None:
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._begun = b""

    def take(self, data: bytes) -> None:
        """Pass on what is whole of it; the rest waits for the end of its line, so that no two processes share one."""
        lines = (self._begun + data).splitlines(keepends=True)
        self._begun = lines.pop() if lines and not lines[-1].endswith(b"\n") and len(lines[-1]) < _LONGEST_LINE else b""
        self._pass_on(lines)

    def end(self) -> None:
        """Pass on the last line as it is."""
        self._pass_on([self._begun] if self._begun else [])
        self._begun = b""

    def last_words(self) -> str:
        """The last lines, as an error quotes them."""
        return (b"".join(self._tail) + self._begun).decode(errors="replace").rstrip()

    def _pass_on(self, lines: list[bytes]) -> None:
        self._tail.extend(lines)
        text = b"".join(lines).decode(errors="replace")
        stream = sys.stderr
        if text and stream is self.drawn_on:
            text = f"{_WIPE}{text}" if text.endswith("\n") else f"{_WIPE}{text}\n"  # what follows wipes its line, too
        try:
            stream.write(text)  # at once: nobody draws in between
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # no standard error to write to: losing output never fails a call
