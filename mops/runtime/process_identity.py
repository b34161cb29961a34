"""Who this process is, for the claims it writes; and whether the process that wrote a claim is known to be dead."""

import json
import os
import platform
import pwd
import sys
import threading
from functools import lru_cache
from typing import Any, Final

from mops.core.version import MOPS_VERSION

_ASKING: Final = threading.RLock()
"""Held while the system looks up a user, and while this process forks: what the C library has locked for another thread
stays locked in a child, which would wait for it for ever."""

os.register_at_fork(before=_ASKING.acquire, after_in_parent=_ASKING.release, after_in_child=_ASKING.release)


def producer_of_this_process() -> dict[str, Any]:
    """Everything that a reader may want to know of this process. What the system does not tell is left out."""
    return {
        "host": platform.node(),
        "user": _name_of(os.getuid()),
        "pid": os.getpid(),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "pidns": _link("/proc/self/ns/pid"),
        "birth": _birth_and_state(os.getpid())[0],
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "mops": MOPS_VERSION,
    }


@lru_cache
def producer_json() -> bytes:
    """``producer_of_this_process`` as JSON, found out once a process."""
    return json.dumps(producer_of_this_process(), separators=(",", ":")).encode()


os.register_at_fork(after_in_child=producer_json.cache_clear)


def known_dead(producer: Any) -> bool:
    """Whether that process ran on this very system and is gone, was reborn as another one, or is a zombie.

    Where anything cannot be read, the answer is ``False``: unknown.
    """
    if not isinstance(producer, dict) or not producer.get("boot") or not producer.get("pidns"):
        return False
    here = (platform.node(), _read("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid"))
    if (producer.get("host"), producer["boot"], producer["pidns"]) != here:
        return False
    pid = producer.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is another user's
    birth, state = _birth_and_state(pid)
    return bool(birth and producer.get("birth") and birth != producer["birth"]) or state == "Z"


def _birth_and_state(pid: int) -> tuple[str, str]:
    """Start time in ticks since boot, and state, of a process; empty where they cannot be read."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[19], fields[0]) if len(fields) > 19 else ("", "")


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("ascii", "replace").strip()  # open() would import a codec, beside a fork maybe
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


@lru_cache
def _name_of(user: int) -> str:
    """The user's name; the number where the system has no name for it."""
    try:
        with _ASKING:
            return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
