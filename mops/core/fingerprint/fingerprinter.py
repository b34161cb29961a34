"""The code fingerprint: a digest of a function's code and of the first-party code and constants that it reaches.

A comment, a docstring, code added above, or another function of the same module changes no fingerprint. A body, a
default, a decorator, a helper's helper, an attribute of a class or a module constant does, and can be named. The
digests depend on the interpreter (bytecode does), but not on the process, on hash seeds, or on where code is installed.

What a fingerprint cannot see, and does not claim: names that are computed (``getattr(module, name)`` with a `name`
that is no literal of the function), subclasses that are found through registries, files, the environment, the versions
of third-party packages, a container that is mutated in place after it was first counted, and annotations of functions.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType

from mops.core.fingerprint.bytecode import framed_digest
from mops.core.fingerprint.reach import Walk
from mops.core.fingerprint.surroundings import Surroundings


class Fingerprint:
    """What a function's code was, and a quick way to ask whether it still is.

    Attributes:
        digest: 32 bytes, of the whole table and the interpreter's kind of bytecode.
        table: first 16 hexadecimal digits of the digest of each definition, by name: ``{"pkg.mod:helper": "…"}``.
        constants: the names in the table that stand for values. A remote may rightly differ in these.
        opaque: the constants, and the parts of constants, that count by type alone, since they are too large or no
            values at all: ``pkg.mod:CONFIG.client._lock``.
        modules: the first-party modules that the code reaches, by the names under which they are loaded.
    """

    __slots__ = ("_watch", "constants", "digest", "modules", "opaque", "table")

    def __init__(self, walk: Walk, cache_tag: str) -> None:
        entries = sorted(walk.entries.items())
        parts = chain.from_iterable((name.encode(), digest) for name, digest in entries)
        self.digest: bytes = framed_digest((cache_tag.encode(), *parts))
        self.table: Mapping[str, str] = MappingProxyType({name: digest.hex()[:16] for name, digest in entries})
        self.constants: frozenset[str] = frozenset(walk.constants.names)
        self.opaque: tuple[str, ...] = tuple(sorted(walk.opaque))
        self.modules: frozenset[str] = walk.own.modules()
        self._watch = walk.lookups.watch()

    def unchanged(self) -> bool:
        """Whether no global, cell, default, attribute, slot or code that the function reaches was rebound since.

        Compares identities only; about 0.1 µs a name. A value that is mutated in place is not noticed.
        """
        return self._watch.unchanged()


class Fingerprinter:
    """Takes fingerprints. One instance serves a whole process; `of` may be called from several threads.

    Args:
        surroundings: what is first-party, loaded, keyable here.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    def of(self, function: Callable[..., object], extras: Iterable[Callable[..., object]] = ()) -> Fingerprint:
        """The fingerprint of `function`, and of the classes and functions in `extras`: what its arguments bring along.

        About 30 µs a definition, 10 where the process has read the code before. The logic key of `function` itself is
        not asked for: whether its code counts is the caller's to decide.
        """
        walk = Walk(self._surroundings, function)
        walk.reach(function, "function")
        for definition in extras:
            walk.reach(definition, "argument")
        walk.finish()
        return Fingerprint(walk, self._surroundings.cache_tag)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """The definitions in which two tables differ, by name; ``(added)`` and ``(removed)`` say in which they stand."""
    names = sorted(before.keys() | after.keys())
    return tuple(
        name if name in before and name in after else f"{name} ({'added' if name in after else 'removed'})"
        for name in names
        if before.get(name) != after.get(name)
    )
