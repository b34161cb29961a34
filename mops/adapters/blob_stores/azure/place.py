"""The spellings of a root in Azure, and the one that others are told."""

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from mops.core.blob_key import MAX_KEY_BYTES
from mops.core.errors import ConfigurationError

_HOST: Final = re.compile(r"([a-z0-9]{3,24})\.(?:blob|dfs)\.core\.windows\.net")
_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER: Final = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LONGEST_NAME: Final = 1024  # of a blob, in characters


class Place(NamedTuple):
    """A root.

    Attributes:
        account: name of the storage account.
        container: of that account.
        prefix: of all blobs of the root; empty, or with a slash at its end.
    """

    account: str
    container: str
    prefix: str

    @property
    def uri(self) -> str:
        """``adls://account/container/prefix``."""
        return f"adls://{self.account}/{self.container}/{quote(self.prefix)}".rstrip("/")


def place_of(uri: str) -> Place:
    """The place that a URI names, in any of its spellings.

    ``adls://account/container/prefix``, ``abfss://container@account.dfs.core.windows.net/prefix``, or
    ``https://account.blob.core.windows.net/container/prefix``. Where an account has another address, as in a national
    cloud, its connection string says so.

    Raises:
        ConfigurationError: it names none, or has a secret in it, which is not repeated.
    """
    parts = urlsplit(uri)
    stranger = parts.password or (parts.username and parts.scheme != "abfss")
    if parts.query or parts.fragment or stranger:
        raise ConfigurationError(
            f"the blob root {parts.scheme}://{parts.hostname}{parts.path} goes on with what is no part of a root",
            advice="put a shared access signature into AZURE_STORAGE_SAS_TOKEN, where no list of processes shows it",
        )
    if parts.scheme == "adls":
        account, path = parts.netloc, parts.path
    else:
        host = _HOST.fullmatch(parts.hostname or "")
        account = host[1] if host else ""
        path = f"/{parts.username or ''}{parts.path}" if parts.scheme == "abfss" else parts.path
    container, _, prefix = unquote(path).removeprefix("/").partition("/")
    if not _ACCOUNT.fullmatch(account) or not _CONTAINER.fullmatch(container):
        raise ConfigurationError(
            f"{uri} names no container of an Azure storage account",
            advice="write adls://account/container/prefix, both names in small letters; an account with an address of "
            "its own is described by its connection string, in AZURE_STORAGE_CONNECTION_STRING",
        )
    return Place(account, container, _checked(uri, prefix.strip("/")))


def _checked(uri: str, prefix: str) -> str:
    if not prefix:
        return ""
    parts = prefix.split("/")  # a dot at the end of one may get lost on the way, and two roots be one
    if not all(parts) or any(part.endswith(".") for part in parts) or not prefix.isprintable() or "\\" in prefix:
        raise ConfigurationError(
            f"{uri} is no blob root: a part of its path is empty, ends in a dot, or is no plain text"
        )
    if len(prefix) + 1 + MAX_KEY_BYTES > _LONGEST_NAME:
        raise ConfigurationError(f"{uri} is no blob root: its path leaves no room for the names of blobs")
    return f"{prefix}/"
