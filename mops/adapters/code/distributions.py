"""Installed distributions and their versions, without the second that ``importlib.metadata`` takes for all of them."""

import os
import re
import sys
from collections.abc import Collection, Iterator
from typing import Final

_INFO: Final = ".dist-info"
_PYTHON: Final = {"python": ".".join(map(str, sys.version_info[:3]))}


def installed() -> dict[str, str]:
    """The version of each distribution that this process can import, by name; the first on ``sys.path`` counts.

    Python is one of them.
    """
    return _PYTHON | {name: version for name, version, _ in _found()}


def imported(modules: Collection[str]) -> dict[str, str]:
    """The version of each distribution that one of these top-level modules comes from, by name; and that of Python."""
    found = list(_found())
    names = {name for name, _, _ in found}
    alike = {_normal(module) for module in modules}
    # Most distributions have the name of their package. Only for the others, what was installed has to be read.
    strange = [module for module in modules if _normal(module) not in names and not module.startswith("_")]
    needles = list(filter(None, map(_row_of, strange)))
    return _PYTHON | {name: version for name, version, folder in found if name in alike or _records(folder, needles)}


def _found() -> Iterator[tuple[str, str, str]]:
    """Name, version and folder of each; names as they compare."""
    seen: set[str] = set()
    for place in sys.path:
        for entry in _names_in(place or "."):
            name, _, version = entry.removesuffix(_INFO).partition("-")
            if entry.endswith(_INFO) and version and _normal(name) not in seen:
                seen.add(_normal(name))
                yield _normal(name), version, os.path.join(place, entry)


def _row_of(module: str) -> bytes:
    """How the record of a distribution begins the row of a module's file; nothing where it has none."""
    loaded = sys.modules.get(module)
    if hasattr(loaded, "__path__"):
        return f"\n{module}/".encode()
    return f"\n{module}.py,".encode() if str(getattr(loaded, "__file__", None)).endswith(".py") else b""


def _records(folder: str, needles: list[bytes]) -> bool:
    """Whether a distribution says that one of the modules is its own."""
    try:
        with open(os.path.join(folder, "RECORD"), "rb") as file:
            content = b"\n" + file.read()
    except OSError:
        return False
    return any(needle in content for needle in needles)


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
