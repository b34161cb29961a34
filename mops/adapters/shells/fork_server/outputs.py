"""Any number of pipes, read by one thread."""

import os
import selectors
import threading
from collections.abc import Callable
from typing import Final

from mops.adapters.forwarding import Output

_CHUNK: Final = 65_536


class Outputs:
    """Reads what processes print. ``add`` may be called from any number of threads at once."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._sources: dict[int, tuple[Output, Callable[[], None]]] = {}
        threading.Thread(target=self._read_for_ever, name="mops-output", daemon=True).start()

    def add(self, source: int, output: Output, ended: Callable[[], None]) -> None:
        """Read from a pipe, which is closed at its end; then call ``ended``, from the thread that reads."""
        self._sources[source] = (output, ended)
        self._selector.register(source, selectors.EVENT_READ)  # seen by a wait that is under way already

    def abandon(self) -> None:
        """In a forked child: close what is the parent's, or whoever writes would wait for this process to read."""
        self._selector.close()
        for source in self._sources:
            os.close(source)

    def _read_for_ever(self) -> None:
        while True:
            for key, _ in self._selector.select():
                self._read(key.fd)

    def _read(self, source: int) -> None:
        output, ended = self._sources[source]
        data = os.read(source, _CHUNK)
        if data:
            output.take(data)
            return
        output.end()
        del self._sources[source]  # first: a child forked now must not close what may be somebody else's by then
        self._selector.unregister(source)
        os.close(source)
        ended()
