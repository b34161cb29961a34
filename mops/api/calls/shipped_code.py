"""First-party code that travels with calls: what of this process that is, as it was when it was first packed."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, final

from mops.adapters.code.collecting import CodeFile, Collector, Snapshot
from mops.adapters.code.distributions import imported
from mops.adapters.code.installing import has_arrived
from mops.api.functions.first_party import FirstParty, spec_of
from mops.core.canonical.leaves import content_digest
from mops.core.code_tree import CODE_TREE, pack_tree
from mops.core.envelope import header_json
from mops.core.files import SharedBlob, SharedObject
from mops.core.fingerprint.surroundings import importable_name
from mops.runtime.beginning import beginning

_LOOK: Final = 1.0
"""Seconds between two looks for files that were edited."""

_NOBODY_IMPORTED: Final = frozenset({"_distutils_hack"})
"""What a distribution (setuptools) has every interpreter import, whoever needs it."""

Root = tuple[str, str]
"""A folder or file that travels, and its name relative to the import root."""


@final
class CodeTree:
    """The code that travels with calls. What travels does not change."""

    def __init__(self, files: Mapping[str, CodeFile], remarks: list[str]) -> None:
        self._files = list(files.values())
        self._pieces = pack_tree({name: file.content for name, file in files.items()})
        self._blob = SharedBlob(())
        self._blob.digest = content_digest(*self._pieces)
        self._blob.size = sum(map(len, self._pieces))
        tops = _loaded_tops().difference(re.split("[/.]", name)[0] for name in files)
        about = {"digest": self._blob.digest.hex(), "versions": imported(tops)}
        self._stated = {edited: header_json(edited=edited, **about) for edited in (False, True)}
        self._remarks = remarks
        self._look_at = 0.0
        since = beginning()
        self._was_edited = any(file.changed > since for file in self._files if file.path.endswith(".py"))
        self._is_edited: dict[bytes, bool] = {}

    def stated(self, fingerprint: bytes) -> bytes:
        """What the claim of a call says of it, as JSON.

        A file may have been edited between its import and its packing; or since, and the module reloaded. Then what
        travels may be other code, and other constants, than the key of the call is made of: that is to be compared.
        What was the same at one fingerprint stays the same for it, whatever is edited later.
        """
        if fingerprint not in self._is_edited:
            self._is_edited[fingerprint] = self._was_edited or self._edited() is not None
        return self._stated[self._is_edited[fingerprint]]

    def as_file(self) -> SharedObject:
        """The same among the files of a call: stored once under each root."""
        return SharedObject(self._blob, lambda: self._pieces, CODE_TREE)

    def remark(self, tell: Callable[[str], None]) -> None:
        """Say what does not travel, and which file was edited after it was packed: that once."""
        for remark in self._remarks:
            tell(remark)
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK
            edited = self._edited()
            if edited is not None:
                tell(f"{edited.path} was edited after it was packed: what this process starts runs it as it was")
                self._look_at = float("inf")

    def _edited(self) -> CodeFile | None:
        return next((file for file in self._files if file.was_edited()), None)


@final
class _Snapshots:
    """What this process has packed. Safe to use from any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._installation = FirstParty("__main__")
        self._snapshot = Snapshot()
        self._trees: dict[tuple[frozenset[str], tuple[str, ...]], CodeTree | None] = {}

    def begin_in_child(self) -> None:
        """In a forked child: a thread that only its parent has may have been packing."""
        self._lock = threading.Lock()

    def tree(self, modules: frozenset[str], include: tuple[str, ...]) -> CodeTree | None:
        """The code of some modules, and what it imports; ``None`` where none of it travels."""
        with self._lock:
            key = modules, include
            if key not in self._trees:
                self._trees[key] = self._packed(modules, include)
            return self._trees[key]

    def _packed(self, modules: frozenset[str], include: tuple[str, ...]) -> CodeTree | None:
        collector = Collector(include, self._snapshot)
        others = {top for top in _loaded_tops() if any(self._roots(top))}
        wanted, searched = {_top_of(module) for module in modules}, 0
        while wanted:
            others -= wanted
            for path, name in (root for top in sorted(wanted) for root in self._roots(top)):
                collector.collect(path, name, arrived=has_arrived(path))
            added = list(collector.files.items())[searched:]
            searched += len(added)
            sources = [file.content for name, file in added if name.endswith(".py")]
            wanted = {top for top in others if any(map(_importing(top), sources))}
        return CodeTree(collector.files, _remarks(collector.stays)) if collector.files else None

    def _roots(self, name: str) -> Iterator[Root]:
        """Where the parts of a package or module lie that no installer put there.

        A finder of an editable install may know a part of a namespace in a folder that is none of the namespace's.
        """
        file, folders = _places_of(name)
        there = list(filter(os.path.exists, folders))  # editable installs add what is no folder
        is_namespace = bool(folders) and not file
        places = there if is_namespace else there or folders or filter(None, [file])
        for place in map(os.path.abspath, places):
            if not self._installation.comes_installed(name.partition(".")[0], place):
                yield place, name.replace(".", "/") + ("" if folders else ".py")
        if is_namespace:
            found = tuple(os.path.join(os.path.abspath(place), "") for place in there)
            parts = (root for child in _loaded_in(name) for root in self._roots(child))
            yield from (root for root in parts if not root[0].startswith(found))


