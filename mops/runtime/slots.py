"""Slots: how many commands, or submitted in-thread calls, of one Shell this process runs at once.

No nesting of calls uses them up. A function that waits for a nested call gives its slot up meanwhile, where mops sees
it wait; and nested calls have slots of their own, level by level, for where it does not, as in
``concurrent.futures.wait``.
"""

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from typing import Final


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
        self._resuming: deque[Callable[[], None]] = deque()  # before all others: their functions have begun
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

    def resume(self, granted: Callable[[], None]) -> None:
        """As ``acquire``, before all who have not begun."""
        with self._lock:
            if not self._free:
                self._resuming.append(granted)
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

    def at_once(self) -> int:
        """How many slots are taken, or will be when those who wait now have theirs."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            return min(self._count, self._count - self._free + len(self._owners))

    def withdraw(self, granted: Callable[[], None]) -> bool:
        """Leave the queue. ``False`` if the slot was granted already."""
        with self._lock:
            if granted in self._resuming:
                self._resuming.remove(granted)
                return True
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
            granted = self._resuming.popleft() if self._resuming else self._next()
            if granted is None:
                self._free += 1
                return
        granted()

    def _next(self) -> Callable[[], None] | None:
        """With the lock held: whose turn it is."""
        if not self._queues:
            return None
        owner, queue = next(iter(self._queues.items()))
        granted, _ = queue.popitem(last=False)
        del self._owners[granted]
        if queue:
            self._queues.move_to_end(owner)
        else:
            del self._queues[owner]
        return granted


class NestedSlots:
    """The slots of one Shell for calls from outside, for calls from inside of those, and so on.

    Waiting goes from one level to the next alone, so nobody waits in a circle. Safe to use from any number of threads.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._levels: dict[int, Slots] = {}

    def at(self, level: int) -> Slots:
        """The slots of a level; 0 is outside of every call."""
        found = self._levels.get(level)
        return found if found is not None else self._levels.setdefault(level, Slots(self._count))


class Lease:
    """One granted slot, given back once, by whoever comes first to do it. Safe to use from any number of threads.

    Attributes:
        process: whose slot it is: a forked child has no part in it.
    """

    __slots__ = ("_lock", "_slots", "_waits", "process")

    def __init__(self, slots: Slots) -> None:
        self.process = os.getpid()
        self._slots: Slots | None = slots
        self._waits = 0
        self._lock = threading.Lock()

    def end(self) -> None:
        """Give the slot back, unless that was done already."""
        with self._lock:
            slots, self._slots = self._slots, None
            held = self._waits == 0
        if slots is not None and held:
            slots.release()

    def pause(self) -> None:
        """Give the slot up for as long as this thread, or another one of the same call, waits."""
        with self._lock:
            self._waits += 1
            slots = self._slots if self._waits == 1 else None
        if slots is not None:
            slots.release()

    def resume(self) -> None:
        """Wait until there is a slot again."""
        with self._lock:
            self._waits -= 1
            slots = self._slots if self._waits == 0 else None
        if slots is None:
            return
        granted = threading.Event()
        slots.resume(granted.set)
        try:
            granted.wait()
        except BaseException:
            if slots.withdraw(granted.set):
                self._slots = None
            raise


HELD: Final[ContextVar[Lease | None]] = ContextVar("mops_lease", default=None)
"""The slot of the submitted call that this context runs in."""


class slot_given_up:  # noqa: N801 - a context, and no generator: those cannot let a frozen exception through
    """Wait for something, and give up the slot of the call that this is inside of meanwhile."""

    __slots__ = ("_lease",)

    def __enter__(self) -> None:
        lease = HELD.get()
        self._lease = lease if lease is not None and lease.process == os.getpid() else None
        if self._lease is not None:
            self._lease.pause()

    def __exit__(self, *raised: object) -> None:
        if self._lease is not None:
            self._lease.resume()
