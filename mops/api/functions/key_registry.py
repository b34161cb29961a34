"""Which rule keys the instances of a class: the user's, or that of a library that mops knows."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from mops.core.canonical import Hooks, Rule, by_reference
from mops.core.canonical.leaves import LEAVES
from mops.core.errors import ConfigurationError
from mops.core.files import LocalFile

_T = TypeVar("_T")
_Structure = Callable[[Any], object]

_STDLIB = ("array", "collections", "datetime", "decimal", "enum", "fractions", "re", "uuid", "zoneinfo")
_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow", "pydantic")
FAMILIES: Mapping[str, str] = {
    **{package: f"mops.adapters.values.{package}" for package in _LIBRARIES},
    **dict.fromkeys(_STDLIB, "mops.adapters.values.stdlib"),
    "pathlib": "mops.adapters.values.paths",
}
"""The adapter for the classes of each top-level package, imported when a value of such a class is met."""


class _RuleOfFiles(Rule):
    """A rule whose structure is a function of a path or source, and of who wants to be told of the file it names."""

    __slots__ = ()


_UNKNOWN = Rule(repr, by_author=False)  # no rule has been looked for; ``None`` means that there is none


class _Family(Protocol):
    """A module of ``mops.adapters.values``."""

    def structure_for(self, cls: type) -> _Structure | None:
        """Give the function that makes the structure of an instance of a class, if the class is the family's affair."""


class KeyRegistry:
    """Finds the rule of a class: the class itself first, then its bases in the order of their resolution.

    A rule applies to subclasses, too; as the class is always part of the key, instances of two classes never share one.
    Registration, ``__mops_key__`` and then the libraries: the user's word about a base class precedes what mops knows
    of a nearer one. All methods may be called from any number of threads at once.
    """

    def __init__(self, families: Mapping[str, str] = FAMILIES) -> None:
        self._families = families
        self._registered: WeakKeyDictionary[type, _Structure] = WeakKeyDictionary()
        self._found: WeakKeyDictionary[type, Rule | None] = WeakKeyDictionary()

    def register(self, cls: type[_T], structure: Callable[[_T], object]) -> None:
        """Key instances of a class, and of its subclasses, by a structure. The latest registration holds.

        Raises:
            ConfigurationError: the class is a built-in scalar or container.
        """
        if cls in LEAVES or cls in {object, type, list, tuple, dict, set, frozenset}:
            raise ConfigurationError(f"the key of {cls.__qualname__} is fixed; register a class of your own")
        self._registered[cls] = structure
        self._found.clear()

    def rule_for(self, cls: type) -> Rule | None:
        """Give the rule of a class, remembered as long as the class lives."""
        found = self._found.get(cls, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._found[cls] = self._stated_rule(cls) or self._known_rule(cls)
        return found

    def rule_for_argument(self, meet_file: Callable[[LocalFile], None], cls: type) -> Rule | None:
        """Give the rule of a class, and have it tell somebody of the files that the values of the class name."""
        rule = self.rule_for(cls)
        if type(rule) is not _RuleOfFiles:
            return rule
        structure: Callable[..., object] = rule.structure
        return Rule(partial(structure, meet=meet_file), by_author=rule.by_author)

    def rule_for_constant(self, roots: frozenset[str], cls: type) -> Rule | None:
        """Give the rule of a class for a constant: paths count by their place, and relative to directories of code."""
        rule = self.rule_for(cls)
        if rule is None or rule.by_author or not any(base.__module__.startswith("pathlib") for base in cls.__mro__):
            return rule
        from mops.adapters.values.paths import structure_of_constant

        return Rule(partial(structure_of_constant, roots=roots), by_author=False)

    def hooks(
        self,
        reference_class: Callable[[type], object] = by_reference,
        reference_function: Callable[[Any], object] = by_reference,
        roots: frozenset[str] | None = None,
        meet_file: Callable[[LocalFile], None] | None = None,
    ) -> Hooks:
        """Make the hooks of an encoder that keys by this registry.

        Args:
            reference_class: as in ``Hooks``.
            reference_function: as in ``Hooks``.
            roots: the directories of the code, for an encoder of constants; None for one of arguments. What a property
                left in a constant follows from its code.
            meet_file: is told of the files and directories that arguments name, in the thread of the encoder.
        """
        if roots is None:
            rule_of_value = self.rule_for if meet_file is None else partial(self.rule_for_argument, meet_file)
            return Hooks(rule_of_value, reference_class, reference_function)
        rule_for = partial(self.rule_for_constant, roots)
        return Hooks(rule_for, reference_class, reference_function, cached_properties=False)

    def _stated_rule(self, cls: type) -> Rule | None:
        for base in cls.__mro__:
            if base in self._registered:
                return Rule(self._registered[base], by_author=True)
            if "__mops_key__" in base.__dict__:
                kind = _RuleOfFiles if hasattr(base, "__mops_travel__") else Rule
                return kind(lambda value, **meet: type(value).__mops_key__(value, **meet), by_author=True)
        return None

    def _known_rule(self, cls: type) -> Rule | None:
        packages = dict.fromkeys(str(base.__module__).partition(".")[0] for base in cls.__mro__)
        for package in packages:
            if package in self._families:
                family = cast("_Family", import_module(self._families[package]))
                structure = family.structure_for(cls)
                if structure is not None:
                    names_files = package == "pathlib" and structure is not str
                    return (_RuleOfFiles if names_files else Rule)(structure, by_author=False)
        return None


registry = KeyRegistry()
"""The registry of this process."""

rule_for = registry.rule_for


def key_for(cls: type[_T]) -> Callable[[Callable[[_T], object]], Callable[[_T], object]]:
    """Say how the instances of a class are keyed: by whatever plain structure the decorated function gives for one.

    ::

        @mops.key_for(Connection)
        def key(value: Connection) -> object:
            return value.host, value.port

    Everything that a function may observe of an instance has to be in the structure; it consists of built-ins or of
    anything else that can be keyed. Subclasses are keyed by the same function, and by their class.

    Raises:
        ConfigurationError: the class is a built-in scalar or container.
    """

    def register(structure: Callable[[_T], object]) -> Callable[[_T], object]:
        registry.register(cls, structure)
        return structure

    return register
