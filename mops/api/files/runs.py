"""The run of a call that this context is executing, and where the files go that it produces."""

import os
import threading
from typing import Final, final

from mops.api.calls.serving import running_call
from mops.api.file_uris import under
from mops.api.files.temporary import temporary_folders
from mops.api.roots import layers_in
from mops.core.blob_layout import output_folder, output_key
from mops.runtime.world import World

_OUT: Final = ".out/"
_locks: Final[dict[int, threading.Lock]] = {}
"""By process: a forked child may find the one of its parent locked for ever."""


@final
class Run:
    """One run of a call in one process. All methods may be called from any number of threads at once.

    Args:
        world: the root of the call, as this process sees it.
        memo_folder: of the call.

    Attributes:
        world: see above.
        process: the one that it runs in. A forked child is another run: both may use one name.
    """

    __slots__ = ("_by_file", "_folder", "_lock", "_numbers", "_taken", "process", "world")

    def __init__(self, world: World, memo_folder: str) -> None:
        self.world = world
        self.process = os.getpid()
        self._folder = output_folder(memo_folder, os.urandom(8).hex())
        self._by_file: dict[tuple[str, int, int, int, int], str] = {}
        self._numbers: dict[str, int] = {}
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def key(self, name: str) -> str:
        """A key that no other file of the run has, for a file that it calls ``name``."""
        with self._lock:
            return self._fresh_key(name)

    def key_of_file(self, path: str) -> str:
        """The key of a local file, by its absolute path; the same one again, as long as the file is not written to.

        Raises:
            OSError: there is no such file.
        """
        status = os.stat(path)
        file = path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        with self._lock:
            known = self._by_file.get(file)
            if known is None:
                known = self._by_file[file] = self._fresh_key(_name_of(path))
            return known

    def uri(self, key: str) -> str:
        """The URI of a key under the root of the call; under the first, where it has several."""
        return under(layers_in(self.world.store.uri)[0], key)

    def _fresh_key(self, name: str) -> str:
        first = key = output_key(self._folder, name)
        number = self._numbers.get(first, 1)
        while key in self._taken:
            number += 1
            key = output_key(self._folder, name, number)
        self._numbers[first] = number
        self._taken.add(key)
        return key


def _name_of(path: str) -> str:
    """How a run calls a file: by its path below a temporary folder, the working directory, or ``.out``."""
    name = temporary_folders.below(path) or path.removeprefix(os.path.join(os.getcwd(), ""))
    if name != path:
        return name.removeprefix(_OUT)
    _, found, below = path.rpartition(f"/{_OUT}")
    return below if found else os.path.basename(path)


def running() -> Run | None:
    """The run that this context is part of; ``None`` outside of a call, and where mops is bypassed."""
    served = running_call()
    if served is None or served.world is None:
        return None
    with _locks.setdefault(os.getpid(), threading.Lock()):
        if served.run is None or served.run.process != os.getpid():
            served.run = Run(served.world, served.folder)
        run: Run = served.run
        return run
