"""The constants that a walk found: values that count as values."""

from collections.abc import Callable, Iterator
from typing import Any

from mops.core.fingerprint.bytecode import framed_digest
from mops.core.fingerprint.members import ATOMS, Description
from mops.core.fingerprint.surroundings import Constant, OwnCode, Surroundings
from mops.core.fingerprint.watch import Slot

StateOf = Callable[[list[object]], list[object]]


class Constants:
    """The constants of one walk, by name.

    Attributes:
        names: of all of them.
    """

    def __init__(self, surroundings: Surroundings, own: OwnCode) -> None:
        self.names: dict[str, object] = {}
        self._surroundings = surroundings
        self._own = own
        self._inside: dict[str, tuple[tuple[str, ...], list[object]]] = {}
        self._slots: dict[str, tuple[object, str]] = {}

    def add(self, name: str, value: object, code: tuple[str, ...], objects: list[object]) -> None:
        """Count `value` as the constant `name`.

        Args:
            name: no other has it.
            value: the constant.
            code: the functions and classes inside it, by name.
            objects: the objects of the author's inside it.
        """
        self.names[name] = value
        self._inside[name] = (code, objects)

    def held_by(self, name: str, holder: object, key: str) -> None:
        """The constant, if it is one, is what `holder` holds under `key`; the first such place counts."""
        if name in self.names:
            self._slots.setdefault(name, (holder, key))

    def digests(self, assigned: set[Slot], state_of: StateOf) -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
        """Name and digest of each constant, and what in it counts by type alone.

        Args:
            assigned: the variables that the reached code itself assigns. They are its state, not constants that
                somebody wrote: each counts by the value that it had first in this process.
            state_of: what the given objects hold now.
        """
        roots = frozenset(self._own.roots)
        for name, value in self.names.items():
            code, objects = self._inside[name]
            slot = self._slots.get(name)
            if slot is not None and (id(slot[0]), slot[1]) in assigned:
                digest, opaque = self._surroundings.first_constant(*slot, value, roots)
            elif type(value) in ATOMS or type(value) is Description:
                digest, opaque = self._of_atom(value, roots)
            else:
                digest, opaque = self._surroundings.constant_once(value, state_of(objects), roots)
            yield name, framed_digest((b"constant", digest, *map(str.encode, code))), opaque

    def _of_atom(self, value: Any, roots: frozenset[str]) -> Constant:
        if type(value) is str:
            for root in roots:
                if value == root or value.startswith(root + "/"):
                    return f"path:{value[len(root) :]}".encode(), ()
        return self._surroundings.constant(value, roots)
