"""Slots: how many commands, or submitted in-thread calls, of one Shell this process runs at once."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable


class Slots:
    """A counted permission with a fair queue. All methods may be called from any number of threads at once.

    Owners take turns, and what one owner asks for is granted in the order of asking: so a map of a thousand calls does
    not keep a second map waiting for its thousand.

    A forked child begins with all slots free: what ran in them runs in the parent.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._free = self._count
        self._queues: OrderedDict[Hashable, OrderedDict[Callable[[], None], None]] = OrderedDict()  # next owner first
        self._owners: dict[Callable[[], None], Hashable] = {}
        self._lock = threading.Lock()

    def acquire(self, granted: Callable[[], None], owner: Hashable = None) -> None:
        """Call ``granted`` once there is a slot: in this thread if there is one now, else in a giver's."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            if not self._free:
                self._owners[granted] = owner
                self._queues.setdefault(owner, OrderedDict())[granted] = None
                return
            self._free -= 1
        granted()

    def acquire_now(self) -> bool:
        """Take a slot if there is one."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
            return True

    def withdraw(self, granted: Callable[[], None]) -> bool:
        """Leave the queue. ``False`` if the slot was granted already."""
        with self._lock:
            if granted not in self._owners:
                return False
            owner = self._owners.pop(granted)
            queue = self._queues[owner]
            del queue[granted]
            if not queue:
                del self._queues[owner]
            return True

    def release(self) -> None:
        """Give one slot back."""
        with self._lock:
            if not self._queues:
                self._free += 1
                return
            owner, queue = next(iter(self._queues.items()))
            granted, _ = queue.popitem(last=False)
            del self._owners[granted]
            if queue:
                self._queues.move_to_end(owner)
            else:
                del self._queues[owner]
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
