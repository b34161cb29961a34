"""Which code and which constants a function reaches, as a walk over live objects that runs none of them.

The rules of the walk:

- What a name stands for is looked up as the code would look it up, but statically: entries of module, instance and
  class dictionaries, cells, slots. No property, no ``__getattr__``, no ``==`` of user code is ever called.
- First-party functions and classes are definitions: digested, and walked. Other code counts by its name alone; but
  what it wraps (cells, ``__wrapped__``, attributes that hold functions) is followed, since that may be first-party.
- Everything else is a constant: digested as a value, and searched for functions and classes that it holds.
- A definition's digest says which names its own names stand for. So two names that are swapped are two differences.
- Whatever was looked up is remembered, so that a later rebinding can be noticed.
"""

from collections import deque
from collections.abc import Callable, Iterator
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

from mops.core.fingerprint.bytecode import Import, Reading, framed_digest
from mops.core.fingerprint.members import (
    ATOMS,
    TRANSPARENT,
    Description,
    carried,
    cells_of,
    class_members,
    dict_of,
    elements,
    entry_of,
    instance_entries,
    is_code,
    is_container,
    is_nothing,
)
from mops.core.fingerprint.surroundings import Scope, Surroundings, importable_name, tree_of

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
_CONTENTS = "cell_contents"
_SEARCHED_OBJECTS = 10_000  # in one constant; a larger table of functions is over the limit of a constant anyway
Slot = tuple[int, str]


