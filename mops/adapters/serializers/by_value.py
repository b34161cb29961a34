"""What cannot be imported elsewhere, by value: functions and classes of ``__main__``, of notebooks, and local ones."""

import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any, Final

import cloudpickle

from mops.adapters.serializers.luggage import Luggage
from mops.adapters.serializers.restore import MAIN_NAMES, class_digest, find_class, live_class_or_value, name_of_main
from mops.core.files import AsWritten

_TURNED_INTO_SOMETHING_ELSE: Final = frozenset({io.TextIOWrapper, memoryview})
"""What cloudpickle pickles as a value of another type: a hit would differ from the call that computed it."""


class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle is untyped
    """Takes functions and classes by value where they cannot be imported.

    An object whose class has ``__mops_reduce__`` is asked how it travels: ``NotImplemented`` means as ever.
    """

    def __init__(self, luggage: Luggage, stream: io.BytesIO, protocol: int, **options: Any) -> None:
        super().__init__(stream, protocol, **options)
        self._luggage = luggage
        luggage.pickler = self

    def reducer_override(self, obj: Any) -> Any:
        """Called for everything that is not of a built-in type."""
        if isinstance(obj, type) and obj.__module__ in MAIN_NAMES:
            name = name_of_main()
            if name is not None:
                return find_class, (name, obj.__qualname__)
            return live_class_or_value, (obj.__qualname__, class_digest(obj), _dump_class(obj))
        reduced = self._luggage.reduced(obj)
        return _reduced(obj, super().reducer_override) if reduced is NotImplemented else reduced


class _ClassPickler(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle is untyped
    def reducer_override(self, obj: Any) -> Any:
        return _reduced(obj, super().reducer_override)


def _reduced(obj: Any, reduce: Callable[[Any], Any]) -> Any:
    own = getattr(type(obj), "__mops_reduce__", None)
    if own is not None:
        return own(obj)
    if type(obj) in _TURNED_INTO_SOMETHING_ELSE:
        raise pickle.PicklingError(f"cannot pickle {type(obj).__name__!r} object")
    return _with_slots(obj, reduce(obj))


def _dump_class(cls: type) -> bytes:
    stream = io.BytesIO()
    _ClassPickler(stream, protocol=5).dump(cls)
    return stream.getvalue()


def _with_slots(obj: Any, reduced: Any) -> Any:
    """Have a class rebuilt with its slots: without them, the state of its instances would not fit the live class."""
    slots = vars(obj).get("__slots__") if isinstance(obj, type) else None
    if slots and isinstance(reduced, tuple):
        body = reduced[1][3]  # of the class, before its members are set
        body["__slots__"] = slots
    return reduced


def offending_path(value: Any) -> str:
    """The path to the deepest part that cannot be pickled, such as ``.client._lock``; empty for the value itself."""
    path, seen = "", [value]
    while True:
        for step, part in _parts(value):
            if all(part is not other for other in seen) and not _pickles(part):
                path, value = path + step, part
                seen.append(part)
                break
        else:
            return path


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if type(value) is AsWritten:
        yield "", value.value
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    else:
        yield from ((f".{name}", part) for name, part in getattr(value, "__dict__", {}).items())
        for cls in type(value).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if hasattr(value, name) and name != "__dict__":
                    yield f".{name}", getattr(value, name)


def _pickles(value: Any) -> bool:
    try:
        ByValuePickler(Luggage(), io.BytesIO(), 5, buffer_callback=lambda _: False).dump(value)
    except Exception:  # noqa: BLE001 - whatever a __reduce__ raises
        return False
    return True
