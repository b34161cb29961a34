"""Slots: how many commands, or submitted in-thread calls, of one Shell this process runs at once."""

import os
import threading
from collections import deque
from collections.abc import Callable


class Slots:
    """A counted permission with a fair queue. All methods may be called from any number of threads at once.

    A forked child begins with all slots free: what ran in them runs in the parent.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._free = self._count
        self._queue: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()

    def acquire(self, granted: Callable[[], None]) -> None:
        """Call ``granted`` once there is a slot: in this thread if there is one now, else in a giver's."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            if not self._free:
                self._queue.append(granted)
                return
            self._free -= 1
        granted()

    def withdraw(self, granted: Callable[[], None]) -> bool:
        """Leave the queue. ``False`` if the slot was granted already."""
        with self._lock:
            try:
                self._queue.remove(granted)
            except ValueError:
                return False
            return True

    def release(self) -> None:
        """Give one slot back."""
        with self._lock:
            if not self._queue:
                self._free += 1
                return
            granted = self._queue.popleft()
        granted()


class Lease:
    """One granted slot, given back once, by whoever comes first to do it."""

    __slots__ = ("_slots",)

    def __init__(self, slots: Slots) -> None:
        self._slots: Slots | None = slots

    def end(self) -> None:
        """Give the slot back, unless that was done already."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()
