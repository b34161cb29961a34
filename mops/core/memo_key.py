"""Memo keys: which calls are the same call."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from blake3 import blake3

from mops.core.canonical import Encoder, Hooks
from mops.core.canonical.descriptions import describe
from mops.core.canonical.leaves import LEAVES
from mops.core.errors import DecorationError, UnkeyableArgumentError
from mops.core.invocation import Binder, FunctionReference

VERSION = "mops memo key 1"
"""Part of every digest. Another value makes every call a new one."""

_ADVICE_FOR_CAPTURED = "make it inside of the function, pass it as an argument, or register its type with @mops.key_for"
_OWN_DEFAULT = b"~"  # an encoding of its own: the bare object() that the parameter has for its default


class MemoKey(NamedTuple):
    """The name of one call: all calls of the same name have the same result.

    Attributes:
        pipeline_id: the user's grouping.
        function: the function that is called.
        logic_key: the author's word for what the function computes, if he stated one.
        fingerprint: digest of the code in hex, where code is part of the key.
        digest: 32 bytes, of function, logic key and arguments.
    """

    pipeline_id: str
    function: FunctionReference
    logic_key: str | None
    fingerprint: str | None
    digest: bytes


class ArgumentNote(NamedTuple):
    """What the claim of a call says of one argument.

    Attributes:
        name: of the parameter, with its stars.
        digest: 16 hex characters; equal if the arguments are.
        description: at most 80 characters, for people.
    """

    name: str
    digest: str
    description: str


class ArgumentKeyer:
    """Digests the calls of one function. Immutable; to be used by any number of threads.

    Args:
        function: the reference of the function.
        logic_key: the author's word for what it computes.
        binder: the binder of the function.
        hooks: what the encoding has to be told about classes and functions.
        ignore: parameters that are not part of the key; where the function takes ``**kwargs``, names in there too.

    Raises:
        DecorationError: the function has no parameter of an ignored name.
    """

    def __init__(
        self,
        function: FunctionReference,
        logic_key: str | None,
        binder: Binder,
        hooks: Hooks,
        ignore: Iterable[str] = (),
    ) -> None:
        ignored = frozenset(ignore)
        self._kept = tuple(index for index, name in enumerate(binder.names) if name.lstrip("*") not in ignored)
        self._names = tuple(binder.names[index] for index in self._kept)
        self._defaults = binder.defaults
        self._hooks = hooks
        self._dropped = ignored.difference(name.lstrip("*") for name in binder.names)
        self._is_single = self._kept == (0,) and len(binder.names) == 1
        if self._dropped and not any(name.startswith("**") for name in self._names):
            raise DecorationError(f"ignore names what {function} does not take: {', '.join(sorted(self._dropped))}")
        heading = (VERSION, function.module, function.qualname, logic_key, self._names)
        self._prefix = blake3(Encoder(hooks).encode((*heading, False), "")).digest()
        self._prefix_by_value = blake3(Encoder(hooks).encode((*heading, True), "")).digest()

    def digest(
        self, bound: tuple[Any, ...], captured: Mapping[str, object] | None = None
    ) -> tuple[bytes, Sequence[bytes]]:  # fmt: skip
        """Digest one call.

        Args:
            bound: what the binder gave.
            captured: for a function by value, what it captured: part of the key as the arguments are. What counts in
                another way is an ``Encoded``.

        Returns:
            32 bytes; and the encodings of the arguments, for ``notes``.

        Raises:
            UnkeyableArgumentError: with the path to what has no meaning as a value.
        """
        leaf = LEAVES.get(type(bound[0])) if self._is_single else None
        if leaf is not None and captured is None:  # what follows, for one scalar, in half the time
            encoding = leaf(bound[0])
            return blake3(self._prefix + encoding).digest(), (encoding,)
        encodings = self._encodings(self._keep(bound))
        prefix, parts = self._prefix, encodings
        if captured is not None:
            prefix, parts = self._prefix_by_value, [*encodings, self._of_captured(captured)]
        return blake3(prefix + bytes(map(len, parts[:-1])) + b"".join(parts)).digest(), encodings

    def notes(
        self,
        bound: tuple[Any, ...],
        captured: Mapping[str, object] | None = None,
        encodings: Sequence[bytes] | None = None,
    ) -> list[ArgumentNote]:
        """Digest and describe each argument of a call that has a digest, captured values last.

        Args:
            bound: as for ``digest``.
            captured: as for ``digest``.
            encodings: what ``digest`` gave; without them, the arguments are encoded again.

        Raises:
            UnkeyableArgumentError: as ``digest``.
        """
        kept = self._keep(bound)
        notes = _notes(self._names, kept, self._encodings(kept) if encodings is None else encodings)
        if captured:
            encoder = Encoder(self._hooks)
            of_captured = [encoder.encode(value, name) for name, value in captured.items()]
            notes += _notes([f"captured {name}" for name in captured], list(captured.values()), of_captured)
        return notes

    def _of_captured(self, captured: Mapping[str, object]) -> bytes:
        try:
            return Encoder(self._hooks).encode(dict(captured), "captured")
        except UnkeyableArgumentError as error:
            if error.advice == UnkeyableArgumentError.advice:
                error.advice = _ADVICE_FOR_CAPTURED
            raise

    def _keep(self, bound: tuple[Any, ...]) -> list[Any]:
        kept = [bound[index] for index in self._kept]
        if self._dropped:
            options = next(index for index, name in enumerate(self._names) if name.startswith("**"))
            kept[options] = {name: value for name, value in kept[options].items() if name not in self._dropped}
        return kept

    def _encodings(self, kept: Sequence[Any]) -> list[bytes]:
        encoder, encodings = Encoder(self._hooks), []
        for name, value in zip(self._names, kept, strict=True):
            if type(value) is object and self._defaults.get(name) is value:
                encodings.append(_OWN_DEFAULT)
            else:
                encodings.append(encoder.encode(value, name.lstrip("*")))
        return encodings


def _notes(names: Iterable[str], values: Sequence[object], encodings: Sequence[bytes]) -> list[ArgumentNote]:
    digests = [blake3(encoding).hexdigest(length=8) for encoding in encodings]
    return [ArgumentNote(*note) for note in zip(names, digests, map(describe, values), strict=True)]
