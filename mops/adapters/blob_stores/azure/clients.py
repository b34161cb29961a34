"""The clients of this process, one an account; a forked child makes its own."""

import base64
import logging
import os
import re
import threading
from typing import Any, Final

from azure.storage.blob import BlobServiceClient

from mops.adapters.blob_stores.azure.access import Access, access_to
from mops.adapters.blob_stores.azure.identity import Identity
from mops.adapters.blob_stores.azure.retrying import Retrying
from mops.adapters.blob_stores.azure.transport import Transport
from mops.core.errors import ConfigurationError

SINGLE: Final = 4 << 20
"""Bytes up to which a blob is written, or read, by one request."""
PIECE: Final = 2 << 20
"""Bytes of a piece of more: enough for a request of its own, and so few that all on their way take little memory."""
AT_ONCE: Final = 8
"""Pieces of one blob on their way at once."""

_SIGNED: Final = re.compile(r"(?i)(\bsig=|AccountKey=)[^&;\s'\")]+")
_PASSWORD: Final = re.compile(r"://[^\s'\"]*@")  # of a proxy, and whatever of it is no part of a URL

_REQUESTS: Final = logging.getLogger("mops.azure.requests")
"""To whom the SDK tells the headers of every request, at ``INFO``: who wants to hear of calls does not want these."""
_REQUESTS.setLevel(_REQUESTS.level or logging.WARNING)


class _Process:
    """The clients and the identity of this process."""

    def __init__(self) -> None:
        self.inherited: list[Any] = []
        self._begin()

    def begin_anew(self) -> None:
        # Never let go: what ends the parent's connections waits for locks that a thread of the parent may have held.
        self.inherited.append((self.clients, self.identity))
        self._begin()

    def _begin(self) -> None:
        self.lock = threading.Lock()
        self.clients: dict[Access, BlobServiceClient] = {}
        self.identity = Identity()


_process = _Process()
os.register_at_fork(after_in_child=_process.begin_anew)


def client_of(account: str) -> BlobServiceClient:
    """The client of an account, as the environment says now that it is reached. Does no I/O.

    Raises:
        ConfigurationError: what the environment says cannot be meant.
    """
    access = access_to(account, os.environ)
    client = _process.clients.get(access)
    if client is None:
        with _process.lock:
            client = _process.clients.get(access) or _process.clients.setdefault(access, _client(access))
    return client


def redacted(text: str) -> str:
    """A text without the secrets that a URL or a connection string in it may have."""
    return _PASSWORD.sub("://...@", _SIGNED.sub(r"\1...", text))


def _client(access: Access) -> BlobServiceClient:
    options: dict[str, Any] = {
        "transport": Transport(),
        "retry_policy": Retrying(),
        "max_single_put_size": SINGLE,
        "max_single_get_size": SINGLE,
        "max_chunk_get_size": SINGLE,
        "logger": _REQUESTS,
    }
    _keep_secrets_out_of_logs()
    identity = None if access.has_secret else _process.identity
    if access.connection:
        _check_key(access)
        plain = ";".join(f"{name}={value}" for name, value in access.settings.items())
        return BlobServiceClient.from_connection_string(plain, identity, **options)
    url = f"https://{access.account}.blob.core.windows.net"
    if access.signature:
        return BlobServiceClient(f"{url}?{access.signature.removeprefix('?')}", **options)
    return BlobServiceClient(url, identity, **options)


def _check_key(access: Access) -> None:
    try:
        base64.b64decode(access.settings.get("accountkey", ""), validate=True)
    except ValueError:
        raise ConfigurationError(
            f"the AccountKey in the connection string of {access.account} is no key: it is not base64",
            advice="copy the connection string anew from the storage account's page",
        ) from None


class _Redacting(logging.Filter):
    """Removes signatures from what the HTTP library logs: it knows no secret in a URL."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if redacted(text) != text:
            record.msg, record.args = redacted(text), None
        return True


_REDACTING: Final = _Redacting()


def _keep_secrets_out_of_logs() -> None:
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_REDACTING)  # which does nothing the second time
