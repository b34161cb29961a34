"""Forks: what they wait for, and how a child ends.

A fork waits until no thread imports a module for mops. A child has none of its parent's other threads: a module that
one of them was importing stays locked there, and whoever needs it waits for ever. What threads of mops always need is
imported before they start. What they come to import later depends on the call: code that is pickled by value, or the
classes of a result. For that, a fork waits.

To be imported after logging, whose lock a fork takes as well: hooks run in reverse order, and an import that waits for
that lock would be waited for in vain.
"""

import logging  # noqa: F401 - see above
import os
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any, Final, NoReturn

from mops.core.result import Failure, Success

_PATIENCE: Final = 5.0
"""Seconds for which a fork waits at most: an import may itself wait for the thread that forks."""
_PAUSE: Final = 0.001
_IMPORT_SYSTEM: Final = "<frozen importlib._bootstrap>"


def let_imports_end() -> None:
    """Wait until no other thread imports anything for mops."""
    deadline = time.monotonic() + _PATIENCE
    time.sleep(0)  # whoever else wants the interpreter takes it now, and not between our look and the fork
    while _somebody_imports() and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _somebody_imports() -> bool:
    here = threading.get_ident()
    return any(thread != here and _imports(frame) for thread, frame in sys._current_frames().items())  # noqa: SLF001 - documented, and the only way


def _imports(innermost: FrameType) -> bool:
    """Whether a thread is in the middle of an import that mops, at whatever distance, has asked for."""
    frame: FrameType | None = innermost
    importing = False
    while frame is not None:
        importing = importing or frame.f_code.co_filename == _IMPORT_SYSTEM
        if importing and str(frame.f_globals.get("__name__")).startswith("mops."):
            return True
        frame = frame.f_back
    return False


os.register_at_fork(before=let_imports_end)


def end_child(result: Success[Any] | Failure) -> NoReturn:
    """End a child that a thread of ours has forked, as a program with that outcome ends: it has no more to do."""
    status = 0
    if isinstance(result, Failure):
        error = result.exception
        if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
            status = error.code or 0
        else:
            status = 1
            sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it may be closed, or be anything
            stream.flush()
    os._exit(status)
