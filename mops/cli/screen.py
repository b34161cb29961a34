"""How answers look: drawn with rich where a person looks, plain and stable where they are piped.

Everything that is shown was written by somebody else, into a store. Control characters in it are shown as escapes, so
that no stored text moves the cursor or splits a line, and nothing of it is taken for markup.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from mops.api.display.wording import duration_text, local_text, printable, size_text, utc_text

if TYPE_CHECKING:
    from rich.console import Console

_STYLES: Final = {
    "stored": "green",
    "running": "cyan",
    "failed": "red",
    "unreadable": "bold red",
    "interrupted": "yellow",
    "stopped": "yellow",
    "voided": "yellow",
}
_WIDTHS: Final = (19, 8, 7)
"""Columns of when, for how long, how large."""
_LINE_ENDS: Final = re.compile(r"\r+\n?")
_COLOUR: Final = re.compile(r"\x1b\[[\d;:]*m")
_PARTS: Final = re.compile(rf"({_COLOUR.pattern}|[\n\t])")
_PASSES: Final = frozenset("\n\t")


def is_for_people() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


@cache
def _console() -> "Console":
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


def _draw(*pieces: tuple[str, str]) -> None:
    from rich.text import Text

    _console().print(Text.assemble(*pieces))


def heading(text: str) -> None:
    """Begin a section."""
    if is_for_people():
        _draw(("\n" + printable(text), "bold"))
    else:
        print(f"\n{printable(text)}")


def line(text: object, state: str = "") -> None:
    """One line, in the colour of a state."""
    if is_for_people():
        _draw((printable(text), _STYLES.get(state, "")))
    else:
        print(printable(text))


def fields(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair a line; what has no value is left out."""
    for name, value in pairs:
        if value is None or value == "":
            continue
        if is_for_people():
            _draw((f"  {printable(name):<13} ", "dim"), (printable(value), _STYLES.get(str(value), "")))
        else:
            print(f"  {printable(name):<13} {printable(value)}")


def block(text: str) -> None:
    """A text of several lines, indented."""
    for each in text.splitlines():
        line(f"    {each}")


def output(data: bytes) -> None:
    """What a function printed: byte for byte where it is piped, with its colours alone where a person looks."""
    if is_for_people():
        sys.stdout.write(_shown(data.decode(errors="replace")))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    sys.stdout.flush()


def _shown(text: str) -> str:
    """The text with its lines, tabs and colours; a line that was written over is followed by the next."""
    lines = _LINE_ENDS.sub("\n", text)
    return "".join(
        part if part in _PASSES or _COLOUR.fullmatch(part) else printable(part) for part in _PARTS.split(lines)
    ) + ("\x1b[0m" if "\x1b" in lines else "")


def row(cells: Sequence[object]) -> None:
    """One line of a table for programs: cells between tabs."""
    print("\t".join(printable(cell) for cell in cells))


def entry(state: str, facts: Sequence[str], title: str, address: str) -> None:
    """One entry of a list for people: state and facts in columns, and what it is about; below, its address."""
    columns = "  ".join(f"{printable(fact):>{width}}" for fact, width in zip(facts, _WIDTHS, strict=True))
    _draw((f"{state:<11}", _STYLES.get(state, "")), (f"  {columns}  ", "dim"), (printable(title), "bold"))
    _draw((f"  {printable(address)}", "dim"))


def moment(utc: float | None) -> str:
    """A time: by the local clock for people, in UTC for programs."""
    if utc is None:
        return "-"
    return local_text(utc) if is_for_people() else utc_text(utc)


def duration(seconds: float | None) -> str:
    """A duration: with a unit for people, in seconds for programs."""
    if seconds is None:
        return "-"
    return duration_text(seconds) if is_for_people() else f"{seconds:.6f}"


def size(count: int | None) -> str:
    """A number of bytes: with a unit for people, as it is for programs."""
    if count is None:
        return "-"
    return size_text(count) if is_for_people() else str(count)
