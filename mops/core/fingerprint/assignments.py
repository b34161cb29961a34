"""Which variables the reached code itself assigns, so that they are its state and not constants that somebody wrote."""

from collections.abc import Iterator
from types import CellType, FunctionType
from typing import Any

from mops.core.fingerprint.bytecode import Reading
from mops.core.fingerprint.members import CONTENTS, functions_in
from mops.core.fingerprint.surroundings import Scope, Surroundings
from mops.core.fingerprint.watch import Slot


class Assignments:
    """Globals and variables of closures that the functions of one walk assign."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._functions: set[int] = set()
        self._globals: dict[int, tuple[Scope, set[str]]] = {}
        self._cells: set[Slot] = set()

    def in_function(self, function: FunctionType, reading: Reading) -> None:
        """The function is reached."""
        self._functions.add(id(function))
        if reading.stored:
            scope = function.__globals__
            self._globals.setdefault(id(scope), (scope, set()))[1].update(reading.stored)

    def in_cell(self, cell: CellType) -> None:
        """A reached function assigns the contents of the cell."""
        self._cells.add((id(cell), CONTENTS))

    def state(self) -> set[Slot]:
        """The variables that nobody but the reached code assigns.

        Where another function of the module assigns something as well, the program may call it, and the value is not
        that of the reached code: ``set_config(...)`` beside a ``get_config()`` that makes one lazily. One that only
        puts None back, so that it is made again, changes nothing.
        """
        slots = set(self._cells)
        for scope, names in self._globals.values():
            slots |= {(id(scope), name) for name in names.difference(self._assigned_elsewhere(scope))}
        return slots

    def _assigned_elsewhere(self, scope: Scope) -> set[str]:
        others = (each for each in _functions_of(scope) if id(each) not in self._functions)
        return set().union(*(self._surroundings.reading(each.__code__).filled for each in others))


def _functions_of(scope: Scope) -> Iterator[FunctionType]:
    """The functions and methods that a module defines."""
    spaces: list[Scope] = [scope]
    classes: list[Any] = [value for value in list(scope.values()) if issubclass(type(value), type)]
    spaces += [vars(kind) for kind in classes if kind.__module__ == scope.get("__name__")]
    for space in spaces:
        yield from (function for _, function in functions_in(space) if function.__globals__ is scope)
