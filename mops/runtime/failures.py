"""Exceptions on their way to and from the store: described as text first, rebuilt where that is possible."""

import contextlib
import traceback
from types import TracebackType
from typing import Any, Final

from mops.core.errors import MopsError, kind_of
from mops.core.failure import FailureRecord, with_remote_traceback
from mops.core.files import AsWritten
from mops.core.ports.serializer import Serializer

_LONGEST_TEXT: Final = 256 * 1024
_LONGEST_PICKLE: Final = 4 << 20


def describe(exception: BaseException, serializer: Serializer) -> FailureRecord:
    """Everything that is stored of an exception. Never raises, whatever the exception's own methods do."""
    return FailureRecord(
        message=_text_of(exception),
        traceback=traceback_of(exception),
        lineage=[f"{base.__module__}:{base.__qualname__}" for base in type(exception).__mro__ if base is not object],
        pickled=_pickle_of(exception, serializer),
        kind=kind_of(exception),
    )


def rebuild(record: FailureRecord, serializer: Serializer) -> BaseException:
    """The exception as it was raised, caused by the remote's traceback; ``RemoteError`` where it cannot be had."""
    error: Any = None
    if record.pickled:
        with contextlib.suppress(Exception):
            error = serializer.loads([record.pickled])
    if not isinstance(error, BaseException):
        error = record.remote_error()
    return with_remote_traceback(error, record)


def _text_of(exception: BaseException) -> str:
    try:
        text = str(exception.args[0]) if isinstance(exception, MopsError) else str(exception)
    except Exception as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        text = f"<no text: its __str__ raised {type(broken).__name__}>"
    return text[:_LONGEST_TEXT]


def traceback_of(exception: BaseException) -> str:
    """What Python prints of an exception that nobody catches, from the user's function on. Never raises."""
    try:
        text = "".join(traceback.format_exception(type(exception), exception, users_frames(exception)))
    except Exception:  # noqa: BLE001 - as above
        text = "".join(traceback.format_tb(exception.__traceback__)) + type(exception).__qualname__
    return text[-_LONGEST_TEXT:]


def users_frames(exception: BaseException) -> TracebackType | None:
    """The traceback from the user's function on: how mops came to call it is nobody's concern."""
    frames = exception.__traceback__
    while frames is not None and str(frames.tb_frame.f_globals.get("__name__")).partition(".")[0] == "mops":
        frames = frames.tb_next
    return frames or exception.__traceback__


def _pickle_of(exception: BaseException, serializer: Serializer) -> bytes:
    """The pickle, if it can be undone: an exception whose ``__init__`` wants other arguments cannot."""
    try:
        buffers = serializer.dumps(AsWritten(exception)).buffers
        if len(buffers) == 1 and len(buffers[0]) <= _LONGEST_PICKLE:
            return bytes(buffers[0]) if type(serializer.loads(buffers)) is type(exception) else b""
    except Exception:  # noqa: BLE001 - whatever a class's own methods raise
        return b""
    return b""
