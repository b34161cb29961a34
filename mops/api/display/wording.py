"""How facts of a store are put into words: the same in explanations and on the command line."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any


def printable(text: object) -> str:
    """The text on one line, with an escape in place of each control character.

    What a store holds was written by somebody else: nothing of it may move the cursor, or split a line.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in shown)


def utc_text(utc: float) -> str:
    """A time in seconds since the epoch, as people and programs read it: ``2025-06-01T12:00:00Z``."""
    try:
        return datetime.fromtimestamp(utc, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OSError, OverflowError, ValueError):  # no clock showed this
        return str(utc)


def local_text(utc: float) -> str:
    """A time in seconds since the epoch, by the clock on the wall."""
    try:
        return datetime.fromtimestamp(utc, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OSError, OverflowError, ValueError):  # as above
        return str(utc)


def duration_text(seconds: float) -> str:
    """A duration in seconds, with the unit in which it is short."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def clock_text(seconds: float) -> str:
    """A duration in seconds, as a clock shows it that counts down: ``1:05``."""
    minutes, rest = divmod(ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size_text(count: float) -> str:
    """A number of bytes, with the unit in which it is short."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.0f} TB"


def failure_text(failure: Mapping[str, Any]) -> str:
    """Type and message of a stored failure, on one line."""
    lineage = failure.get("lineage")
    name = str(lineage[0]) if isinstance(lineage, list) and lineage else "an exception"
    message = " ".join(str(failure.get("message", "")).split())
    return printable(": ".join(filter(None, (name.removeprefix("builtins:"), message))))