class Walk:
    """One traversal. `reach` its starting points, then `finish`.

    Args:
        surroundings: the process.
        subject: the function whose own logic key is not asked for.

    Attributes:
        entries: digest of each definition and constant, by name.
        constants: the constants among them, with their values.
        opaque: the constants that count by name and type alone.
        bound: (dictionary, key, value) of every lookup.
        absent: dictionary and the names that were not in it, by the dictionary's identity.
        functions: the first-party functions.
        cells: (cell, "cell_contents", contents) of every closure.
        classes: the first-party classes.
    """

    def __init__(self, surroundings: Surroundings, subject: object) -> None:
        self.entries: dict[str, bytes] = {}
        self.constants: dict[str, object] = {}
        self.opaque: list[str] = []
        self.bound: dict[Slot, tuple[Scope, str, object]] = {}
        self.absent: dict[int, tuple[Scope, set[str]]] = {}
        self.functions: list[FunctionType] = []
        self.cells: dict[Slot, tuple[object, str, object]] = {}
        self.classes: list[type] = []
        self._surroundings = surroundings
        self._subject = subject
        self._definitions: dict[int, tuple[object, str]] = {}  # holds the objects, so that no identity is used twice
        self._taken: dict[str, int] = {}
        self._targets: dict[Slot, str] = {}
        self._holders: dict[str, tuple[object, str]] = {}  # of constants, and the key under which they are held
        self._inside: dict[str, tuple[str, ...]] = {}
        self._stored: set[Slot] = set()
        self._first_party: dict[str, bool] = {}
        self._roots: set[str] = set()
        self._words: set[str] = set()  # of the function that is being walked
        self._asked: set[int] = set()  # modules that were asked for these words
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
            return self._module(value)
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
        if wrapped is not None and not self._is_first_party(kind.__module__):
            return self._keyed(value, place) or self.reach(wrapped, place)
        return self._constant(value, place)

    def _transparent(self, value: Any, place: str, names: tuple[str, ...]) -> str:
        held = ((name, getattr(value, name)) for name in names)
        parts = [self.reach(part, f"{place}.{name}") for name, part in held if not is_nothing(part)]
        return f"{self._class(type(value))}({', '.join(parts)})"

    def _constant(self, value: object, place: str) -> str:
        inside = () if type(value) in ATOMS else tuple(self._search(value, place))
        name = self._unique(place)  # after the search: where a wrapper stands for a function, the function has the name
        self.constants[name] = value
        self._inside[name] = inside
        return name

    def _search(self, root: object, place: str) -> Iterator[str]:
        """Reach the code that a constant holds: functions in a table, the classes of instances, their callbacks.

        Of a foreign object, only what it holds itself and in its containers is looked at: what lies behind other
        foreign objects (the registry of all loggers, say) depends on what else the process did.
        """
        stack, seen = [(root, False)], {id(root)}
        while stack and len(seen) < _SEARCHED_OBJECTS:
            value, held_by_foreign = stack.pop()
            if value is not root and is_code(value):
                yield self.reach(value, place)
                continue
            own = self._is_first_party(type(value).__module__)
            if own:
                yield self.reach(type(value), place)
            within = not own and (held_by_foreign or not is_container(value))
            for part in reversed([*elements(value), *(each for _, each in instance_entries(value))]):
                if type(part) in ATOMS or id(part) in seen or (within and not self._leads_on(part)):
                    continue
                seen.add(id(part))
                stack.append((part, within))

    def _leads_on(self, part: Any) -> bool:
        """Whether something that a foreign object holds is worth a look."""
        kind = part if issubclass(type(part), type) else type(part)
        return is_container(part) or self._is_first_party(str(kind.__module__)) or (is_code(part) and kind is not part)

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
        module = str(function.__globals__.get("__name__") or function.__module__)
        generated = function.__code__.co_name == function.__name__  # else a wrapper that took the name of another
        qualname = function.__qualname__ if generated else function.__code__.co_qualname
        label = f"{self._module_name(module, function.__globals__)}:{qualname}"
        if not self._is_first_party(module):
            name = self._define(function, label)
            self._queue.append(partial(self._follow_foreign, function, name))
            return name
        keyed = self._keyed(function, label)
        if keyed is None:
            keyed = self._define(function, label)
            self.functions.append(function)
            self._queue.append(partial(self._walk_function, function, keyed))
        return keyed

    def _walk_function(self, function: FunctionType, name: str) -> None:
        reading = self._surroundings.reading(function.__code__)
        scope = function.__globals__
        self._words, self._asked = reading.words, set()
        self._stored.update((id(scope), stored) for stored in reading.stored)
        targets = [self._global(scope, path) for path in reading.paths]
        targets += [self._import(scope, statement) for statement in reading.imports]
        targets += [self.reach(value, place) for place, value in carried(function, name)]
        targets += [self._cell(*each, name, reading) for each in cells_of(function)]
        self.entries[name] = framed_digest((b"function", reading.digest, *map(str.encode, targets)))

    def _cell(self, variable: str, cell: CellType, name: str, reading: Reading) -> str:
        slot, contents = (id(cell), _CONTENTS), cell.cell_contents
        self.cells[slot] = (cell, _CONTENTS, contents)
        if variable in reading.assigned:
            self._stored.add(slot)
        target = self.reach(contents, f"{name}[{variable}]")
        if target in self.constants:
            self._holders.setdefault(target, (cell, _CONTENTS))
        return target

    def _follow_foreign(self, function: FunctionType, name: str) -> None:
        """A decorator of somebody else counts by name; the function that it wraps, and its arguments, are ours."""
        cells = cells_of(function)
        held = [*(value for _, value in carried(function, name)), *(cell.cell_contents for _, cell in cells)]
        targets = list(self._search(held, name))
        if not targets:
            return
        reading = self._surroundings.reading(function.__code__)
        # The standard library keeps state among its cells: `singledispatch` a counter of registrations.
        if function.__globals__.get("__name__") != "functools":
            for variable, cell in cells:
                if variable not in reading.assigned and type(cell.cell_contents) in ATOMS:
                    targets.append(self._cell(variable, cell, name, reading))
        self.entries[name] = framed_digest((b"foreign", *map(str.encode, targets)))

    # -------------------------------------------------------------------------------------------- names
    def _global(self, scope: Scope, path: tuple[str, ...]) -> str:
        """Follow a dotted name as far as it leads through modules and instances; count what is found there."""
        key = path[0]
        if key not in scope:
            self.absent.setdefault(id(scope), (scope, set()))[1].add(key)
            return key
        place = f"{self._module_name(str(scope.get('__name__')), scope)}:{key}"
        for attribute in path[1:]:
            value = scope[key]
            space = self._namespace(value, attribute)
            if space is None:
                break
            self.bound[id(scope), key] = (scope, key, value)
            scope, key = space, attribute
            is_module = isinstance(value, ModuleType)
            place = f"{value.__name__}:{attribute}" if is_module else f"{place}.{attribute}"
        return self._lookup(scope, key, place)

    def _lookup(self, scope: Scope, key: str, place: str) -> str:
        slot, value = (id(scope), key), scope[key]
        self.bound[slot] = (scope, key, value)
        if isinstance(value, ModuleType):
            return self._module(value)
        if slot not in self._targets:
            target = self._targets[slot] = self.reach(value, place)
            if target in self.constants:
                self._holders.setdefault(target, (scope, key))
        return self._targets[slot]

    def _namespace(self, value: Any, attribute: str) -> Scope | None:
        """The dictionary in which `value` holds `attribute`, where the walk may look into it."""
        if isinstance(value, ModuleType):
            inside: Scope = value.__dict__ if self._is_first_party(value.__name__) else {}
        elif issubclass(type(value), type) or any(
            hasattr(type(vars(base).get(attribute)), "__get__") for base in type(value).__mro__
        ):
            return None  # a class counts as a whole, and a descriptor decides for itself
        else:
            inside = dict_of(value)
        return inside if attribute in inside else None

    def _module(self, module: ModuleType) -> str:
        """A module that is used as a value: what the code may ask it for is what its words name."""
        name = str(module.__name__)
        if id(module) in self._asked or not self._is_first_party(name):
            return name
        self._asked.add(id(module))
        inside = module.__dict__
        words = sorted(word for word in self._words & inside.keys() if not word.startswith("__"))
        words += ["__getattr__"] if "__getattr__" in inside else []
        return f"{name}({', '.join(self._lookup(inside, word, f'{name}:{word}') for word in words)})"

    def _import(self, scope: Scope, statement: Import) -> str:
        """A module that the code imports when it runs."""
        level, name, attributes = statement
        if level:
            package = str(scope.get("__package__") or str(scope.get("__name__")).rpartition(".")[0]).split(".")
            parents = package[: len(package) - level + 1]
            name = ".".join([*parents, name] if name else parents)
        if not attributes:
            steps = name.split(".")
            return ", ".join(self._imported(".".join(steps[: end + 1]), "") for end in range(len(steps)))
        return ", ".join(self._imported(name, each) for each in attributes)

    def _imported(self, name: str, attribute: str) -> str:
        module = self._loaded(name)
        if module is None:
            return f"{name}:{attribute}"
        if attribute in module.__dict__:
            return self._lookup(module.__dict__, attribute, f"{name}:{attribute}")
        submodule = self._loaded(f"{name}.{attribute}") if attribute else None
        return self._module(submodule or module)

    def _loaded(self, name: str) -> ModuleType | None:
        if not self._is_first_party(name):
            return None
        return self._surroundings.modules.get(name) or self._surroundings.load(name)

    # -------------------------------------------------------------------------------------------- classes
    def _class(self, kind: type) -> str:
        module = str(kind.__module__)
        loaded = self._surroundings.modules.get(module)
        label = f"{self._module_name(module, loaded.__dict__ if loaded else {})}:{kind.__qualname__}"
        name = self._define(kind, label)
        if self._is_first_party(module):
            self.classes.append(kind)
            self._queue.append(partial(self._walk_class, kind, name))
        return name

    def _walk_class(self, kind: type, name: str) -> None:
        self._words, self._asked = set(), set()
        targets = [self.reach(base, name) for base in (type(kind), *kind.__bases__)]
        targets += [f"{key}={self.reach(value, f'{name}.{key}')}" for key, value in class_members(kind)]
        self.entries[name] = framed_digest((b"class", *map(str.encode, targets)))

    # -------------------------------------------------------------------------------------------- modules
    def _is_first_party(self, module: str) -> bool:
        known = self._first_party.get(module)
        if known is None:
            known = self._surroundings.is_first_party(module, self._surroundings.modules.get(module))
            self._first_party[module] = known
            if known:
                self._roots.add(tree_of(self._surroundings.modules.get(module.partition(".")[0])))
        return known

    @staticmethod
    def _module_name(name: str, scope: Scope) -> str:
        """The name by which other processes know the module: ``python -m p.q`` runs ``p.q``."""
        return importable_name(name, scope.get("__spec__"))

    # -------------------------------------------------------------------------------------------- the end
    def finish(self) -> None:
        """Walk all that was reached, then digest the constants.

        A variable that the reached code itself assigns is its state, not a constant that somebody wrote: it counts by
        the value that it had first in this process, and its rebinding is not looked for.
        """
        while self._queue:
            self._queue.popleft()()
        for name, value in self.constants.items():
            digest = self._constant_digest(name, value)
            if digest is None:
                self.opaque.append(name)
                digest = f"{type(value).__module__}:{type(value).__qualname__}".encode()
            self.entries[name] = framed_digest((b"constant", digest, *map(str.encode, self._inside[name])))
        for slot in self._stored:
            self.bound.pop(slot, None)
            self.cells.pop(slot, None)
            if slot[0] in self.absent:
                self.absent[slot[0]][1].discard(slot[1])

    def _constant_digest(self, name: str, value: object) -> bytes | None:
        if name in self._holders:
            holder, key = self._holders[name]
            if (id(holder), key) in self._stored:
                return self._surroundings.first_digest(holder, key, value)
        relative = self._relative(value)
        if relative is not None:
            return f"path:{type(value).__qualname__}:{relative}".encode()
        if type(value) in ATOMS or type(value) is Description:
            return self._surroundings.constant_digest(value)
        return self._surroundings.digest_once(value)

    def _relative(self, value: Any) -> str | None:
        """The part of a path below the package that it lies in, so that it does not matter where that is installed."""
        if type(value) is not str and not hasattr(type(value), "__fspath__"):
            return None
        text = value if type(value) is str else value.__fspath__()
        for root in self._roots:
            if root and isinstance(text, str) and (text == root or text.startswith(root + "/")):
                return text[len(root) :]
        return None
