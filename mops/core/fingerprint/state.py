"""What the author's own objects hold, and which of it the reached code itself assigns.

An attribute of such an object that the program rebinds is another constant: ``CONFIG.rate = 2``. An attribute that a
method of the object assigns when the function calls it is the object's own business: a lazily opened connection, a
counter. So the attributes that called methods assign are left out; a method counts as called if code that the function
reaches names it, directly or through other methods that count so. Constructors and setters only say how the program
may set the state.
"""

from functools import cached_property

from mops.core.fingerprint.members import dict_of, functions_in, slot_of, slots_of
from mops.core.fingerprint.surroundings import Surroundings
from mops.core.fingerprint.watch import Lookups

_MOST_OBJECTS = 100
"""In one constant. Looking at more of them at each call would take longer than many a call."""
_CALLED_BY_SYNTAX = frozenset(
    ("__bool__", "__call__", "__contains__", "__getattr__", "__getattribute__", "__getitem__", "__iter__", "__len__",
     "__missing__", "__next__")
)  # fmt: skip


class State:
    """Which attributes of the author's objects count, for one walk.

    Args:
        surroundings: the process.
        classes: of the author's objects, and of others.
        words: what the reached functions that are no methods name.
    """

    def __init__(self, surroundings: Surroundings, classes: list[type], words: set[str]) -> None:
        self._surroundings = surroundings
        self._classes = classes
        self._words = words

    @cached_property
    def _assigned(self) -> dict[type, set[str]]:
        """The attributes that called methods assign, by the class that has the methods."""
        assigned: dict[type, set[str]] = {kind: set() for kind in self._classes}
        waiting = [(kind, *each) for kind in self._classes for each in functions_in(vars(kind))]
        words, called = {*self._words, *_CALLED_BY_SYNTAX}, waiting
        while called:
            called = [each for each in waiting if each[1] in words]
            waiting = [each for each in waiting if each[1] not in words]
            for kind, _, function in called:
                reading = self._surroundings.reading(function.__code__)
                words |= reading.words
                assigned[kind] |= reading.attributes
        return assigned

    def _assigned_by(self, kind: type) -> set[str]:
        cached = {name for name, member in vars(kind).items() if type(member) is cached_property}
        return cached | self._assigned.get(kind, set())

    def of(self, objects: list[object], lookups: Lookups) -> list[object]:
        """Have the attributes of some objects watched. Gives their values, always in the same order."""
        values: list[object] = []
        for value in objects[:_MOST_OBJECTS]:
            kind = type(value)
            assigned = set().union(*map(self._assigned_by, kind.__mro__))
            inside = dict_of(value)
            if kind.__dictoffset__:
                lookups.size(inside)
            for name, held in inside.items():
                if name not in assigned:
                    lookups.entry(inside, name, held)
                    values.append(held)
            for name, held in slots_of(value):
                if name not in assigned and slot_of(kind, name) is not None:
                    lookups.attribute(value, name, held)
                    values.append(held)
        return values
