"""Slots: how many commands, or submitted in-thread calls, of one Shell this process runs at once."""

import threading
from collections import deque
from collections.abc import Callable


class Slots:
    """A counted permission with a fair queue. All methods may be called from any number of threads at once."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._queue: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()

    def acquire(self, granted: Callable[[], None]) -> None:
        """Call ``granted`` once, as soon as there is a slot for it: in this thread if there is one now, else in a giver's."""
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