_snapshots: Final = _Snapshots()
os.register_at_fork(after_in_child=_snapshots.begin_in_child)


def code_tree(
    modules: frozenset[str], also: Iterable[str], include: tuple[str, ...], tell: Callable[[str], None]
) -> CodeTree | None:
    """The code that travels with a call: whole top-level packages, each file as this process first read it.

    Args:
        modules: that the function reaches.
        also: further packages and modules.
        include: patterns of what travels beside ``*.py``.
        tell: told what does not travel, and what was edited since.

    Returns:
        ``None`` where all of it is installed, or lies in no file.

    Raises:
        ConfigurationError: some of it cannot travel.
    """
    tree = _snapshots.tree(modules.union(also), include)
    if tree is not None:
        tree.remark(tell)
        return tree
    names = ", ".join(sorted({_top_of(module) for module in modules} - {"__main__"}))
    if names:
        tell(f"no code travels to remotes: {names} is installed here, or in no file")
    return None


def _top_of(module: str) -> str:
    """The top-level name of a module for other processes; the main module has one where ``python -m`` ran it."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return importable_name(module, spec).partition(".")[0]


def _loaded_tops() -> set[str]:
    """The top-level packages and modules of this process that are not the interpreter's by their names."""
    return {name.partition(".")[0] for name in list(sys.modules)} - sys.stdlib_module_names - _NOBODY_IMPORTED


def _loaded_in(package: str) -> list[str]:
    """The modules that this process has imported from a package, but not from packages in there."""
    return sorted(name for name in list(sys.modules) if name.rpartition(".")[0] == package)


def _places_of(name: str) -> tuple[str | None, list[str]]:
    """The file and the folders of a package or module, as far as it has them.

    What ``__main__`` is called, it is called because ``python -m`` runs it. Nothing is imported.
    """
    if name in {"mops", "__main__"}:
        return None, []
    module = sys.modules.get("__main__" if name == _top_of("__main__") and name not in sys.modules else name)
    if module is not None:
        return getattr(module, "__file__", None), [*getattr(module, "__path__", ())]
    spec = spec_of(name)
    return (None, []) if spec is None else (spec.origin, [*(spec.submodule_search_locations or ())])


def _importing(top: str) -> Callable[[bytes], bool]:
    """Whether some source names a top-level module in an import."""
    name = top.encode()  # looked for first: that takes a tenth of the time
    statement = re.compile(rb"(?:\b(?:from|import)[ \t\\](?:[^#\n]|\\\n)*?|import_(?:module|_)\([\"'])\b%b\b" % name)
    return lambda source: name in source and statement.search(source) is not None


def _remarks(stays: dict[str, str]) -> list[str]:
    """What of that is worth a word: what this process has imported, or the author named."""
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return [
        f"{path} does not travel to remotes: {why}"
        for path, why in stays.items()
        if path in loaded or not path.endswith(".py")
    ]
