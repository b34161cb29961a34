"""Since when this process may have read the source of what it imported."""

import os
import time

_IMPORTED = time.time_ns()  # a forked process has the one of its parent, which may have imported all that it runs
_started_anew: int | None = None


def beginning() -> int:
    """When this process began, or the one that it was forked from; in nanoseconds since the epoch.

    What was written before is what was imported, if it was imported at all.
    """
    if _started_anew is not None:
        return _started_anew
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19]) + 1  # until that is over, nothing is imported
    except (OSError, ValueError, IndexError):
        return _IMPORTED
    age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return min(_IMPORTED, time.time_ns() - age)


def begin_anew() -> None:
    """Have it begin now: what it has imported until now does not count, and is imported again."""
    global _started_anew  # noqa: PLW0603 - of the process, as what it imports is
    _started_anew = time.time_ns()
