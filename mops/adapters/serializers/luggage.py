"""What a value has outside of memory, while the value is pickled: the files that its paths name."""

import os
from stat import S_ISDIR, S_ISREG
from typing import Any, Final, final

from mops.adapters.serializers.restore import as_written
from mops.core.errors import UnserializableError
from mops.core.files import AnyFile, AsWritten, FileIndex, LocalFile

_ADVICE: Final = (
    "write the file before it is returned (mops.open_output does), or pass str(path); "
    "an argument may be named in ignore="
)


@final
class _Mark:
    """Where a value that travels as it is written begins, or ends."""

    __slots__ = ("begins",)

    def __init__(self, *, begins: bool) -> None:
        self.begins = begins


class Luggage:
    """The files of one value. Objects come in the order in which they are pickled.

    Attributes:
        files: those met so far.
    """

    def __init__(self) -> None:
        self.files: list[AnyFile] = []
        self._as_written = 0

    def attach(self, file: AnyFile) -> FileIndex:
        """Take a file along."""
        self.files.append(file)
        return FileIndex(len(self.files) - 1)

    def reduced(self, obj: Any) -> Any:
        """How an object travels, if that is a matter of files; else ``NotImplemented``.

        Raises:
            UnserializableError: a path names nothing that could travel.
        """
        cls = type(obj)
        if cls is AsWritten:
            return as_written, (_Mark(begins=True), _fresh(obj.value), _Mark(begins=False))
        if cls is _Mark:
            self._as_written += 1 if obj.begins else -1
            return bool, ()
        if self._as_written:
            return NotImplemented
        if hasattr(cls, "__mops_travel__"):
            return obj.__mops_travel__(self.attach)
        if hasattr(cls, "__fspath__"):
            return self._path(obj)
        return NotImplemented

    def _path(self, obj: Any) -> Any:
        from pathlib import Path  # whoever has one has imported it

        if not isinstance(obj, Path):
            return NotImplemented
        return type(obj), (self.attach(local_file(os.fspath(obj))),)


def local_file(path: str) -> LocalFile:
    """The file or directory that a path names.

    Raises:
        UnserializableError: there is none.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise UnserializableError(f"{path} cannot travel: {error}", advice=_ADVICE) from error
    if not S_ISREG(mode) and not S_ISDIR(mode):
        raise UnserializableError(f"{path} is neither a file nor a directory", advice=_ADVICE)
    name = os.path.basename(path)
    if name in {"", ".", ".."}:
        name = os.path.basename(os.path.realpath(path))
    if not name:
        raise UnserializableError(f"{path} has no name under which it could travel", advice=_ADVICE)
    return LocalFile(os.path.join(os.getcwd(), path), name, kind="directory" if S_ISDIR(mode) else "file")


def _fresh(value: Any) -> Any:
    """An equal path, so that the pickler does not take it for one that it has met, and which travels with its file."""
    return type(value)(value) if hasattr(type(value), "__fspath__") else value
