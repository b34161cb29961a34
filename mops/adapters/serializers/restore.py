"""Rebuilds classes of ``__main__`` from pickles. Pickles in stores name what is here: never rename it."""

import pickle
import sys
from types import CodeType
from typing import Any

from blake3 import blake3

from mops.core.fingerprint.bytecode import Reading

MAIN_NAMES = ("__main__", "__mp_main__")
_NOT_CODE = frozenset(
    ("__dict__", "__doc__", "__firstlineno__", "__module__", "__slotnames__", "__static_attributes__", "__weakref__")
)


def name_of_main() -> str | None:
    """The importable name of ``__main__``, where it was started as ``python -m name``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    # In a remote, the main module is that of mops itself, which holds nothing of the user's.
    return None if spec is None or str(spec.name).partition(".")[0] == "mops" else str(spec.name)


def find_class(module: str, qualname: str) -> Any:
    """The class of that name; where its module runs as ``__main__``, the class that lives there."""
    if name_of_main() == module:
        module = "__main__"
    else:
        __import__(module)
    found: Any = sys.modules[module]
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def live_class_or_value(qualname: str, digest: bytes, pickled: bytes) -> Any:
    """The class that ``__main__`` has under that name, if its code is the same, else the class as it was stored."""
    live: Any = sys.modules["__main__"]
    for name in qualname.split("."):
        live = getattr(live, name, None)
    if isinstance(live, type) and class_digest(live) == digest:
        return live
    return pickle.loads(pickled)


def class_digest(cls: type) -> bytes:
    """A digest of a class body: its functions' bytecode, and the names and types of what else it holds."""
    lines = [cls.__qualname__.encode(), *(base.__qualname__.encode() for base in cls.__bases__)]
    for name, member in sorted(vars(cls).items(), key=lambda item: item[0]):
        if name in _NOT_CODE:
            continue
        inner: Any = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        code = getattr(inner, "__code__", None)
        if name == "__hash__" and getattr(code, "co_filename", "").startswith("<attrs generated"):
            continue  # attrs writes the seeded hash of a string into it
        value = Reading(code).digest if isinstance(code, CodeType) else type(member).__qualname__.encode()
        lines.append(name.encode() + b"=" + value)
    return blake3(b"\0".join(lines)).digest(16)


def as_written(_begins: Any, value: Any, _ends: Any) -> Any:
    """The value between two marks of the pickler."""
    return value
