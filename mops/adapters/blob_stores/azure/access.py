"""With what an account is opened: what the environment says, else who this process is for Microsoft Entra.

A connection string that has neither a key nor a signature says where the account is, and no more.

The first of these that is set counts, ``ACCOUNT`` being the account's name in capitals:
``AZURE_STORAGE_CONNECTION_STRING_ACCOUNT``, ``AZURE_STORAGE_SAS_TOKEN_ACCOUNT``, and the same without ``_ACCOUNT``,
where they are of this account. A signature says nothing of its account: ``AZURE_STORAGE_ACCOUNT`` does, where there are
several.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

import attrs

from mops.core.errors import ConfigurationError

_CONNECTION: Final = "AZURE_STORAGE_CONNECTION_STRING"
_SIGNATURE: Final = "AZURE_STORAGE_SAS_TOKEN"
_SECRETS: Final = frozenset({"accountkey", "sharedaccesssignature", "usedevelopmentstorage"})


@attrs.frozen
class Access:
    """How one account is reached.

    Attributes:
        connection: a connection string, which is secret; or empty.
        signature: a shared access signature, which is secret; or empty.
    """

    account: str
    connection: str = attrs.field(default="", repr=False)
    signature: str = attrs.field(default="", repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """Those of the connection string by their names in small letters, without what spaces and line ends it has."""
        return _settings(self.connection)

    @property
    def has_secret(self) -> bool:
        """Whether a key or a signature opens the account."""
        return bool(self.signature) or not _SECRETS.isdisjoint(self.settings)

    @property
    def expires(self) -> float | None:
        """When a signature ends, in seconds since the epoch; ``None`` where nothing says that."""
        signature = self.signature or self.settings.get("sharedaccesssignature", "")
        said = parse_qs(signature.removeprefix("?"))
        ends = [_moment(said[name][0]) for name in ("se", "ske") if name in said]  # its own, and that of its key
        return min((end for end in ends if end is not None), default=None)


def access_to(account: str, environ: Mapping[str, str]) -> Access:
    """What the environment says of an account.

    Raises:
        ConfigurationError: a connection string is none, or is of another account than its variable.
    """
    own = account.upper()
    connection, signature, any_connection, any_signature = (
        environ.get(name, "").strip()  # of line ends, which files of secrets have
        for name in (f"{_CONNECTION}_{own}", f"{_SIGNATURE}_{own}", _CONNECTION, _SIGNATURE)
    )
    if connection:
        if _account_of(connection) != account:
            raise ConfigurationError(
                f"the connection string in {_CONNECTION}_{own} is of another account",
                advice=f"copy the one of {account}: its AccountName, or its BlobEndpoint, has that name",
            )
        return Access(account, connection)
    if signature:
        return Access(account, signature=signature)
    if any_connection and _account_of(any_connection) == account:
        return Access(account, any_connection)
    if environ.get("AZURE_STORAGE_ACCOUNT", account) == account:
        return Access(account, signature=any_signature)
    return Access(account)


def _moment(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None  # the service says what it thinks of it
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _account_of(connection: str) -> str:
    settings = _settings(connection)
    if settings.get("usedevelopmentstorage") == "true":
        return "devstoreaccount1"
    endpoint = urlsplit(settings.get("blobendpoint", ""))
    host = endpoint.hostname or ""
    at_root = endpoint.path.strip("/") == ""
    return settings.get("accountname") or (host.partition(".")[0] if at_root else endpoint.path.strip("/"))


def _settings(connection: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in connection.split(";") if pair.strip()]
    if not all(separator for _, separator, _ in pairs):
        raise ConfigurationError(
            f"{_CONNECTION}, or the same for one account, holds no connection string",
            advice="copy it from the storage account's page: Name=value;Name=value;...",
        )
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
