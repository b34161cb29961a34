"""What a walk looked up, remembered so that a later rebinding can be noticed, and looked up again in a microsecond."""

from collections.abc import Callable, Iterable
from itertools import chain, repeat
from operator import attrgetter, getitem, is_
from types import FunctionType, MappingProxyType
from typing import Any

from mops.core.fingerprint.members import UNSET
from mops.core.fingerprint.surroundings import Scope

Slot = tuple[int, str]
"""The identity of a dictionary, cell or instance, and what is looked up in it."""

_code_of = attrgetter("__code__")
_disjoint: Callable[[Any, Any], bool] = type({}.keys()).isdisjoint


class Lookups:
    """Everything that, if it were rebound, could give another fingerprint. Collected by one walk.

    Attributes:
        functions: the first-party functions.
        classes: the first-party classes.
    """

    def __init__(self) -> None:
        self.functions: list[FunctionType] = []
        self.classes: list[type] = []
        self._entries: dict[Slot, tuple[Scope, str, object]] = {}
        self._attributes: dict[Slot, tuple[object, str, object]] = {}
        self._absent: dict[int, tuple[Scope, set[str]]] = {}
        self._sizes: dict[int, tuple[Scope, int]] = {}

    def entry(self, scope: Scope, key: str, value: object) -> None:
        """`scope` holds `value` under `key`."""
        self._entries[id(scope), key] = (scope, key, value)

    def attribute(self, owner: object, name: str, value: object) -> None:
        """A cell holds `value` as its contents, or an instance in a slot; `UNSET` where it holds nothing."""
        self._attributes[id(owner), name] = (owner, name, value)

    def absence(self, scope: Scope, key: str) -> None:
        """`scope` holds nothing under `key`."""
        self._absent.setdefault(id(scope), (scope, set()))[1].add(key)

    def size(self, scope: Scope) -> None:
        """`scope` holds nothing but what it holds now."""
        self._sizes[id(scope)] = (scope, len(scope))

    def forget(self, slot: Slot) -> None:
        """A variable that the reached code itself assigns: its rebinding is not looked for."""
        self._entries.pop(slot, None)
        self._attributes.pop(slot, None)
        if slot[0] in self._absent:
            self._absent[slot[0]][1].discard(slot[1])

    def watch(self) -> "Watch":
        """All of it, ready to be looked up again."""
        # A function that had no defaults may get some: no call that succeeded before is changed by that.
        defaults = [
            (function, name, getattr(function, name))
            for function in self.functions
            for name in ("__defaults__", "__kwdefaults__")
            if getattr(function, name) is not None
        ]
        return Watch(
            names=_columns(self._entries.values()),
            attributes=_columns((*self._attributes.values(), *defaults)),
            functions=self.functions,
            spaces=[vars(kind) for kind in self.classes],
            absent=self._absent.values(),
            sizes=self._sizes.values(),
        )


class Watch:
    """Lookups in the form that is quickest to repeat: columns for ``map``. To be asked from any number of threads."""

    __slots__ = ("_absent", "_attributes", "_classes", "_code", "_names", "_sizes")

    def __init__(
        self,
        *,
        names: "_Columns",
        attributes: "_Columns",
        functions: list[FunctionType],
        spaces: list[MappingProxyType[str, Any]],
        absent: Iterable[tuple[Scope, set[str]]],
        sizes: Iterable[tuple[Scope, int]],
    ) -> None:
        self._names = names
        self._attributes = attributes
        self._code = (functions, [function.__code__ for function in functions])
        self._classes = (spaces, list(chain.from_iterable(map(MappingProxyType.values, spaces))))
        absences = [(scope, frozenset(keys)) for scope, keys in absent if keys]
        self._absent = ([scope.keys() for scope, _ in absences], [keys for _, keys in absences])
        known = list(sizes)
        self._sizes = ([scope for scope, _ in known], [size for _, size in known])

    def unchanged(self) -> bool:
        """Whether every lookup gives the identical object again. Runs no code of the user's."""
        holders, keys, values = self._names
        owners, attributes, held = self._attributes
        functions, codes = self._code
        spaces, members = self._classes
        scopes, sizes = self._sizes
        try:
            return (
                all(map(is_, map(getitem, holders, keys), values))
                and list(map(_code_of, functions)) == codes
                and (not owners or all(map(is_, map(getattr, owners, attributes, repeat(UNSET)), held)))
                and (not scopes or list(map(len, scopes)) == sizes)
                and (not spaces or (sum(map(len, spaces)) == len(members) and self._same_members()))
                and all(map(_disjoint, *self._absent))
            )
        except (LookupError, ValueError):  # deleted; a cell that was emptied
            return False

    def _same_members(self) -> bool:
        spaces, members = self._classes
        return all(map(is_, chain.from_iterable(map(MappingProxyType.values, spaces)), members))


_Columns = tuple[list[Any], list[str], list[object]]


def _columns(rows: Iterable[tuple[Any, str, object]]) -> _Columns:
    holders, keys, values = [], [], []
    for holder, key, value in rows:
        holders.append(holder)
        keys.append(key)
        values.append(value)
    return holders, keys, values
