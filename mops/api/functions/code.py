"""What counts as the code of a function in this process, and how functions and classes stand in keys."""

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from typing import Any, Final

from mops.api.functions.declaration import logic_key_of
from mops.api.functions.first_party import FirstParty
from mops.api.functions.key_registry import registry
from mops.api.functions.references import captured, is_global_of_main, layers_over, name_of, reference_of
from mops.core.canonical import Hooks
from mops.core.canonical.leaves import Encoded
from mops.core.canonical.tolerant import encode_tolerantly, name_of_hole
from mops.core.files import LocalFile
from mops.core.fingerprint import Fingerprint, Fingerprinter
from mops.core.fingerprint.surroundings import Constant, Surroundings, tree_of

_LARGEST_CONSTANT: Final = 64 * 1024
_MADE_AT_RUN_TIME: Final = 1 << 9  # a flag of classes: not built into the interpreter or a C library
_OWN_ATTRIBUTES: Final = frozenset({"_bound", "_runner", "_skip"})


class _Met(threading.local):
    """What the keys of one thread are made of."""

    def __init__(self) -> None:
        self.definitions: dict[int, Any] = {}
        self.files: list[LocalFile] = []
        self.collected_files: tuple[LocalFile, ...] = ()


class CodeOfProcess:
    """Fingerprints of functions, and the hooks of the canonical encoding. Safe to use from any number of threads.

    Attributes:
        first_party: names of further packages whose code counts.
    """

    def __init__(self, first_party: Iterable[str] = ()) -> None:
        self.first_party = tuple(first_party)
        self._fingerprinters: dict[str, Fingerprinter] = {}
        self._met = _Met()
        self.hooks = registry.hooks(self._reference_class, self._reference_function, meet_file=self._meet_file)

    def collected(self) -> tuple[Any, ...]:
        """The functions and classes that this thread's keys were made of since the last time: their code counts too."""
        met = self._met
        definitions = met.definitions
        if not definitions:
            return ()
        met.definitions = {}
        met.collected_files = tuple(met.files)
        met.files.clear()
        return tuple(definitions.values())

    def files_of(self, collected: tuple[Any, ...]) -> tuple[LocalFile, ...]:
        """The files and directories that this thread's keys were made of.

        Args:
            collected: what ``collected`` gave last. Where there is a path, there is its class.
        """
        return self._met.collected_files if collected else ()

    def fingerprint(self, function: Callable[..., Any], extras: Iterable[Any] = ()) -> Fingerprint:
        """The fingerprint of a function, and of the definitions that its arguments are made of."""
        return self._fingerprinter(str(function.__module__)).of(function, extras)

    def captured(self, function: Callable[..., Any]) -> Mapping[str, object]:
        """What a function by value carries along, as it counts in keys.

        A global of ``__main__`` counts as the constant of any other module does: what has no meaning as a value, by its
        type, since nothing needs to travel as long as the function runs here. All of it counts, at every call.
        """
        return {
            name: self._global_of_main(value) if is_global_of_main(name) else value
            for name, value in captured(function).items()
        }

    def _global_of_main(self, value: object) -> Encoded:
        encoding, _ = encode_tolerantly(value, self._hooks_of_main, FirstParty("__main__", self.first_party).has_class)
        return Encoded(encoding, value)

    @cached_property
    def _hooks_of_main(self) -> Hooks:
        roots = frozenset({tree_of(sys.modules.get("__main__"))} - {""})
        return registry.hooks(self._reference_class, self._reference_function, roots)

    def _fingerprinter(self, module: str) -> Fingerprinter:
        package = module.partition(".")[0]
        found = self._fingerprinters.get(package)
        if found is None:
            first_party = FirstParty(module, self.first_party)
            surroundings = Surroundings(
                cache_tag=str(sys.implementation.cache_tag),
                is_first_party=first_party,
                modules=sys.modules,
                load=first_party.load,
                constant=partial(_constant, first_party),
                logic_key_of=logic_key_of,
            )
            found = self._fingerprinters[package] = Fingerprinter(surroundings)
        return found

    def _meet(self, definition: Any) -> None:
        self._met.definitions[id(definition)] = definition

    def _meet_file(self, file: LocalFile) -> None:
        self._met.files.append(file)

    def _reference_class(self, cls: type) -> object:
        """By name; with its code where it has not got the name, which ``make_dataclass`` and others make up."""
        self._meet(cls)
        name = str(name_of(cls))
        if not cls.__flags__ & _MADE_AT_RUN_TIME or layers_over(cls) == 0:
            return name
        return [name, self._fingerprinter(str(cls.__module__)).of(cls).digest]

    def _reference_function(self, function: Any) -> object:
        """By reference and logic key; by code and captured values where it cannot be imported."""
        reference, by_value = reference_of(function)
        stated: list[object] = [str(reference), logic_key_of(function)]
        attributes = _attributes_of(function)
        if by_value:
            stated += [self.fingerprint(function).digest, dict(self.captured(function))]
        else:
            self._meet(function)
            stated += [layers_over(function)] if attributes or layers_over(function) else []
        return [*stated, attributes] if attributes else stated


def _attributes_of(function: Any) -> dict[str, object]:
    """What was set on a function, but not by ``functools``, nor by mops on what wraps a decorated function."""
    held: dict[str, object] = vars(function)
    if getattr(function, "__globals__", {}).get("__name__") == "functools":
        return {}
    own = _OWN_ATTRIBUTES if "__mops_declaration__" in held else ()
    return {name: value for name, value in held.items() if not name.startswith("__") and name not in own}


def _constant(first_party: FirstParty, value: object, roots: frozenset[str]) -> Constant:
    """The canonical digest of a constant; the name of its type where it would take too long at every start."""
    if sys.getsizeof(value) > _LARGEST_CONSTANT:
        return name_of_hole(value).encode(), ("",)
    return encode_tolerantly(value, registry.hooks(_by_name, _by_name, roots), first_party.has_class)


def _by_name(definition: Any) -> str:
    return str(reference_of(definition)[0])
