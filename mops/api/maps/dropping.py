"""What becomes of a map that is dropped: its calls are cancelled, and the user is told.

The garbage collector drops things in any thread at any moment, also while that thread holds a lock of the engine's. So
it only puts what is to be done into a queue, without a lock of Python's, for a thread that holds none.
"""

import atexit
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

from mops.api.maps.course import Course
from mops.api.maps.progress import Progress
from mops.api.worlds import say


def let_go(name: str, course: Course, progress: Progress) -> None:
    """Cancel the calls that have not started, and say what becomes of the others."""
    unread, cancelled = course.reads_on(), course.cancel()
    progress.close(course)
    running, failures = course.running, course.untold_failures()
    facts = [
        f"{cancelled:,} calls that had not started are cancelled" if cancelled else "",
        f"{running:,} run on" if running else "",
        f"{failures:,} had failed" if failures else "",
        "inputs were left unread" if unread else "",
    ]
    if any(facts):
        say(f"a map of {name} was dropped: {', '.join(filter(None, facts))}")


class _Drops:
    """What one process has yet to let go of. A forked child has none of its parent's."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()  # its put may interrupt itself
        self._thread = threading.Thread(target=self._serve, name="mops-drops", daemon=True)
        self._lock = threading.Lock()
        self._serves = False

    def serve(self) -> None:
        """Let go of what is dropped from now on."""
        with self._lock:
            if not self._serves:
                with suppress(RuntimeError):  # the interpreter is about to end
                    self._thread.start()
                    atexit.register(self._finish)
                self._serves = True

    def _finish(self) -> None:
        self.queue.put(None)
        with suppress(KeyboardInterrupt):  # whoever asks for the end once more gets it at once
            self._thread.join()

    def _serve(self) -> None:
        for close in iter(self.queue.get, None):
            close()
            del close  # an idle thread keeps no map


_drops = {os.getpid(): _Drops()}


def serve_drops() -> None:
    """Have what is dropped let go of. To be called once there may be something, after what an exit does later."""
    _drops.setdefault(os.getpid(), _Drops()).serve()


def drop_later(close: Callable[[], None]) -> None:
    """Have something done soon, at the latest when the program ends. Takes no lock, and never blocks."""
    drops = _drops.get(os.getpid())
    if drops is not None:
        drops.queue.put(close)
