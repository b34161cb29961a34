"""How containers are made, as the user states it, checked before anything runs."""

import math
import os
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from mops.core.errors import ConfigurationError
from mops.core.sizes import size_of

Pull: TypeAlias = Literal["missing", "always", "never"]

WRITABLE: Final = ":rw"
"""Stands behind the place of a mount that can be written to."""
OURS: Final = "mops."
"""What the labels begin with by which containers are found."""

_PULL: Final = ("missing", "always", "never")
_LEAST_CPU: Final = 0.01
"""Of which the engine has a limit at all."""
_IMAGE: Final = re.compile(r"[A-Za-z0-9][\w.-]*(:\d+)?(/[\w.-]+)*(:[\w.-]+)?(@\w+:[0-9a-fA-F]+)?", re.ASCII)
_USER: Final = re.compile(r"[^\s:-][^\s:]*(:[^\s:-][^\s:]*)?")


def image_name(name: Any, where: str) -> str:
    """The name of an image.

    Args:
        name: what was given for one.
        where: it was given.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(name, str) and _IMAGE.fullmatch(name):
        return name
    raise ConfigurationError(f"{where} the name of an image, such as 'registry/app:1', and no option, not {name!r}")


def _words(command: Any) -> tuple[str, ...]:
    words = tuple(command) if isinstance(command, list | tuple) else ()
    if words and all(isinstance(word, str) and word.strip() and "\0" not in word for word in words):
        return words
    raise ConfigurationError(
        f"command is a list of words, the Python inside and what stands before it, not {command!r}"
    )


def _texts(value: Any, where: str) -> dict[str, Any]:
    """A mapping of names to texts. No error shows a value: it may be secret."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{where} is a mapping of names to texts, not {type(value).__name__}")
    for name, text in value.items():
        if not isinstance(name, str) or not name or not {"\0", "="}.isdisjoint(name):
            raise ConfigurationError(f"{where} has names without '=', not {name!r}")
        if not isinstance(text, str) or "\0" in text:
            said = type(text).__name__ if not isinstance(text, str) else "a text with a zero byte"
            raise ConfigurationError(f"{where}[{name!r}] is a text, not {said}")
    return dict(value)


def _variables(env: Any) -> dict[str, str | None]:
    if not isinstance(env, Mapping):
        return _texts(env, "env")
    _texts({name: "" if text is None else text for name, text in env.items()}, "env")
    return dict(env)


def _labels(labels: Any) -> dict[str, str]:
    checked = _texts(labels, "labels")
    ours = next((name for name in checked if name.startswith(OURS)), None)
    if ours:
        raise ConfigurationError(f"labels that begin with {OURS!r} are how mops finds its containers: {ours!r}")
    return checked


def _mounts(mounts: Any) -> dict[str, str]:
    if not isinstance(mounts, Mapping):
        raise ConfigurationError(f"mounts is a mapping of folders to places inside, not {type(mounts).__name__}")
    for source, target in mounts.items():
        for place in (source, target):
            if not isinstance(place, str) or not os.path.isabs(place) or "\0" in place:
                raise ConfigurationError(f"mounts names absolute paths, here and inside, not {place!r}")
        inside = target.removesuffix(WRITABLE)
        if ":" in inside or os.path.normpath(inside).strip("/") == "":
            raise ConfigurationError(
                f"mounts cannot have {target!r} inside: a folder, to be read only unless {WRITABLE!r} stands behind it"
            )
    return {source: _normal(target) for source, target in mounts.items()}


def _normal(target: str) -> str:
    inside = target.removesuffix(WRITABLE)
    return os.path.normpath(inside) + target[len(inside) :]


def _network(network: Any) -> str | None:
    if network is None or (isinstance(network, str) and network.strip()):
        return network
    raise ConfigurationError(f"network is the name of one, or 'none', or 'host', not {network!r}")


def _processors(cpu: Any) -> float | None:
    if cpu is None:
        return None
    if isinstance(cpu, int | float) and cpu is not True and _LEAST_CPU <= cpu < math.inf:
        return cpu
    raise ConfigurationError(f"cpu is a number of processors, {_LEAST_CPU} or more, not {cpu!r}")


def _bytes(memory: Any) -> int | None:
    size = None if memory is None else size_of(memory, "memory")
    if size == 0:
        raise ConfigurationError("memory is a positive number of bytes")
    return size


def _gpus(gpu: Any) -> int:
    if type(gpu) is int and gpu >= 0:
        return gpu
    raise ConfigurationError(f"gpu is a number of them, not {gpu!r}")


def _user(user: Any) -> str | None:
    if user is None:
        return None
    if isinstance(user, str | int) and not isinstance(user, bool) and _USER.fullmatch(str(user)):
        return str(user)
    raise ConfigurationError(f"user is a name or number, or two with ':' between them, not {user!r}")


def _pull(pull: Any) -> Pull:
    if pull in _PULL:
        return pull  # type: ignore[no-any-return]
    raise ConfigurationError(f"pull is 'missing', 'always' or 'never', not {pull!r}")


def _yes_or_no(_: object, field: "attrs.Attribute[bool]", value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{field.name} is True or False, not {value!r}")


@attrs.frozen
class Settings:
    """How containers are made; see ``DockerShell``.

    Raises:
        ConfigurationError: one of them cannot be meant.
    """

    command: tuple[str, ...] = attrs.field(converter=_words)
    env: Mapping[str, str | None] = attrs.field(converter=_variables)
    mounts: Mapping[str, str] = attrs.field(converter=_mounts)
    network: str | None = attrs.field(converter=_network)
    cpu: float | None = attrs.field(converter=_processors)
    memory: int | None = attrs.field(converter=_bytes)
    gpu: int = attrs.field(converter=_gpus)
    user: str | None = attrs.field(converter=_user)
    pull: Pull = attrs.field(converter=_pull)
    read_only: bool = attrs.field(validator=_yes_or_no)
    labels: Mapping[str, str] = attrs.field(converter=_labels)
    remove: bool = attrs.field(validator=_yes_or_no)
