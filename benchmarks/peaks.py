"""The memory of this process and of those that it starts, at its highest."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_EVERY = 0.005  # seconds; a process that ends cannot be asked any more, so at most its last moments are missed


def highest(pid: int | str = "self") -> int:
    """The most bytes that a process had in memory since it began, or since that was last forgotten."""
    return _bytes("VmHWM", pid)


def growth(call: Callable[[], object], small_call: Callable[[], object]) -> int:
    """How much more memory a call takes than a small one, here or in a process that it starts, whichever is more.

    Bytes. What the small call leaves behind here, like modules, is not counted.
    """
    _, of_small = _watched(small_call)
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest
    before = _bytes("VmRSS")
    here, of_large = _watched(call)
    return max(here - before, of_large - of_small)


def _watched(call: Callable[[], object]) -> tuple[int, int]:
    """The highest of this process after a call, and that of the processes that it started."""
    seen: dict[int, int] = {}
    ended = threading.Event()
    watching = threading.Thread(target=_watch, args=(seen, ended))
    watching.start()
    try:
        call()
    finally:
        ended.set()
        watching.join()
    return highest(), max(seen.values(), default=0)


def _watch(seen: dict[int, int], ended: threading.Event) -> None:
    while not ended.wait(_EVERY):
        for pid in _descendants(os.getpid()):
            try:
                seen[pid] = highest(pid)  # the last counts: before its exec a child looks like its parent
            except OSError:
                continue


def _descendants(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _descendants(child)


def _bytes(field: str, pid: int | str = "self") -> int:
    """A line of a process's status. ``OSError`` where it has gone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"process {pid} has no {field}")
