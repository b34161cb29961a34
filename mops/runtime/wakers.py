"""Wakers: who in this process waits for which memo."""

import threading
from collections.abc import Callable


class Wakers:
    """Callbacks by memo folder. All methods may be called from any number of threads at once."""

    def __init__(self) -> None:
        self._by_folder: dict[str, list[Callable[[], None]]] = {}
        self._lock = threading.Lock()

    def add(self, folder: str, wake: Callable[[], None]) -> None:
        """Call ``wake`` at every publication under the folder, until it is removed."""
        with self._lock:
            self._by_folder.setdefault(folder, []).append(wake)

    def remove(self, folder: str, wake: Callable[[], None]) -> None:
        """Undo one ``add``."""
        with self._lock:
            waiting = self._by_folder[folder]
            waiting.remove(wake)
            if not waiting:
                del self._by_folder[folder]

    def wake(self, folder: str) -> None:
        """Wake everybody who waits for the folder."""
        if folder in self._by_folder:
            with self._lock:
                waiting = list(self._by_folder.get(folder, ()))
            for wake in waiting:
                wake()

    def count(self, folder: str) -> int:
        """How many wait for the folder."""
        with self._lock:
            return len(self._by_folder.get(folder, ()))
