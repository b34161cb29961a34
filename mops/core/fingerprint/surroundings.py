"""What a walk over code asks of the process that it runs in."""

from collections.abc import Callable, Mapping
from types import CodeType, ModuleType
from typing import Any

from mops.core.fingerprint.bytecode import Reading

_MAIN = ("__main__", "__mp_main__")
Scope = Mapping[str, Any]


class Surroundings:
    """What a walk asks of the process that it runs in, and what it has to remember between two walks.

    Args:
        cache_tag: the interpreter's kind of bytecode, ``sys.implementation.cache_tag``.
        is_first_party: whether the code of a module counts, by the module's name and, where it is loaded, the module.
        modules: the loaded modules, ``sys.modules``.
        load: imports a first-party module that the code imports when it runs; None where that is impossible. Without
            it, the digest would depend on what happens to be imported already.
        constant_digest: canonical digest of a value; None where it has none or is too large. Must not raise.
        logic_key_of: the logic key that a function, or a wrapper around one, states; None where it states none.
    """

    def __init__(
        self,
        *,
        cache_tag: str,
        is_first_party: Callable[[str, ModuleType | None], bool],
        modules: Mapping[str, ModuleType],
        load: Callable[[str], ModuleType | None],
        constant_digest: Callable[[object], bytes | None],
        logic_key_of: Callable[[object], str | None],
    ) -> None:
        self.cache_tag = cache_tag
        self.is_first_party = is_first_party
        self.modules = modules
        self.load = load
        self.constant_digest = constant_digest
        self.logic_key_of = logic_key_of
        self._readings: dict[int, tuple[CodeType, Reading]] = {}
        self._digests: dict[tuple[int, str], tuple[object, bytes | None]] = {}  # holds what the identities belong to

    def reading(self, code: CodeType) -> Reading:
        """What a code object says. Read once: many functions reach the same helpers."""
        known = self._readings.get(id(code))
        if known is None:
            known = self._readings[id(code)] = (code, Reading(code))
        return known[1]

    def digest_once(self, value: object) -> bytes | None:
        """The digest that `value` had when it was first asked for: a cache that fills up stays the same constant."""
        return self.first_digest(value, "", value)

    def first_digest(self, holder: object, name: str, value: object) -> bytes | None:
        """The digest of the first value that was seen under a name that the code itself rebinds."""
        known = self._digests.get((id(holder), name))
        if known is None:
            known = self._digests.setdefault((id(holder), name), (holder, self.constant_digest(value)))
        return known[1]


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
