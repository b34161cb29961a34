"""The code fingerprint: a digest of a function's code and of the first-party code and constants that it reaches.

A comment, a docstring, code added above, or another function of the same module changes no fingerprint. A body, a
default, a decorator, a helper's helper, an attribute of a class or a module constant does, and can be named. The
digests depend on the interpreter (bytecode does), but not on the process, on hash seeds, or on where code is installed.

What a fingerprint cannot see, and does not claim: names that are computed (``getattr(module, name)`` with a `name`
that is no literal of the function), subclasses that are found through registries, files, the environment, the versions
of third-party packages, a constant that is mutated in place after it was first counted, and annotations.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from operator import attrgetter, getitem, is_
from types import MappingProxyType
from typing import Any

from mops.core.fingerprint.bytecode import framed_digest
from mops.core.fingerprint.reach import Walk
from mops.core.fingerprint.surroundings import Surroundings

_code_of = attrgetter("__code__")
_disjoint: Callable[[Any, Any], bool] = type({}.keys()).isdisjoint


class Fingerprint:
    """What a function's code was, and a quick way to ask whether it still is.

    Attributes:
        digest: 32 bytes, of the whole table and the interpreter's kind of bytecode.
        table: first 16 hexadecimal digits of the digest of each definition, by name: ``{"pkg.mod:helper": "…"}``.
        constants: the names in the table that stand for values. A remote may rightly differ in these.
        opaque: the constants that count by name and type alone, since they are too large or no values at all.
    """

    __slots__ = ("_watch", "constants", "digest", "opaque", "table")

    def __init__(self, walk: Walk, cache_tag: str) -> None:
        entries = sorted(walk.entries.items())
        parts = chain.from_iterable((name.encode(), digest) for name, digest in entries)
        self.digest: bytes = framed_digest((cache_tag.encode(), *parts))
        self.table: Mapping[str, str] = MappingProxyType({name: digest.hex()[:16] for name, digest in entries})
        self.constants: frozenset[str] = frozenset(walk.constants)
        self.opaque: tuple[str, ...] = tuple(sorted(walk.opaque))
        self._watch = _Watch(walk)

    def unchanged(self) -> bool:
        """Whether no global, cell, default, attribute or code that the function reaches was rebound since.

        Compares identities only; about 0.1 µs a name. A value that is mutated in place is not noticed.
        """
        return self._watch.unchanged()


class Fingerprinter:
    """Takes fingerprints. One instance serves a whole process; `of` may be called from several threads.

    Args:
        surroundings: what is first-party, loaded, keyable here.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    def of(self, function: Callable[..., object], extras: Iterable[Callable[..., object]] = ()) -> Fingerprint:
        """The fingerprint of `function`, and of the classes and functions in `extras`: what its arguments bring along.

        About 30 µs a definition, 10 where the process has read the code before. The logic key of `function` itself is
        not asked for: whether its code counts is the caller's to decide.
        """
        walk = Walk(self._surroundings, function)
        walk.reach(function, "function")
        for definition in extras:
            walk.reach(definition, "argument")
        walk.finish()
        return Fingerprint(walk, self._surroundings.cache_tag)


class _Watch:
    """Everything that a walk looked up, in the form that is quickest to look up again: columns for ``map``."""

    __slots__ = ("_absent", "_attributes", "_classes", "_code", "_names")

    def __init__(self, walk: Walk) -> None:
        # A function that had no defaults may get some: no call that succeeded before is changed by that.
        defaults = [
            (function, name, getattr(function, name))
            for function in walk.functions
            for name in ("__defaults__", "__kwdefaults__")
            if getattr(function, name) is not None
        ]
        self._names = _columns(walk.bound.values())
        self._attributes = _columns((*walk.cells.values(), *defaults))
        self._code = (walk.functions, [function.__code__ for function in walk.functions])
        self._absent = (
            [scope.keys() for scope, _ in walk.absent.values()],
            [frozenset(names) for _, names in walk.absent.values()],
        )
        spaces = [vars(kind) for kind in walk.classes]
        self._classes = (spaces, list(chain.from_iterable(map(MappingProxyType.values, spaces))))

    def unchanged(self) -> bool:
        holders, keys, values = self._names
        owners, attributes, held = self._attributes
        functions, codes = self._code
        spaces, members = self._classes
        try:
            return (
                all(map(is_, map(getitem, holders, keys), values))
                and list(map(_code_of, functions)) == codes
                and (not owners or all(map(is_, map(getattr, owners, attributes), held)))
                and (not spaces or (sum(map(len, spaces)) == len(members) and self._same_members()))
                and all(map(_disjoint, *self._absent))
            )
        except (LookupError, AttributeError, ValueError):  # deleted; a cell that was emptied
            return False

    def _same_members(self) -> bool:
        spaces, members = self._classes
        return all(map(is_, chain.from_iterable(map(MappingProxyType.values, spaces)), members))


def _columns(rows: Iterable[tuple[Any, str, object]]) -> tuple[list[Any], list[str], list[object]]:
    holders, keys, values = [], [], []
    for holder, key, value in rows:
        holders.append(holder)
        keys.append(key)
        values.append(value)
    return holders, keys, values


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """The definitions in which two tables differ, by name; ``(added)`` and ``(removed)`` say in which they stand."""
    names = sorted(before.keys() | after.keys())
    return tuple(
        name if name in before and name in after else f"{name} ({'added' if name in after else 'removed'})"
        for name in names
        if before.get(name) != after.get(name)
    )
