"""Which blob roots a container reaches, and what it needs for that: mounts, a user, credentials. Starts nothing."""

import os
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from mops.core.errors import ConfigurationError
from mops.core.ports.blob_store import BETWEEN_LAYERS, LAYERS

CREDENTIALS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": (
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"),
        *("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    ),
    "gs": ("GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BASE_URL"),
    "azure": (
        *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_ACCOUNT"),
        *("AZURE_STORAGE_ENDPOINT", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
    ),
}
"""Variables of this process that a container gets for roots of each kind, and no others."""
_KIND_OF_SCHEME: Final = {"s3": "s3", "gs": "gs", **dict.fromkeys(("adls", "abfss", "https", "az"), "azure")}
_ALWAYS: Final = ("MOPS_SIGNING_KEY",)
_HERE: Final = ("://localhost", "://127.", "://[::1]")


class Reach(NamedTuple):
    """What a container needs for one blob root.

    Attributes:
        folders: local roots, in the order in which they are searched: the first one is written to.
        credentials: environment variables.
        is_remote: something of it is reached over a network.
    """

    folders: Sequence[str]
    credentials: Mapping[str, str]
    is_remote: bool

    def owner(self) -> str | None:
        """User and group of the local root that is written to; ``None`` where there is none.

        Raises:
            ConfigurationError: that is the superuser, which a container is only where somebody says so.
        """
        if not self.folders:
            return None
        status = os.stat(_standing(self.folders[0]))
        if status.st_uid == 0:
            raise ConfigurationError(
                f"{self.folders[0]} belongs to the superuser, and containers run as the owner of a local root",
                advice="chown the root to a user, or have DockerShell(user='0') run containers as superuser",
            )
        return f"{status.st_uid}:{status.st_gid}"


def reach(root: str, environment: Mapping[str, str], network: str | None, engine: str) -> Reach:
    """What a container needs for a blob root.

    Args:
        root: a path, a URI, or several of them.
        environment: of this process.
        network: of the container; ``None`` for the engine's own choice.
        engine: address of the engine.

    Raises:
        ConfigurationError: it cannot be reached from inside.
    """
    places = [place.strip() for place in root.removeprefix(LAYERS).split(BETWEEN_LAYERS)]
    folders = [path for place in places if (path := _path_of(place))]
    remote = [place for place in places if not _path_of(place)]
    kinds = {_kind_of(place) for place in remote}
    names = [name for kind in sorted(kinds) for name in CREDENTIALS[kind]]
    credentials = {name: environment[name] for name in (*names, *_ALWAYS) if environment.get(name)}
    if folders and not engine.startswith(("unix:", "npipe:")):
        raise ConfigurationError(
            f"{folders[0]} is a folder of this machine, and the Docker engine at {engine} is on another",
            advice="name a blob root in an object store, or an engine of this machine: DOCKER_HOST",
        )
    if remote:
        _check_network(remote, credentials, network)
    return Reach(folders, credentials, bool(remote))


def _path_of(place: str) -> str:
    """The path of a local root; empty for another."""
    if "://" not in place:
        return os.path.abspath(os.path.expanduser(place))
    if not place.startswith("file://"):
        return ""
    path = place.removeprefix("file://").removeprefix("localhost")
    return os.path.abspath(os.fsdecode(unquote_to_bytes(os.fsencode(path))))


def _kind_of(place: str) -> str:
    scheme = place.partition("://")[0]
    if scheme not in _KIND_OF_SCHEME:
        raise ConfigurationError(
            f"no container can open {place}", advice="name a folder, or a root in an object store, as blob root"
        )
    return _KIND_OF_SCHEME[scheme]


def _check_network(places: Sequence[str], credentials: Mapping[str, str], network: str | None) -> None:
    if network == "none":
        raise ConfigurationError(
            f"{places[0]} is reached over a network, and the containers have none",
            advice="leave out network='none', or name a folder as blob root",
        )
    if network == "host":
        return
    here = [text for text in (*places, *credentials.values()) if any(name in text for name in _HERE)]
    if here:
        raise ConfigurationError(
            f"{places[0]} is served by this machine under a name that means the container itself, inside of one",
            advice="name the machine by its address in the network, or use network='host'",
        )


def _standing(folder: str) -> str:
    """The folder, or the nearest one above it that is there already."""
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return folder
