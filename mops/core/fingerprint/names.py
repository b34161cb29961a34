"""What the names in a function stand for: globals, attributes of modules and instances, imports.

A name is looked up as the code would look it up, but statically: entries of module and instance dictionaries, slots. No
property, no ``__getattr__`` is ever called. Whatever was looked up is remembered.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from mops.core.fingerprint.bytecode import Import, Reading
from mops.core.fingerprint.constants import Constants
from mops.core.fingerprint.members import UNSET, dict_of, read_slot, slot_of
from mops.core.fingerprint.surroundings import OwnCode, Scope, Surroundings, importable_name
from mops.core.fingerprint.watch import Lookups, Slot


class Names:
    """Follows the names of one function after the other, for one walk.

    Args:
        surroundings: the process.
        own: which modules are looked into.
        lookups: where lookups are remembered.
        constants: the constants of the walk.
        reach: counts a value that was found at a place, and gives the name by which it counts.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        own: OwnCode,
        lookups: Lookups,
        constants: Constants,
        reach: Callable[[Any, str], str],
    ) -> None:
        self._surroundings = surroundings
        self._own = own
        self._lookups = lookups
        self._constants = constants
        self._reach = reach
        self._targets: dict[Slot, str] = {}
        self._words: set[str] = set()  # of the function whose names are followed
        self._asked: set[int] = set()  # modules that were asked for these words

    def speak(self, words: set[str]) -> None:
        """From now on, names are those of a function that says these words."""
        self._words, self._asked = words, set()

    def of(self, scope: Scope, reading: Reading) -> list[str]:
        """What the globals and imports of a function stand for."""
        names = [self._global(scope, path) for path in reading.paths]
        return names + [self._import(scope, statement) for statement in reading.imports]

    def module(self, module: ModuleType) -> str:
        """A module that is used as a value: what the code may ask it for is what its words name."""
        name = str(module.__name__)
        if id(module) in self._asked or not self._own.has(name):
            return name
        self._asked.add(id(module))
        inside = module.__dict__
        words = sorted(word for word in self._words & inside.keys() if not word.startswith("__"))
        words += ["__getattr__"] if "__getattr__" in inside else []
        return f"{name}({', '.join(self._member(module, word, f'{name}:{word}') for word in words)})"

    # -------------------------------------------------------------------------------------------- globals
    def _global(self, scope: Scope, path: tuple[str, ...]) -> str:
        """Follow a dotted name as far as it leads through modules and instances; count what is found there."""
        key = path[0]
        if key not in scope:
            self._lookups.absence(scope, key)
            return key
        holder: object = scope
        value = self._entry(scope, key)
        place = f"{importable_name(str(scope.get('__name__')), scope.get('__spec__'))}:{key}"
        for attribute in path[1:]:
            step = self._step(value, attribute)
            if step is None:
                break
            place = f"{value.__name__}:{attribute}" if isinstance(value, ModuleType) else f"{place}.{attribute}"
            key, (holder, value) = attribute, step
        return self._held(holder, key, value, place)

    def _step(self, value: Any, attribute: str) -> tuple[object, Any] | None:
        """From a value to its attribute, and to what holds that, where the walk may look."""
        kind = type(value)
        if isinstance(value, ModuleType):
            inside: Scope = value.__dict__ if self._own.has(value.__name__) else {}
            return (inside, self._entry(inside, attribute)) if attribute in inside else None
        if issubclass(kind, type):
            return None  # a class counts as a whole
        slot = slot_of(kind, attribute)
        if slot is not None and (held := read_slot(slot, value)) is not UNSET:
            self._lookups.attribute(value, attribute, held)
            return value, held
        if any(hasattr(type(vars(base).get(attribute)), "__get__") for base in kind.__mro__):
            return None  # a descriptor decides for itself
        inside = dict_of(value)
        if attribute in inside:
            return inside, self._entry(inside, attribute)
        if kind.__dictoffset__:
            self._lookups.absence(inside, attribute)
        return None

    def _entry(self, scope: Scope, key: str) -> Any:
        value = scope[key]
        self._lookups.entry(scope, key, value)
        return value

    def _held(self, holder: object, key: str, value: Any, place: str) -> str:
        if isinstance(value, ModuleType):
            return self.module(value)
        slot = id(holder), key
        if slot not in self._targets:
            target = self._targets[slot] = self._reach(value, place)
            self._constants.held_by(target, holder, key)
        return self._targets[slot]

    def _member(self, module: ModuleType, name: str, place: str) -> str:
        return self._held(module.__dict__, name, self._entry(module.__dict__, name), place)

    # -------------------------------------------------------------------------------------------- imports
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
            return self._member(module, attribute, f"{name}:{attribute}")
        submodule = self._loaded(f"{name}.{attribute}") if attribute else None
        return self.module(submodule or module)

    def _loaded(self, name: str) -> ModuleType | None:
        if not self._own.has(name):
            return None
        return self._surroundings.modules.get(name) or self._surroundings.load(name)
