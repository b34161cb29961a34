"""One function as one Runner calls it: from arguments to the address of the call."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, final

from mops.api.functions.code import CodeOfProcess
from mops.api.functions.declaration import Declaration
from mops.api.functions.references import reference_of
from mops.core.blob_layout import DEFAULT_PIPELINE, Memo, function_folder, memo_folder
from mops.core.canonical import Encoder
from mops.core.errors import UnkeyableArgumentError
from mops.core.files import LocalFile
from mops.core.fingerprint import Fingerprint
from mops.core.invocation import FunctionReference, compile_binder
from mops.core.memo_key import ArgumentKeyer, ArgumentNote

OnCodeChange: TypeAlias = Literal["rerun", "warn", "ignore"]
_MANY_SHAPES: Final = 256


class _Position(int):
    """Stands for a positional argument where it is asked what that is bound to."""


@final
class Target:
    """A declared function under one pipeline id. Safe to use from any number of threads.

    Attributes:
        declaration: the function.
        reference: its name in keys.
        importable: its name for ``import``.
        by_value: it cannot be imported elsewhere, and travels with its code.
        policy: what a change of its code means.
        replays_logs: a hit prints what was printed when it was computed.
        remarks: a hit may have something to say.
    """

    __slots__ = (
        "_about", "_bind", "_code", "_fingerprints", "_folder", "_keyer", "_names",
        "by_value", "declaration", "importable", "pipeline_id", "policy", "reference", "remarks", "replays_logs",
    )  # fmt: skip

    def __init__(
        self,
        declaration: Declaration,
        code: CodeOfProcess,
        pipeline_id: str | None,
        policy: OnCodeChange | None,
        *,
        replays_logs: bool = False,
    ) -> None:
        self.declaration = declaration
        self.pipeline_id = pipeline_id or DEFAULT_PIPELINE
        self.importable, self.by_value = reference_of(declaration.function)
        named = declaration.name
        self.reference = self.importable if named is None else FunctionReference(*named.split(":", 1))
        self.policy: OnCodeChange = policy or ("warn" if declaration.logic_key is not None else "rerun")
        self.replays_logs = replays_logs
        self.remarks = replays_logs or self.policy == "warn"
        binder = compile_binder(declaration.function)
        self._bind = binder.bind
        self._names = binder.names
        self._code = code
        self._keyer = ArgumentKeyer(self.reference, declaration.logic_key, binder, code.hooks, declaration.ignore)
        self._folder = function_folder(self.pipeline_id, *self.reference, declaration.logic_key)
        self._about: tuple[Fingerprint, bytes] | None = None
        self._fingerprints: dict[tuple[int, ...], tuple[Fingerprint, tuple[Any, ...]]] = {}

    @property
    def code_in_key(self) -> bool:
        """Whether another code is another call."""
        return self.by_value or self.policy == "rerun"

    def memo(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Memo, tuple[Any, ...], Sequence[bytes]]:  # fmt: skip
        """The address of one call.

        Returns:
            The address; the functions and classes that the arguments are made of, whose code counts, too; and the
            encodings of the arguments, for ``notes``.

        Raises:
            TypeError: the arguments do not fit the function.
            UnkeyableArgumentError: one of them has no meaning as a value.
        """
        bound = self._bind(*args, **kwargs)
        try:
            digest, encodings = self._keyer.digest(bound, self._captured() if self.by_value else None)
        except UnkeyableArgumentError as error:
            error.about(str(self.reference), "")
            raise
        finally:
            extras = self._code.collected()
        fingerprint = self.fingerprint(extras)
        code = fingerprint.digest.hex() if self.code_in_key else None
        return Memo(memo_folder(self._folder, code, digest.hex()), digest, fingerprint.digest), extras, encodings

    def look_again(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, with_captured: bool
    ) -> tuple[bytes | None, tuple[LocalFile, ...]]:
        """What the arguments of a call come to now, and the files among them.

        Args:
            args: of the call.
            kwargs: of the call.
            with_captured: what a function by value captured counts, too, as in its key.

        Returns:
            The digest; ``None`` where the arguments have no meaning as values any more.
        """
        digest = None
        try:
            digest, _ = self._keyer.digest(self._bind(*args, **kwargs), self._captured() if with_captured else None)
        except UnkeyableArgumentError:
            pass  # which is the answer
        finally:
            files = self._code.files_of(self._code.collected())
        return digest, files

    def files(self, extras: tuple[Any, ...]) -> tuple[LocalFile, ...]:
        """The files and directories that a call is keyed by, as they were then.

        Args:
            extras: what ``memo`` gave for the call, as the last thing that this thread asked a target for.
        """
        return self._code.files_of(extras)

    def notes(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], encodings: Sequence[bytes] | None
    ) -> list[ArgumentNote]:  # fmt: skip
        """Digest and description of each argument, for the claim of a call; ``encodings`` as ``memo`` gave them."""
        try:
            return self._keyer.notes(self._bind(*args, **kwargs), self._captured(), encodings)
        finally:
            self._code.collected()  # they belong to this call, not to the next one of this thread

    def ignored_places(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> frozenset[int | str]:
        """The positions and names of those arguments of a call that are not part of its key."""
        ignored = self.declaration.ignore
        if not ignored:
            return frozenset()
        bound = self._bind(*map(_Position, range(len(args))), **kwargs)
        places: set[int | str] = set(ignored)
        for name, place in zip(self._names, bound, strict=True):
            if name.lstrip("*") in ignored:
                places.update(place if name.startswith("*") else ())
                places.update((place,) if type(place) is _Position else ())
        return frozenset(places)

    def values_of(self, names: Container[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """What some of the parameters are bound to in a call."""
        bound = self._bind(*args, **kwargs)
        return [value for name, value in zip(self._names, bound, strict=True) if name in names]

    def key_of(self, value: Any) -> bytes | None:
        """The digest of a value as it counts in keys; ``None`` where it has no meaning as a value."""
        try:
            return Encoder(self._code.hooks).encode(value, "a shared object")
        except UnkeyableArgumentError:
            return None
        finally:
            self._code.collected()  # they do not belong to the next call of this thread

    def name_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], value: object) -> str:
        """The parameter that a value was passed for."""
        bound = self._bind(*args, **kwargs)
        return next((name for name, it in zip(self._names, bound, strict=True) if it is value), "an argument")

    def fingerprint(self, extras: tuple[Any, ...] = ()) -> Fingerprint:
        """The fingerprint of the code now: taken once, and again when something that it reaches was rebound."""
        shape = tuple(map(id, extras))
        known = self._fingerprints.get(shape)
        if known is not None and known[0].unchanged():
            return known[0]
        fresh = self._code.fingerprint(self.declaration.function, extras)
        if len(self._fingerprints) >= _MANY_SHAPES:
            self._fingerprints.clear()
        self._fingerprints[shape] = (fresh, extras)  # the extras are held, so that their ids are not used again
        return fresh

    def about_code(self, extras: tuple[Any, ...]) -> bytes:
        """What claims say of the code, as a JSON object: made once for equal code, since it can be long."""
        from mops.api.functions.call_description import describe_code

        fingerprint = self.fingerprint(extras)
        if self._about is None or self._about[0] is not fingerprint:
            importable = "" if self.by_value else str(self.importable)
            logic_key, first_party = self.declaration.logic_key, self._code.first_party
            described = describe_code(self.reference, importable, logic_key, self.policy, fingerprint, first_party)
            self._about = fingerprint, described
        return self._about[1]

    def _captured(self) -> Mapping[str, object] | None:
        return self._code.captured(self.declaration.function) if self.by_value else None
