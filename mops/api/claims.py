"""What the claim of a call says of it: a description for everybody, and the pickled call for the remote that runs it."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mops.api.serving import Served
from mops.api.target import Target
from mops.core.envelope import header_json
from mops.core.errors import UnserializableError
from mops.core.fingerprint import Fingerprint
from mops.core.ports.blob_store import Buffer
from mops.core.ports.serializer import Serializer


class CallDescription(NamedTuple):
    """What a remote needs to know of a call before it unpickles anything.

    Attributes:
        importable: ``module:qualname``; empty where the function travels by value.
        on_code_change: the policy.
        definitions: the table of the code fingerprint.
        constants: the names in it that a remote may rightly have other values for.
        cache_tag: of the orchestrator's interpreter; other bytecode cannot be compared.
        python: the orchestrator's version, such as ``3.11``.
        serving: memo folders of the calls that wait for this one, outermost first.
        heartbeat: seconds between beats that the remote is to announce.
    """

    importable: str
    on_code_change: str
    definitions: Mapping[str, str]
    constants: frozenset[str]
    cache_tag: str
    python: str
    serving: tuple[str, ...]
    heartbeat: float

    @classmethod
    def read(cls, call: Mapping[str, Any]) -> "CallDescription":
        """From the header of a claim."""
        return cls(
            importable=str(call["import"]),
            on_code_change=str(call["on_code_change"]),
            definitions=dict(call["definitions"]),
            constants=frozenset(call["constants"]),
            cache_tag=str(call["cache_tag"]),
            python=str(call["python"]),
            serving=tuple(call["serving"]),
            heartbeat=float(call["heartbeat"]),
        )


def about_call(  # noqa: PLR0913 - what there is to say
    target: Target,
    code: bytes,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    serving: Sequence[Served],
    heartbeat: float,
) -> bytes:
    """The JSON object that describes a call in its claim. ``code`` is what ``about_code`` made."""
    changing = header_json(
        arguments=target.notes(args, kwargs), serving=[served.folder for served in serving], heartbeat=heartbeat
    )
    return changing[:-1] + b"," + code[1:]


def about_code(target: Target, fingerprint: Fingerprint) -> bytes:
    """The part of a description that all calls of the same code share."""
    return header_json(
        function=str(target.reference),
        **{"import": "" if target.by_value else str(target.importable)},
        pipeline_id=target.pipeline_id,
        logic_key=target.declaration.logic_key,
        on_code_change=target.policy,
        definitions=dict(fingerprint.table),
        constants=sorted(fingerprint.constants),
        opaque=list(fingerprint.opaque),
        cache_tag=sys.implementation.cache_tag,
        python=".".join(map(str, sys.version_info[:2])),
    )


def pickled_call(
    target: Target, extras: tuple[Any, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any], serializer: Serializer
) -> Sequence[Buffer]:  # fmt: skip
    """The call for a remote: the function where it travels by value, what its arguments are made of, the arguments.

    Raises:
        UnserializableError: with the path to what cannot travel.
    """
    function = target.declaration.function if target.by_value else None
    try:
        return serializer.dumps((function, extras, args, dict(kwargs)))
    except UnserializableError as error:
        raise _named(error, target, args, kwargs) from error


def _named(
    error: UnserializableError, target: Target, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> UnserializableError:  # fmt: skip
    """The error with the argument's name in place of its position in what is pickled."""
    path = error.path
    for position, value in enumerate(args):
        prefix = f"[2][{position}]"
        if path.startswith(prefix):
            path = target.name_of(args, kwargs, value) + path[len(prefix) :]
    for name in kwargs:
        prefix = f"[3][{name!r}]"
        if path.startswith(prefix):
            path = name + path[len(prefix) :]
    if path == error.path and path.startswith("[0]"):
        path = target.declaration.function.__qualname__ + path[3:]
    return UnserializableError(f"{path} cannot be pickled: {error.__cause__}", path=path)
