"""Which code and which constants a function reaches, as a walk over live objects that runs none of them.

The rules of the walk:

- What a name stands for is looked up as the code would look it up, but statically (``names.py``). No property, no
  ``__getattr__``, no ``==`` of user code is ever called.
- First-party functions and classes are definitions: digested, and walked. Other code counts by its name alone; but
  what it wraps (cells, ``__wrapped__``, attributes that hold functions) is followed, since that may be first-party.
- Everything else is a constant: digested as a value, and searched for functions and classes that it holds.
- A definition's digest says which names its own names stand for. So two names that are swapped are two differences.
- Whatever was looked up is remembered, so that a later rebinding can be noticed (``watch.py``).
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from mops.core.fingerprint.annotations import Annotations, annotations_of
from mops.core.fingerprint.assignments import Assignments
from mops.core.fingerprint.bytecode import Reading, framed_digest
from mops.core.fingerprint.constants import Constants
from mops.core.fingerprint.contents import contents_of
from mops.core.fingerprint.members import (
    ATOMS,
    CONTENTS,
    TRANSPARENT,
    carried,
    cells_of,
    class_members,
    entry_of,
    is_nothing,
)
from mops.core.fingerprint.names import Names
from mops.core.fingerprint.state import State
from mops.core.fingerprint.surroundings import OwnCode, Surroundings, importable_name
from mops.core.fingerprint.watch import Lookups

_NATIVE = frozenset(
    (
        BuiltinFunctionType,
        ClassMethodDescriptorType,
        GetSetDescriptorType,
        MemberDescriptorType,
        MethodDescriptorType,
        MethodWrapperType,
        WrapperDescriptorType,
    )
)


class Walk:
    """One traversal. `reach` its starting points, then `finish`.

    Args:
        surroundings: the process.
        subject: the function whose own logic key is not asked for.

    Attributes:
        entries: digest of each definition and constant, by name.
        constants: the constants among them.
        opaque: the constants that count by type alone, and what does inside others.
        lookups: all that may be rebound.
        own: the first-party modules that were met.
    """

    def __init__(self, surroundings: Surroundings, subject: object) -> None:
        self.entries: dict[str, bytes] = {}
        self.opaque: list[str] = []
        self.lookups = Lookups()
        self._surroundings = surroundings
        self._subject = subject
        self.own = OwnCode(surroundings)
        self.constants = Constants(surroundings, self.own)
        self._names = Names(surroundings, self.own, self.lookups, self.constants, self.reach)
        self._assignments = Assignments(surroundings)
        self._in_class = False  # what is reached now is a member of a class
        self._called: list[FunctionType] = []  # whatever was reached otherwise
        self._definitions: dict[int, tuple[object, str]] = {}  # holds the objects, so that no identity is used twice
        self._taken: dict[str, int] = {}
        self._queue: deque[Callable[[], None]] = deque()

    # -------------------------------------------------------------------------------------------- what a value is
    def reach(self, value: Any, place: str) -> str:
        """Count `value`, found at `place`. Returns the name by which whoever uses it shall refer to it."""
        kind = type(value)
        if kind in ATOMS:
            return self._constant(value, place)
        if id(value) in self._definitions:
            return self._definitions[id(value)][1]
        if issubclass(kind, ModuleType):
            return self._names.module(value)
        if kind is FunctionType:
            return self._function(value)
        if issubclass(kind, type):
            return self._class(value)
        if kind in _NATIVE:
            return self._native(value, place)
        for base in kind.__mro__:
            if base in TRANSPARENT:
                return self._transparent(value, place, TRANSPARENT[base])
        wrapped = entry_of(value, "__wrapped__")
        if wrapped is not None and not self.own.has_class_of(value):
            return self._keyed(value, place) or self.reach(wrapped, place)
        return self._constant(value, place)

    def _transparent(self, value: Any, place: str, names: tuple[str, ...]) -> str:
        held = ((name, getattr(value, name)) for name in names)
        parts = [self.reach(part, f"{place}.{name}") for name, part in held if not is_nothing(part)]
        return f"{self._class(type(value))}({', '.join(parts)})"

    def _constant(self, value: object, place: str) -> str:
        code, objects = ([], []) if type(value) in ATOMS else contents_of(value, self.own)
        targets = tuple(self.reach(each, place) for each in code)
        name = self._unique(place)  # after the search: where a wrapper stands for a function, the function has the name
        self.constants.add(name, value, targets, objects)
        return name

    def _native(self, value: Any, place: str) -> str:
        owner = getattr(value, "__self__", None)
        bound = "" if owner is None or isinstance(owner, ModuleType) else f"({self.reach(owner, f'{place}.__self__')})"
        return f"{getattr(value, '__module__', None) or ''}:{value.__qualname__}{bound}"

    def _keyed(self, value: object, place: str) -> str | None:
        """Count `value` by the logic key that it states; None where it states none."""
        if value is self._subject or entry_of(value, "__wrapped__") is self._subject:
            return None
        key = self._surroundings.logic_key_of(value)
        if key is None:
            return None
        name = self._define(value, place)
        self.entries[name] = framed_digest((b"logic key", key.encode()))
        return name

    def _define(self, value: object, wanted: str) -> str:
        name = self._unique(wanted)
        self._definitions[id(value)] = (value, name)
        return name

    def _unique(self, wanted: str) -> str:
        count = self._taken[wanted] = self._taken.get(wanted, 0) + 1
        return wanted if count == 1 else f"{wanted}#{count}"

    # -------------------------------------------------------------------------------------------- functions
    def _function(self, function: FunctionType) -> str:
        scope = function.__globals__
        module = str(scope.get("__name__") or function.__module__)
        generated = function.__code__.co_name == function.__name__  # else a wrapper that took the name of another
        qualname = function.__qualname__ if generated else function.__code__.co_qualname
        label = f"{importable_name(module, scope.get('__spec__'))}:{qualname}"
        if not self.own.has(module):
            name = self._define(function, label)
            self._queue.append(partial(self._follow_foreign, function, name))
            return name
        keyed = self._keyed(function, label)
        if keyed is None:
            keyed = self._define(function, label)
            self.lookups.functions.append(function)
            self._called += [] if self._in_class else [function]
            self._queue.append(partial(self._walk_function, function, keyed))
        return keyed

    def _walk_function(self, function: FunctionType, name: str) -> None:
        reading = self._surroundings.reading(function.__code__)
        self._names.speak(reading.words)
        self._assignments.in_function(function, reading)
        targets = self._names.of(function.__globals__, reading)
        targets += [self.reach(value, place) for place, value in carried(function, name)]
        targets += [self._cell(*each, name, reading) for each in cells_of(function)]
        self.entries[name] = framed_digest((b"function", reading.digest, *map(str.encode, targets)))

    def _cell(self, variable: str, cell: CellType, name: str, reading: Reading) -> str:
        contents = cell.cell_contents
        self.lookups.attribute(cell, CONTENTS, contents)
        if variable in reading.assigned:
            self._assignments.in_cell(cell)
        target = self.reach(contents, f"{name}[{variable}]")
        self.constants.held_by(target, cell, CONTENTS)
        return target

    def _follow_foreign(self, function: FunctionType, name: str) -> None:
        """A decorator of somebody else counts by name; the function that it wraps, and its arguments, are ours."""
        cells = cells_of(function)
        held = [*(value for _, value in carried(function, name)), *(cell.cell_contents for _, cell in cells)]
        targets = [self.reach(each, name) for each in contents_of(held, self.own).code]
        if not targets:
            return
        reading = self._surroundings.reading(function.__code__)
        # The standard library keeps state among its cells: `singledispatch` a counter of registrations.
        if function.__globals__.get("__name__") != "functools":
            for variable, cell in cells:
                if variable not in reading.assigned and type(cell.cell_contents) in ATOMS:
                    targets.append(self._cell(variable, cell, name, reading))
        self.entries[name] = framed_digest((b"foreign", *map(str.encode, targets)))

    # -------------------------------------------------------------------------------------------- classes
    def _class(self, kind: type) -> str:
        module = str(kind.__module__)
        loaded = self._surroundings.modules.get(module)
        label = f"{importable_name(module, getattr(loaded, '__spec__', None))}:{kind.__qualname__}"
        name = self._define(kind, label)
        if self.own.has(module):
            self.lookups.classes.append(kind)
            self._queue.append(partial(self._walk_class, kind, name))
        return name

    def _walk_class(self, kind: type, name: str) -> None:
        self._names.speak(set())
        targets = [self.reach(base, name) for base in (type(kind), *kind.__bases__)]
        self._in_class = True
        targets += [f"{key}={self.reach(value, f'{name}.{key}')}" for key, value in class_members(kind)]
        self._in_class = False
        module = self._surroundings.modules.get(str(kind.__module__))
        for key, annotation in annotations_of(kind):
            text = Annotations(vars(module) if module else {}, partial(self.reach, place=f"{name}.{key}"))
            targets.append(f"{key}: {text.text(annotation)}")
        self.entries[name] = framed_digest((b"class", *map(str.encode, targets)))

    # -------------------------------------------------------------------------------------------- the end
    def finish(self) -> None:
        """Walk all that was reached, then digest the constants."""
        while self._queue:
            self._queue.popleft()()
        assigned = self._assignments.state()
        words = set().union(*(self._surroundings.reading(each.__code__).words for each in self._called))
        state = State(self._surroundings, self.lookups.classes, words)
        for name, digest, opaque in self.constants.digests(assigned, partial(state.of, lookups=self.lookups)):
            self.entries[name] = digest
            self.opaque.extend(f"{name}{path}" for path in opaque)
        for slot in assigned:
            self.lookups.forget(slot)
