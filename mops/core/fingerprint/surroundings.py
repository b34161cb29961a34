"""What a walk over code asks of the process that it runs in."""

from collections.abc import Callable, Mapping
from operator import is_
from types import CodeType, ModuleType
from typing import Any

from mops.core.fingerprint.bytecode import Reading

_MAIN = ("__main__", "__mp_main__")
Scope = Mapping[str, Any]
Constant = tuple[bytes, tuple[str, ...]]
"""The digest of a constant, and the paths to what counts in it by type alone; an empty one for the constant itself."""


class Surroundings:
    """What a walk asks of the process that it runs in, and what it has to remember between two walks.

    Args:
        cache_tag: the interpreter's kind of bytecode, ``sys.implementation.cache_tag``.
        is_first_party: whether the code of a module counts, by the module's name and, where it is loaded, the module.
        modules: the loaded modules, ``sys.modules``.
        load: imports a first-party module that the code imports when it runs; None where that is impossible. Without
            it, the digest would depend on what happens to be imported already.
        constant: digest of a value, given the directories of the first-party code: the paths in there count relative
            to it. Must not raise.
        logic_key_of: the logic key that a function, or a wrapper around one, states; None where it states none.
    """

    def __init__(
        self,
        *,
        cache_tag: str,
        is_first_party: Callable[[str, ModuleType | None], bool],
        modules: Mapping[str, ModuleType],
        load: Callable[[str], ModuleType | None],
        constant: Callable[[object, frozenset[str]], Constant],
        logic_key_of: Callable[[object], str | None],
    ) -> None:
        self.cache_tag = cache_tag
        self.is_first_party = is_first_party
        self.modules = modules
        self.load = load
        self.constant = constant
        self.logic_key_of = logic_key_of
        self._readings: dict[int, tuple[CodeType, Reading]] = {}
        self._constants: dict[object, tuple[object, list[object], Constant]] = {}  # holds what identities belong to

    def reading(self, code: CodeType) -> Reading:
        """What a code object says. Read once: many functions reach the same helpers."""
        known = self._readings.get(id(code))
        if known is None:
            known = self._readings[id(code)] = (code, Reading(code))
        return known[1]

    def constant_once(self, value: object, state: list[object], roots: frozenset[str]) -> Constant:
        """The digest that `value` had when it was first seen in this `state`: a cache that fills up stays the same.

        Args:
            value: a constant.
            state: what the author's own objects in it hold, compared by identity.
            roots: the directories of the first-party code.
        """
        topic = (id(value), len(state), roots)
        known = self._constants.get(topic)
        if known is None or not all(map(is_, known[1], state)):
            known = self._constants[topic] = (value, state, self.constant(value, roots))
        return known[2]

    def first_constant(self, holder: object, name: str, value: object, roots: frozenset[str]) -> Constant:
        """The digest of the first value that was seen under a name that the code itself rebinds."""
        topic = (id(holder), name)
        known = self._constants.get(topic)
        if known is None:
            known = self._constants.setdefault(topic, (holder, [], self.constant(value, roots)))
        return known[2]


class OwnCode:
    """The first-party modules that one walk met.

    Attributes:
        roots: the directories of their top-level packages.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self.roots: set[str] = set()
        self._surroundings = surroundings
        self._known: dict[str, bool] = {}

    def has(self, module: str) -> bool:
        """Whether the code of the module counts."""
        known = self._known.get(module)
        if known is None:
            modules = self._surroundings.modules
            known = self._known[module] = self._surroundings.is_first_party(module, modules.get(module))
            root = tree_of(modules.get(module.partition(".")[0])) if known else ""
            if root:
                self.roots.add(root)
        return known

    def modules(self) -> frozenset[str]:
        """The names of those modules."""
        return frozenset(name for name, counts in self._known.items() if counts)

    def has_class_of(self, value: object) -> bool:
        """Whether `value` is an instance of one of its classes."""
        return self.has(str(type(value).__module__))


def importable_name(name: str, spec: Any) -> str:
    """The name of a module for other processes, given its ``__name__`` and its ``__spec__``.

    ``__mp_main__`` is ``__main__``; what ``python -m p.q`` runs is ``p.q``. The main module of mops itself is not the
    one that a user's function of ``__main__`` comes from.
    """
    if name not in _MAIN:
        return name
    real = str(getattr(spec, "name", None) or "__main__")
    return "__main__" if real.partition(".")[0] == "mops" else real


def tree_of(package: ModuleType | None) -> str:
    """The directory of a top-level package or module, or the empty string."""
    file = getattr(package, "__file__", None)
    if file:
        return str(file).rpartition("/")[0]
    return str(next(iter(getattr(package, "__path__", ())), ""))
