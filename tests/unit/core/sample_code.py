"""Small packages that are written, imported, edited and imported again, and the fingerprints of what is in them."""

import importlib
import json
import sys
import types
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest

from mops.core.fingerprint import Fingerprint, Fingerprinter, differences
from mops.core.fingerprint.surroundings import Surroundings


def constant(value: object, roots: frozenset[str]) -> tuple[bytes, tuple[str, ...]]:
    """A stand-in for the canonical digest: the text of plain data, functions by name, and other things by type."""
    if isinstance(value, Path):
        text = str(value)
        return next((text.removeprefix(root) for root in roots if text.startswith(root)), text).encode(), ()
    try:
        return json.dumps(value, sort_keys=True, default=plain).encode(), ()
    except Exception:
        return type(value).__qualname__.encode(), ("",)


def plain(value: object) -> object:
    if hasattr(value, "__qualname__"):
        return value.__qualname__
    slots = [name for base in type(value).__mro__ for name in vars(base).get("__slots__", ()) if hasattr(value, name)]
    if slots:
        return {name: getattr(value, name) for name in slots}
    kept = {name for name, member in vars(type(value)).items() if isinstance(member, cached_property)}
    return {name: held for name, held in vars(value).items() if name not in kept}


def stated_key(value: object) -> str | None:
    _, found, key = (getattr(value, "__doc__", None) or "").partition("logic-key: ")
    return key.strip() if found else None


def load(name: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def make_fingerprinter(**changes: object) -> Fingerprinter:
    collaborators = {
        "cache_tag": "cpython-311",
        "is_first_party": lambda name, _: name.partition(".")[0] in {"sample", "__main__"} or name.startswith("tests."),
        "modules": sys.modules,
        "load": load,
        "constant": constant,
        "logic_key_of": stated_key,
    }
    return Fingerprinter(Surroundings(**(collaborators | changes)))


class Sample:
    """A package called ``sample`` below a folder, whose modules can be edited."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sample"
        self.folder.mkdir()
        self.write("__init__", "")

    def write(self, module: str, text: str) -> None:
        (self.folder / f"{module}.py").write_text(text)

    def edit(self, module: str, old: str, new: str) -> None:
        text = (self.folder / f"{module}.py").read_text()
        assert text.count(old) == 1
        self.write(module, text.replace(old, new))

    def forget(self) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "sample"]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def module(self, name: str = "main") -> types.ModuleType:
        self.forget()
        return importlib.import_module(f"sample.{name}")

    def fingerprint(self, function: str = "f", **changes: object) -> Fingerprint:
        return make_fingerprinter(**changes).of(getattr(self.module(), function))

    def table_after(self, module: str, old: str, new: str) -> tuple[str, ...]:
        """The differences that an edit makes."""
        before = self.fingerprint()
        self.edit(module, old, new)
        after = self.fingerprint()
        found = differences(before.table, after.table)
        assert (before.digest != after.digest) is bool(found)
        return found


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sample]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Sample(tmp_path)
    yield made
    made.forget()


def reached(sample: Sample, text: str, **changes: object) -> Fingerprint:
    sample.write("main", text)
    return sample.fingerprint(**changes)


def named_difference(sample: Sample, text: str, old: str, new: str) -> tuple[str, ...]:
    sample.write("main", text)
    return sample.table_after("main", old, new)
