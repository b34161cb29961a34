"""Folders for files that are not published yet: of this process, removed when it ends."""

import atexit
import os
import shutil
import tempfile
import threading
from functools import partial
from typing import final

from mops.api.files.remainders import is_removed_by_supervisor


@final
class TemporaryFolders:
    """The temporary folders of one process. All methods may be called from any number of threads at once.

    They lie in one folder, which is made at the first need. It goes at the end of the process that made it; a forked
    child uses the one of its parent. That of a remote goes with the remote. A process that is killed leaves it behind.
    """

    def __init__(self) -> None:
        self._above = ""
        self._lock = threading.Lock()

    def begin_in_child(self) -> None:
        """In a forked child: a thread that only its parent has may have been making a folder."""
        self._lock = threading.Lock()

    def fresh(self) -> str:
        """Make a folder that nobody else uses. Returns its absolute path."""
        with self._lock:
            if not os.path.isdir(self._above):
                self._above = _made()
        return tempfile.mkdtemp(dir=self._above)

    def fresh_path(self, name: str) -> str:
        """A path for a file that is called as an output is: in a folder of its own, under the name's last part."""
        last = name.rpartition("/")[2]
        return os.path.join(self.fresh(), "output" if last in {"", ".", ".."} else last)

    def below(self, path: str) -> str:
        """An absolute path, relative to the one of these folders that it lies in; empty if there is none."""
        prefix = os.path.join(self._above, "")
        return path.removeprefix(prefix).partition("/")[2] if self._above and path.startswith(prefix) else ""


def _made() -> str:
    path = os.path.join(tempfile.gettempdir(), f"mops-{os.urandom(8).hex()}")
    if not is_removed_by_supervisor(path):
        atexit.register(partial(_remove, path, os.getpid()))
    os.mkdir(path, 0o700)
    return path


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


temporary_folders = TemporaryFolders()
"""Those of this process."""

os.register_at_fork(after_in_child=temporary_folders.begin_in_child)
