"""What a container is to be, in plain values: the plan for one command."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mops.adapters.shells.docker.reach import Reach
from mops.adapters.shells.docker.settings import OURS, WRITABLE, Settings
from mops.core.errors import ConfigurationError
from mops.core.ports.shell import RemoteCommand, parse_remote

COMMAND: Final = f"{OURS}command"
ROOT: Final = f"{OURS}root"
MEMO: Final = f"{OURS}memo"
EPOCH: Final = f"{OURS}epoch"
KEPT: Final = f"{OURS}kept"
"""Labels. What is kept is removed by nobody but a person."""

_TEMPORARY: Final = "/tmp"  # noqa: S108 - inside of the container


class Mounted(NamedTuple):
    """A folder of the engine's machine, and where it is inside; without a source, an empty one of the container's."""

    source: str | None
    target: str
    read_only: bool


class Plan(NamedTuple):
    """One container.

    Attributes:
        user: as Docker writes it; ``None`` for the image's own, where that is not the superuser.
    """

    image: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    mounts: Sequence[Mounted]
    user: str | None
    labels: Mapping[str, str]
    settings: Settings


def plan(image: str, argv: Sequence[str], settings: Settings, reach: Reach, environment: Mapping[str, str]) -> Plan:
    """The container for one command.

    Args:
        image: its name.
        argv: the command.
        settings: how containers are made.
        reach: what the blob root needs.
        environment: of this process, for variables that are handed on.

    Raises:
        ConfigurationError: see ``Reach.owner``.
    """
    unstated = [name for name, value in settings.env.items() if value is None]
    handed_on = {name: environment[name] for name in unstated if name in environment}
    stated = {name: value for name, value in settings.env.items() if value is not None}
    own = {"PYTHONUNBUFFERED": "1", "HOME": _TEMPORARY}
    return Plan(
        image,
        [*settings.command, *argv[1:]],
        {**own, **reach.credentials, **handed_on, **stated},
        list(_mounts(settings, reach)),
        settings.user if settings.user is not None else reach.owner(),
        {**settings.labels, **labels_of(argv), **({} if settings.remove else {KEPT: "yes"})},
        settings,
    )


def labels_of(argv: Sequence[str]) -> dict[str, str]:
    """What a command is found by; the interpreter does not count."""
    labels = {COMMAND: hashlib.sha256("\0".join(argv[1:]).encode()).hexdigest()}
    command = remote_of(argv)
    return {**labels, ROOT: command.root, MEMO: command.memo, EPOCH: str(command.epoch)}


def remote_of(argv: Sequence[str]) -> RemoteCommand:
    """What a command line tells the remote.

    Raises:
        ConfigurationError: it is none that this Shell can start.
    """
    try:
        command: Any = parse_remote(argv[4:])
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if not isinstance(command, RemoteCommand):
        raise ConfigurationError("a DockerShell starts one command at a time, and no batches")
    return command


def _mounts(settings: Settings, reach: Reach) -> "Sequence[Mounted]":
    """Local roots and credentials at the path that they have, what the user mounts, and somewhere to write."""
    roots = [Mounted(folder, folder, read_only=folder != reach.written) for folder in reach.folders]
    files = [Mounted(file, file, read_only=True) for file in reach.files]
    stated = [
        Mounted(source, target.removesuffix(WRITABLE), read_only=not target.endswith(WRITABLE))
        for source, target in settings.mounts.items()
    ]
    taken = {mounted.target for mounted in (*roots, *stated)}
    temporary = [Mounted(None, _TEMPORARY, read_only=False)] if settings.read_only and _TEMPORARY not in taken else []
    unique = {mounted.target: mounted for mounted in reversed([*roots, *stated, *files, *temporary])}
    return list(unique.values())
