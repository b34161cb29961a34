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
        *("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"),
        *("AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_KMS_KEY_ID", "AWS_SSE_BUCKET_KEY_ENABLED", "AWS_REQUEST_PAYER"),
        *("AWS_CHECKSUM_ALGORITHM", "AWS_UNSIGNED_PAYLOAD", "AWS_COPY_IF_NOT_EXISTS", "AWS_SKIP_SIGNATURE"),
        *("AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"),
    ),
    "gs": ("GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BASE_URL", "GOOGLE_SKIP_SIGNATURE"),
    "azure": (
        *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_ACCOUNT"),
        *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST"),
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    ),
    "az": (
        *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
        *("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "AZURITE_BLOB_STORAGE_URL"),
        *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST"),
    ),
}
"""Variables of this process that a container gets for roots of each kind, and no others."""
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": ("AWS_WEB_IDENTITY_TOKEN_FILE",),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"),
    "azure": ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "az": ("AZURE_FEDERATED_TOKEN_FILE",),
}
"""The same that name files: these are mounted where they are."""
_OF_ACCOUNT: Final = ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_SAS_TOKEN")
_KIND_OF_SCHEME: Final = {"s3": "s3", "gs": "gs", "az": "az", **dict.fromkeys(("adls", "abfss", "https"), "azure")}
_SIGNING_KEY: Final = "MOPS_SIGNING_KEY"
_HERE: Final = ("://localhost", "://127.", "://[::1]", "usedevelopmentstorage=true")


class Reach(NamedTuple):
    """What a container needs for one blob root.

    Attributes:
        folders: local roots, in the order in which they are searched.
        written: the one of them that is written to; empty where that is none of them.
        files: credentials that are to be read where they are.
        credentials: environment variables.
    """

    folders: Sequence[str]
    written: str
    files: Sequence[str]
    credentials: Mapping[str, str]

    def owner(self) -> str | None:
        """User and group of the local root that is written to; ``None`` where there is none.

        Raises:
            ConfigurationError: that is the superuser, which a container is only where somebody says so.
        """
        if not self.written:
            return None
        status = os.stat(_standing(self.written))
        if status.st_uid == 0:
            raise ConfigurationError(
                f"{self.written} belongs to the superuser, and containers run as the owner of a local root",
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
    credentials, files = _credentials(remote, environment)
    if (folders or files) and not engine.startswith(("unix:", "npipe:")):
        raise ConfigurationError(
            f"{[*folders, *files][0]} is on this machine, and the Docker engine at {engine} is on another",
            advice="name a blob root in an object store, and credentials by value; or an engine here: DOCKER_HOST",
        )
    if remote:
        _check_network(remote, credentials, network)
    return Reach(folders, _path_of(places[0]), files, credentials)


def _credentials(remote: Sequence[str], environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Variables, and the files that they name."""
    kinds = sorted({_kind_of(place) for place in remote})
    plain = [name for kind in kinds for name in CREDENTIALS[kind]]
    plain += [f"{name}_{account}" for place in remote for account in _accounts_of(place) for name in _OF_ACCOUNT]
    found = {name: environment[name] for name in plain if environment.get(name)}
    naming = {name: [environment[name]] for kind in kinds for name in FILES[kind] if environment.get(name)}
    naming[_SIGNING_KEY] = environment.get(_SIGNING_KEY, "").strip().split(os.pathsep)
    files = []
    for name, entries in naming.items():
        paths = [_absolute(entry, name) for entry in entries]
        files += [path for path in paths if os.path.isabs(path)]
        if any(paths):
            found[name] = os.pathsep.join(paths)
    return found, files


def _absolute(entry: str, variable: str) -> str:
    """The path of a file with credentials as it is inside, too; a signing key that is no path as it is."""
    if variable == _SIGNING_KEY and not entry.startswith(("/", "~")):
        return entry
    return os.path.abspath(os.path.expanduser(entry))


def _accounts_of(place: str) -> Sequence[str]:
    """Names of accounts as variables end with them: one for a root in Azure, none for another."""
    if _kind_of(place) != "azure":
        return ()
    host = place.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return (host.partition(".")[0].upper(),)


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
    here = [text for text in (*places, *credentials.values()) if any(name in text.lower() for name in _HERE)]
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
