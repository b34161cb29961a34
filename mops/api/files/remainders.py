"""What a remote leaves behind: the temporary folder of the process that ran the function, which may have been killed.

Imported by every remote, so it imports nothing that takes time.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final


@final
class _Supervisor:
    """How this process tells its supervisor.

    Attributes:
        pipe: what to write a path to; ``None`` where there is no supervisor.
    """

    pipe: int | None = None


@contextmanager
def remainders() -> Iterator[Callable[[], None]]:
    """Hear of the folder that a fork of this process makes: what is given removes it. One context at a time."""
    told, _Supervisor.pipe = os.pipe()
    os.set_blocking(told, False)
    try:
        yield lambda: _remove(told)
    finally:
        os.close(_Supervisor.pipe)
        _Supervisor.pipe = None
        os.close(told)


def is_removed_by_supervisor(path: str) -> bool:
    """Have the supervisor of this process remove a folder when the function has ended; ``False`` if there is none."""
    if _Supervisor.pipe is None:
        return False
    try:
        return os.write(_Supervisor.pipe, os.fsencode(path)) > 0
    except OSError:
        return False  # the function closed what it did not open


def _remove(told: int) -> None:
    try:
        path = os.read(told, 1 << 16)
    except BlockingIOError:
        return  # it made none
    import shutil

    shutil.rmtree(path, ignore_errors=True)
