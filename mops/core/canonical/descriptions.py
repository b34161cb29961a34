"""Short descriptions of values, for people."""

from types import BuiltinFunctionType, FunctionType
from typing import Any

from mops.core.canonical.leaves import Encoded

LONGEST = 80
"""Characters of the longest description."""

_SIZED = frozenset({list, tuple, dict, set, frozenset, bytearray})
_SHOWN = frozenset({type(None), bool, float, complex, type(...), type(NotImplemented)})
_MOST_BITS = 200


def describe(value: Any) -> str:
    """Describe a value in at most 80 characters, in constant time, without an error and without code of its class."""
    cls = type(value)
    if cls is Encoded:
        return describe(value.source)
    if cls in _SHOWN:
        return repr(value)
    if cls is int:
        return repr(value) if value.bit_length() <= _MOST_BITS else f"int of {value.bit_length():,} bits"
    if cls is str or cls is bytes:
        return _shortened(repr(value[:LONGEST]), len(value))
    if cls in _SIZED:
        return f"{cls.__name__} of {len(value):,}"
    if cls is FunctionType or cls is BuiltinFunctionType:
        return _end(f"function {value.__qualname__}")
    if str(type.__dict__["__module__"].__get__(cls)).partition(".")[0] == "pathlib":
        return _end(f"{cls.__name__} {value.name!r}")
    if issubclass(cls, type):
        return _end(f"class {_qualname(value)}")
    return _end(_qualname(cls))


def _qualname(cls: type) -> str:
    name: str = type.__dict__["__qualname__"].__get__(cls)  # past what a metaclass may define
    return name


def _shortened(text: str, length: int) -> str:
    if len(text) <= LONGEST and length <= LONGEST:
        return text
    ending = f"... ({length:,})"
    return text[: LONGEST - len(ending)] + ending


def _end(name: str) -> str:
    return name if len(name) <= LONGEST else f"...{name[3 - LONGEST :]}"
