"""Values as pickles of protocol 5; what cannot be imported elsewhere travels by value, through cloudpickle.

Most values never meet cloudpickle, whose import costs more than a whole hit: it is imported when a function or class
turns up that another process could not import.
"""

import io
import pickle
import sys
from collections.abc import Sequence
from functools import cache
from types import FunctionType
from typing import Any, Final

from mops.adapters.serializers.luggage import Luggage
from mops.adapters.serializers.restore import MAIN_NAMES, name_of_main
from mops.core.envelope import INLINE_LIMIT
from mops.core.errors import MopsError, UndecodableResultError, UnserializableError
from mops.core.files import Arrived, FileIndex
from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import NO_REDUCTIONS, Codecs
from mops.core.ports.serializer import NOT_SHARED, Serialized, Serializer, Shared
from mops.core.shared import unpack

_ATOMS: Final = frozenset({int, float, bool, str, complex, type(None)})
_PROTOCOL: Final = 5


class PicklingSerializer(Serializer):
    """Pickles values, but those that have a codec. Buffers of more than 1 MiB stay out of band.

    A class of ``__main__`` comes back as the live class where that has the same code, else by value.

    Args:
        codecs: the codecs to ask; without them, everything is pickled.
    """

    def __init__(self, codecs: Codecs | None = None) -> None:
        self._codecs = codecs

    @property
    def codec(self) -> str:
        """``pickle5``."""
        return "pickle5"

    def dumps(self, value: Any, /, shared: Shared = NOT_SHARED) -> Serialized:
        """See the port."""
        if type(value) in _ATOMS:
            return Serialized((pickle.dumps(value, _PROTOCOL),))
        encoded = None if self._codecs is None else self._codecs.encode(value)
        if encoded is not None:
            codec, pieces = encoded
            return Serialized(pieces, codec=codec)
        try:
            return self._dump(_ImportablePickler, value, shared)
        except (_NotImportableError, UnserializableError):
            pass
        except Exception:  # noqa: BLE001, S110 - whatever a __reduce__ raises: cloudpickle may know better
            pass
        return self._dump_by_value(value, shared)

    def _dump_by_value(self, value: Any, shared: Shared) -> Serialized:
        from mops.adapters.serializers import by_value

        try:
            return self._dump(by_value.ByValuePickler, value, shared)
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

    def loads(self, buffers: Sequence[Buffer], /, files: Sequence[Arrived] = (), codec: str = "") -> Any:
        """See the port."""
        stream, *rest = buffers
        if codec and codec != self.codec:
            return self._decode(codec, stream)
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

    def _decode(self, codec: str, stream: Buffer) -> Any:
        if self._codecs is None:
            raise UndecodableResultError(f"a stored value is in the format {codec!r}, which cannot be read here")
        return self._codecs.decode(codec, stream)

    def _dump(self, pickler: Any, value: Any, shared: Shared) -> Serialized:
        stream, buffers = io.BytesIO(), []
        luggage = Luggage(NO_REDUCTIONS if self._codecs is None else self._codecs.reductions(), shared)

        def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
            view = buffer.raw()
            if len(view) <= INLINE_LIMIT:
                return True
            buffers.append(view)
            return False

        made = _sharing(pickler) if shared else pickler
        try:
            made(luggage, stream, _PROTOCOL, buffer_callback=keep_in_band).dump(value)
        finally:
            luggage.pickler = None  # they would keep each other, and the value
        # No copy; a view could not be given up together with its stream.
        return Serialized([stream.getvalue(), *buffers], luggage.files)


def _writable(buffer: Buffer) -> Buffer | bytearray:
    """A value from a buffer is as writable as it was when it was stored; the pickle itself says which was read-only."""
    return bytearray(buffer) if memoryview(buffer).readonly else buffer


@cache
def _sharing(pickler: Any) -> Any:
    """A pickler that looks at every object, since it may be a shared one, which costs others too much."""

    def persistent_id(self: Any, obj: Any) -> int | None:
        return self._luggage.place_of(obj)  # type: ignore[no-any-return]

    return type(f"Sharing{pickler.__name__}", (pickler,), {"persistent_id": persistent_id})


class _NotImportableError(Exception):
    """Something turned up that another process could not import."""


class _ImportablePickler(pickle.Pickler):
    """Pickles as ever, and gives up at the first function or class that another process could not import."""

    def __init__(self, luggage: Luggage, stream: io.BytesIO, protocol: int, **options: Any) -> None:
        super().__init__(stream, protocol, **options)
        self._luggage = luggage
        luggage.pickler = self

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
        self, stream: Buffer, buffers: Sequence[Buffer | bytearray], files: Sequence[Arrived]
    ) -> None:  # fmt: skip
        super().__init__(io.BytesIO(stream), buffers=buffers)
        self._files = files
        self._shared: dict[int, Any] = {}
        self._places: dict[str, dict[int, int]] = {}

    def persistent_load(self, place: Any) -> Any:
        """The shared object at a place among the files, which its own files follow."""
        if place not in self._shared:
            blob: Any = self._files[place]
            stream, *rest = unpack(blob)
            files = self._files[place + 1 :]
            (self._shared[place],) = _Unpickler(stream, [_writable(buffer) for buffer in rest], files).load()
        return self._shared[place]

    def find_class(self, module: str, name: str, /) -> Any:
        """See ``pickle.Unpickler``."""
        if name == "FileIndex" and module == FileIndex.__module__:
            return self._arrived
        return super().find_class("__main__" if module == name_of_main() else module, name)

    def _arrived(self, place: int) -> Arrived:
        """What is at a place among the files. Paths of equal files were different ones, and stay so."""
        file = self._files[place]
        if not isinstance(file, str):
            return file
        places = self._places.setdefault(file, {})
        return _respelled(file, places.setdefault(place, len(places)))


def _respelled(path: str, number: int) -> str:
    """Another spelling of a path for each number, a short one; the path itself for 0.

    The path is that of a copy, so that ``folder/../folder`` is ``folder``: neither is a link.
    """
    if not number:
        return path
    above, outer, inner, name = path.rsplit("/", 3)
    steps = []
    while number:  # in the digits 1 and 2, of which no number has two spellings
        number, inward = divmod(number - 1, 2)
        steps.append(f"../{inner}/" if inward else f"../../{outer}/{inner}/")
    return f"{above}/{outer}/{inner}/{''.join(steps)}{name}"
