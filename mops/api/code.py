"""What counts as the code of a function in this process, and how functions and classes stand in keys."""

import sys
import threading
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, Final

from mops.api.declaration import declaration_of, logic_key_of
from mops.api.first_party import FirstParty
from mops.api.key_registry import registry
from mops.api.references import captured, reference_of
from mops.core.canonical import Encoder
from mops.core.errors import UnkeyableArgumentError
from mops.core.fingerprint import Fingerprint, Fingerprinter
from mops.core.fingerprint.surroundings import Surroundings

_LARGEST_CONSTANT: Final = 64 * 1024


class _Met(threading.local):
    """What the keys of one thread are made of."""

    def __init__(self) -> None:
        self.definitions: dict[int, Any] = {}


class CodeOfProcess:
    """Fingerprints of functions, and the hooks of the canonical encoding. Safe to use from any number of threads.

    Attributes:
        first_party: names of further packages whose code counts.
    """

    def __init__(self, first_party: Iterable[str] = ()) -> None:
        self.first_party = tuple(first_party)
        self._fingerprinters: dict[str, Fingerprinter] = {}
        self._met = _Met()
        self.hooks = registry.hooks(self._reference_class, self._reference_function)

    def collected(self) -> tuple[Any, ...]:
        """The functions and classes that this thread's keys were made of since the last time: their code counts too."""
        definitions = self._met.definitions
        if not definitions:
            return ()
        self._met.definitions = {}
        return tuple(definitions.values())

    def fingerprint(self, function: Callable[..., Any], extras: Iterable[Any] = ()) -> Fingerprint:
        """The fingerprint of a function, and of the definitions that its arguments are made of."""
        return self._fingerprinter(str(function.__module__)).of(function, extras)

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
                constant_digest=self._constant_digest,
                logic_key_of=logic_key_of,
            )
            found = self._fingerprinters[package] = Fingerprinter(surroundings)
        return found

    def _constant_digest(self, value: object) -> bytes | None:
        """The canonical digest of a constant; ``None`` where it has none, or would take too long at every start."""
        if sys.getsizeof(value) > _LARGEST_CONSTANT:
            return None
        try:
            return Encoder(registry.hooks(_by_name, _by_name)).encode(value, "constant")
        except Exception:  # noqa: BLE001 - a constant may run any code of the user's when it is looked at
            return None

    def _meet(self, definition: Any) -> None:
        self._met.definitions[id(definition)] = definition

    def _reference_class(self, cls: type) -> object:
        self._meet(cls)
        reference, by_value = reference_of(cls)
        if "<" in reference.qualname:
            return [str(reference), self._fingerprinter(cls.__module__).of(cls).digest] if by_value else str(reference)
        return str(reference)

    def _reference_function(self, function: Any) -> object:
        """By reference and logic key; by code and captured values where it cannot be imported."""
        declaration = declaration_of(function)
        plain = declaration.function if declaration is not None else function
        reference, by_value = reference_of(plain)
        logic_key = logic_key_of(function)
        if not by_value:
            self._meet(plain)
            return [str(reference), logic_key]
        if not isinstance(plain, FunctionType):
            raise UnkeyableArgumentError(f"{reference} cannot be imported")
        return [str(reference), logic_key, self.fingerprint(plain).digest, dict(captured(plain))]


def _by_name(definition: Any) -> str:
    return str(reference_of(definition)[0])
