"""Values as pickles of protocol 5; what cannot be imported elsewhere travels by value, through cloudpickle.

Most values never meet cloudpickle, whose import costs more than a whole hit: it is imported when a function or class
turns up that another process could not import.
"""

import io
import pickle
import sys
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, Final

from mops.adapters.serializers.luggage import Luggage
from mops.adapters.serializers.restore import MAIN_NAMES, name_of_main
from mops.core.envelope import INLINE_LIMIT
from mops.core.errors import MopsError, UndecodableResultError, UnserializableError
from mops.core.files import FileIndex, StoredFile
from mops.core.ports.blob_store import Buffer
from mops.core.ports.serializer import Serialized, Serializer

_ATOMS: Final = frozenset({int, float, bool, str, bytes, complex, type(None)})
_PROTOCOL: Final = 5


class PicklingSerializer(Serializer):
    """Pickles values. Buffers of more than 1 MiB stay out of band.

    A class of ``__main__`` comes back as the live class where that has the same code, else by value. Stateless.
    """

    @property
    def codec(self) -> str:
        """``pickle5``."""
        return "pickle5"

    def dumps(self, value: Any, /) -> Serialized:
        """See the port."""
        if type(value) in _ATOMS:
            return Serialized((pickle.dumps(value, _PROTOCOL),))
        try:
            return _dump(_ImportablePickler, value)
        except (_NotImportableError, UnserializableError):
            pass
        except Exception:  # noqa: BLE001, S110 - whatever a __reduce__ raises: cloudpickle may know better
            pass
        return self._dump_by_value(value)

    def _dump_by_value(self, value: Any) -> Serialized:
        from mops.adapters.serializers import by_value

        try:
            return _dump(by_value.ByValuePickler, value)
        except UnserializableError as error:
            path = error.path or by_value.offending_path(value)
            raise UnserializableError(
                f"{path or 'the value'}: {error.args[0]}", path=path, advice=error.advice
            ) from error
        except MopsError:
            raise
        except Exception as error:
            path = by_value.offending_path(value)
            raise UnserializableError(f"{path or 'the value'} cannot be pickled: {error}", path=path) from error

    def loads(self, buffers: Sequence[Buffer], /, files: Sequence[str | StoredFile] = (), codec: str = "") -> Any:
        """See the port."""
        stream, *rest = buffers
        try:
            if not rest and not files and name_of_main() is None:
                return pickle.loads(stream)
            return _Unpickler(stream, [_writable(buffer) for buffer in rest], files).load()
        except MopsError:
            raise
        except Exception as error:
            raise UndecodableResultError(
                f"a stored value cannot be decoded: {type(error).__name__}: {error}"
            ) from error


def _dump(pickler: Callable[..., pickle.Pickler], value: Any) -> Serialized:
    stream, buffers, luggage = io.BytesIO(), [], Luggage()

    def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if len(view) <= INLINE_LIMIT:
            return True
        buffers.append(view)
        return False

    pickler(luggage, stream, _PROTOCOL, buffer_callback=keep_in_band).dump(value)
    # No copy; a view could not be given up together with its stream.
    return Serialized([stream.getvalue(), *buffers], luggage.files)


def _writable(buffer: Buffer) -> Buffer | bytearray:
    """A value from a buffer is as writable as it was when it was stored; the pickle itself says which was read-only."""
    return bytearray(buffer) if memoryview(buffer).readonly else buffer


class _NotImportableError(Exception):
    """Something turned up that another process could not import."""


class _ImportablePickler(pickle.Pickler):
    """Pickles as ever, and gives up at the first function or class that another process could not import."""

    def __init__(self, luggage: Luggage, stream: io.BytesIO, protocol: int, **options: Any) -> None:
        super().__init__(stream, protocol, **options)
        self._luggage = luggage

    def reducer_override(self, obj: Any) -> Any:
        """Called for everything that is not of a built-in type."""
        if isinstance(obj, FunctionType | type) and not _importable(obj):
            raise _NotImportableError
        if hasattr(type(obj), "__mops_reduce__") and obj.__mops_reduce__() is not NotImplemented:
            raise _NotImportableError
        return self._luggage.reduced(obj)


def _importable(obj: Any) -> bool:
    """Whether the object is what its module has under its name, and the module is one that others can import."""
    if obj.__module__ in MAIN_NAMES:
        return False
    found: Any = sys.modules.get(obj.__module__)
    for name in obj.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is obj


class _Unpickler(pickle.Unpickler):
    """Finds files by their places, and classes of the module that runs as ``__main__`` without a second import."""

    def __init__(
        self, stream: Buffer, buffers: Sequence[Buffer | bytearray], files: Sequence[str | StoredFile]
    ) -> None:  # fmt: skip
        super().__init__(io.BytesIO(stream), buffers=buffers)
        self._files = files

    def find_class(self, module: str, name: str, /) -> Any:
        """See ``pickle.Unpickler``."""
        if name == "FileIndex" and module == FileIndex.__module__:
            return self._files.__getitem__
        return super().find_class("__main__" if module == name_of_main() else module, name)
