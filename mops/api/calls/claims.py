"""What the claim of a call says of it: a description for everybody, the pickled call for its remote."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mops.api.calls.serving import Served
from mops.api.functions.references import captured
from mops.api.functions.target import Target
from mops.core.envelope import header_json
from mops.core.errors import UnserializableError
from mops.core.files import AsWritten
from mops.core.ports.serializer import Serialized, Serializer, Shared

_ADVICE: Final = "make it inside of the function, or put it, or the function, into a module"


def about_call(
    target: Target,
    extras: tuple[Any, ...],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    serving: Sequence[Served],
    heartbeat: float,
    run_timeout: float | None,
    *,
    remote: bool,
    encodings: Sequence[bytes] | None,
    tree: bytes = b"null",
) -> bytes:
    """The JSON object that describes a call in its claim. ``tree`` describes the code that travels, as JSON."""
    changing = header_json(
        arguments=target.notes(args, kwargs, encodings),
        serving=[served.folder for served in serving],
        heartbeat=heartbeat,
        run_timeout=run_timeout,
        remote=remote,
        tree=tree,
    )
    return changing[:-1] + b"," + target.about_code(extras)[1:]


def pickled_call(
    target: Target,
    extras: tuple[Any, ...],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    serializer: Serializer,
    shared: Shared,
) -> Serialized:
    """The call for a remote: the function where it travels by value, what its arguments are made of, the arguments.

    Raises:
        UnserializableError: with the path to what cannot travel.
    """
    function = AsWritten(target.declaration.function) if target.by_value else None
    places = target.ignored_places(args, kwargs)
    marked = tuple(AsWritten(value) if place in places else value for place, value in enumerate(args))
    named = {name: AsWritten(value) if name in places else value for name, value in kwargs.items()}
    try:
        return serializer.dumps((function, extras, marked, named), shared)
    except UnserializableError as error:
        raise _of_captured(target, serializer, error) or _named(error, target, args, kwargs) from error


def _of_captured(target: Target, serializer: Serializer, error: UnserializableError) -> UnserializableError | None:
    """The error with the name of the captured value that cannot travel, if it is one."""
    if not error.path.startswith("[0]"):
        return None
    for name, value in captured(target.declaration.function).items():
        try:
            serializer.dumps(value)
        except UnserializableError as inner:
            path = f"{name}{inner.path}"
            return UnserializableError(f"{path} cannot be pickled: {inner.__cause__}", path=path, advice=_ADVICE)
    return None


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
