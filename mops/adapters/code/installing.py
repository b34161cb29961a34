"""Code that travelled, put before all that this process could import."""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import final

from mops.core.code_tree import Shipped, folders_of, shipped_in


def install(files: Mapping[str, bytes | memoryview], folder: str) -> None:
    """Write files to an empty folder, and have this process import from there first.

    What was imported already of the packages that come from there is forgotten: it was the one of this installation.

    Raises:
        OSError: they cannot be written.
    """
    write_files(files, folder)
    shipped = shipped_in(files)
    _forget(shipped)
    sys.path.insert(0, folder)
    sys.meta_path.insert(0, ShippedFinder(shipped, folder))
    _rejoin(shipped.namespaces)


def has_arrived(path: str) -> bool:
    """Whether a path leads to what was installed in this process."""
    finders = (finder for finder in sys.meta_path if isinstance(finder, ShippedFinder))
    return any(path.startswith(os.path.join(finder.folder, "")) for finder in finders)


def write_files(files: Mapping[str, bytes | memoryview], folder: str) -> None:
    """Write files to an empty folder, for this user alone.

    Raises:
        OSError: they cannot be written.
    """
    for name in sorted(folders_of(files)):
        os.mkdir(_path(folder, name), 0o700)
    for name, content in files.items():
        descriptor = os.open(_path(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write(descriptor, memoryview(content))
        finally:
            os.close(descriptor)


def _path(folder: str, name: str) -> bytes:
    """Where a file is written. Its name is the same in every locale."""
    return os.path.join(os.fsencode(folder), name.encode("utf-8", "surrogateescape"))


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _forget(shipped: Shipped) -> None:
    """Have what is replaced imported anew: also what lies in a package where a namespace travelled."""
    hiding = tuple(f"{name}." for name in shipped.namespaces if getattr(sys.modules.get(name), "__file__", None))
    for name in list(sys.modules):
        replaced = shipped.has(name) or name in shipped.namespaces or name.startswith(hiding)
        if replaced and name not in sys.stdlib_module_names:
            del sys.modules[name]


def _rejoin(namespaces: Collection[str]) -> None:
    """Make the other parts of namespaces, which stay as they were imported, attributes of these again."""
    for name, module in sorted(sys.modules.items()):
        above, _, last = name.rpartition(".")
        if above in namespaces:
            setattr(import_module(above), last, module)


@final
class ShippedFinder:
    """Finds the packages that travelled, and nothing else. A finder by its form: ``importlib.abc`` takes 8 ms.

    The front of ``sys.path`` alone would not do: finders of editable installs may be asked before it is looked at, and
    a package of another folder hides a namespace.

    Args:
        shipped: what travelled.
        folder: where it lies.

    Attributes:
        folder: see above.
    """

    def __init__(self, shipped: Shipped, folder: str) -> None:
        self._shipped = shipped
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See ``importlib``."""
        if self._shipped.has(fullname):
            return PathFinder.find_spec(fullname, [self._place_of(fullname)] if self._is_first(fullname) else path)
        if fullname in self._shipped.namespaces:
            others = (getattr(finder, "find_spec", None) for finder in sys.meta_path if finder is not self)
            found = next(filter(None, (find(fullname, path, target) for find in others if find is not None)), None)
            if found is None or found.origin is not None:  # it is a package: that would hide what travelled
                return PathFinder.find_spec(fullname, [self._place_of(fullname)])
        return None

    def _is_first(self, name: str) -> bool:
        return name in self._shipped.whole

    def _place_of(self, name: str) -> str:
        """The folder in which a package of that name lies."""
        return os.path.join(self.folder, *name.split(".")[:-1])
