"""How much memory this process took, and whether the system killed one of its kind for lack of it."""

import resource
import sys
from typing import Final

_EVENTS: Final = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_LIMITS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Of this process's control group, as a container sees it: in version 2, and in version 1."""
_UNIT: Final = 1 if sys.platform == "darwin" else 1024
_UNLIMITED: Final = 1 << 60


def peak() -> int:
    """Bytes that this process had at most, or the largest of those that it started and that have ended."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) * _UNIT


def killed_for_lack_of_it() -> int:
    """How many processes of this control group the system has killed for lack of memory; 0 where it does not say."""
    for line in _first_of(_EVENTS).splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill" and count.isdigit():
            return int(count)
    return 0


def limit() -> int | None:
    """Bytes that the control group may have; ``None`` where it has no limit."""
    text = _first_of(_LIMITS).strip()
    return int(text) if text.isdigit() and int(text) < _UNLIMITED else None


def _first_of(paths: tuple[str, ...]) -> str:
    for path in paths:
        try:
            with open(path) as file:
                return file.read()
        except OSError:
            pass  # of the other version, or of a system without control groups
    return ""
