"""What a value has outside of memory, while the value is pickled: the files that its paths name."""

import os
from typing import Any, Final, final

from mops.adapters.serializers.restore import as_written
from mops.core.errors import FileChanged, UnserializableError
from mops.core.files import AnyFile, AsWritten, FileIndex
from mops.core.ports.codec import NO_REDUCTIONS, Reductions
from mops.core.ports.serializer import NOT_SHARED, Shared

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

    Args:
        reductions: as ``Codecs.reductions`` gives them.
        shared: as ``Serializer.dumps`` takes them.

    Attributes:
        files: those met so far.
        pickler: the one that asks, while it does.
    """

    pickler: Any = None

    def __init__(self, reductions: Reductions = NO_REDUCTIONS, shared: Shared = NOT_SHARED) -> None:
        self.files: list[AnyFile] = []
        self._shared = shared
        self._places: dict[tuple[int, bool], int] = {}
        self._by_path: dict[str, FileIndex] = {}
        self._reductions = reductions
        self._as_written = 0
        self._written: list[Any] = []
        self._stand_ins: list[object] = []

    def attach(self, file: AnyFile) -> FileIndex:
        """Take a file along."""
        self.files.append(file)
        return FileIndex(len(self.files) - 1)

    def place_of(self, obj: Any) -> int | None:
        """The place of a shared object among the files, before its own; ``None`` for what is not shared."""
        make = self._shared.get(id(obj))
        if make is None:
            return None
        met = id(obj), self._as_written > 0
        place = self._places.get(met)
        if place is None:
            shared = make(met[1])
            place = self._places[met] = len(self.files)
            self.files += [shared, *shared.blob.files]
        return place

    def reduced(self, obj: Any) -> Any:
        """How an object travels, if that is a matter of files, or of a reduction; else ``NotImplemented``.

        Raises:
            UnserializableError: a path names nothing that could travel.
        """
        cls = type(obj)
        reduction = self._reductions.get(cls)
        if reduction is not None:
            return reduction(obj)
        if cls is AsWritten:
            return as_written, (_Mark(begins=True), _fresh(obj.value), _Mark(begins=False))
        if cls is _Mark:
            self._as_written += 1 if obj.begins else -1
            if self._written and not self._as_written:
                self._forget()
            return bool, ()
        if self._as_written:
            if hasattr(cls, "__fspath__"):
                self._written.append(obj)
            return NotImplemented
        if hasattr(cls, "__mops_travel__"):
            return obj.__mops_travel__(self.attach)
        if hasattr(cls, "__fspath__"):
            return self._path(obj)
        return NotImplemented

    def _forget(self) -> None:
        """Have the pickler not take a path for the one that it met, which travelled as it was written.

        Places in its memo follow from the number of entries, so that each entry is replaced.
        """
        memo = self.pickler.memo.copy()
        for path in self._written:
            entry = memo.pop(id(path), None)
            if entry is not None:
                self._stand_ins.append(object())
                memo[id(self._stand_ins[-1])] = entry[0], self._stand_ins[-1]
        self.pickler.memo = memo
        self._written.clear()

    def _path(self, obj: Any) -> Any:
        from pathlib import Path  # whoever has one has imported it

        if not isinstance(obj, Path):
            return NotImplemented
        from mops.adapters.files.local_file import local_file, own_state  # 1 ms that most programs do not need

        path, state = os.fspath(obj), own_state(obj)
        try:
            place = self._by_path.get(path) or self._by_path.setdefault(path, self.attach(local_file(path)))
        except FileNotFoundError as error:
            raise UnserializableError(f"{path} names nothing", advice=_ADVICE) from error
        except (OSError, ValueError, FileChanged) as error:
            raise UnserializableError(f"{path} cannot travel: {error}", advice=_ADVICE) from error
        return type(obj), (place,), (None, state) if state else None


def _fresh(value: Any) -> Any:
    """An equal path, so that the pickler does not take it for one that it has met, and which travels with its file."""
    return type(value)(value) if hasattr(type(value), "__fspath__") else value
