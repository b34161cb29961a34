"""The encoding of what stands in code, where a part without a meaning as a value must not hide all the others.

A constant that holds a lock somewhere is encoded like an argument, with a *hole* in place of the lock: the name of its
type. Containers and instances of the author's own classes are looked into; any other object is either encoded as a
whole or a hole, since the rest of somebody else's client or session says more of the process than of the code.

    h        hole: the name of the type, or of the module
    w        whole: the encoding of an instance of somebody else's class; the entries of a read-only dict
"""

from collections import deque
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from mops.core.canonical.columns import DEEPEST, Part
from mops.core.canonical.encoder import Encoder, Hooks
from mops.core.canonical.frames import Frame, path_to_child
from mops.core.canonical.leaves import LEAVES, Encoded

_CONTAINERS = (dict, list, tuple, set, frozenset, deque)
_DEFINITIONS = (type, FunctionType, BuiltinFunctionType, MethodType)


def encode_tolerantly(value: object, hooks: Hooks, is_own: Callable[[type], bool]) -> tuple[bytes, tuple[str, ...]]:
    """Encode a value, and what has no meaning as one inside it by its type alone. Never raises an Exception.

    Args:
        value: anything.
        hooks: what the encoding has to be told about classes and functions.
        is_own: whether a class is the author's, so that what its instances hold is worth a look.

    Returns:
        At most 64 bytes, and the paths to the holes, such as ``.client._lock``; empty for the value itself.
    """
    try:
        return Encoder(hooks).encode(value, ""), ()
    except Exception:  # noqa: BLE001 - looking at a value may run any code of the user's
        encoder = _TolerantEncoder(hooks, is_own)
        return encoder.encode(value, ""), tuple(encoder.holes)


class _TolerantEncoder(Encoder):
    """Encodes values with holes in them. Without columns, so that the open frames are the path to a hole."""

    __slots__ = ("_is_own", "holes")

    def __init__(self, hooks: Hooks, is_own: Callable[[type], bool]) -> None:
        super().__init__(hooks)
        self._level = DEEPEST
        self._is_own = is_own
        self.holes: list[str] = []

    def _enter(self, value: Any) -> Frame:
        self._held.append(value)
        try:
            if type(value) is MappingProxyType:
                return Frame(b"w", (dict(value),), id(value))
            if self._counts_as_a_whole(value):
                return Frame(b"w", (Encoded(Encoder(self._hooks).encode(value, "")),), id(value))
            return super()._enter(value)
        except Exception:  # noqa: BLE001 - as above
            return Frame(b"h", (self._hole(value),), id(value))

    def _recurring(self, value: object) -> bytes:
        return LEAVES[Encoded](self._hole(value))

    def _counts_as_a_whole(self, value: object) -> bool:
        kind = type(value)
        return not issubclass(kind, (*_CONTAINERS, *_DEFINITIONS)) and kind is not Part and not self._is_own(kind)

    def _hole(self, value: object) -> Encoded:
        self.holes.append(path_to_child(self._frames))
        return Encoded(LEAVES[str](name_of_hole(value)))


def name_of_hole(value: object) -> str:
    """What a part that cannot be keyed counts by."""
    kind = type(value)
    return f"module {value.__name__}" if isinstance(value, ModuleType) else f"{kind.__module__}:{kind.__qualname__}"
