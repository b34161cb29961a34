"""The clients of this process, one an account; a forked child makes its own."""

import logging
import os
import re
import threading
from typing import Any, Final

from azure.storage.blob import BlobServiceClient

from mops.adapters.blob_stores.azure.access import Access, access_to
from mops.adapters.blob_stores.azure.retrying import Retrying
from mops.adapters.blob_stores.azure.transport import Transport
from mops.adapters.unforked import UNFORKED

SINGLE: Final = 4 << 20
"""Bytes up to which a blob is written, or read, by one request."""

_SIGNED: Final = re.compile(r"(?i)(\bsig=|AccountKey=)[^&;\s'\")]+")


class _Process:
    """The clients and the credential of this process."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.lock = threading.Lock()
        self.clients: dict[Access, BlobServiceClient] = {}
        self.credential: Any = None


_process = _Process()
os.register_at_fork(after_in_child=_process.begin)


def client_of(account: str) -> BlobServiceClient:
    """The client of an account, as the environment says now that it is reached. Does no I/O.

    Raises:
        ConfigurationError: what the environment says cannot be meant.
        ImportError: the SDK for credentials is not installed.
    """
    access = access_to(account, os.environ)
    client = _process.clients.get(access)
    if client is None:
        with _process.lock:
            client = _process.clients.get(access) or _process.clients.setdefault(access, _client(access))
    return client


def redacted(text: str) -> str:
    """A text without the secrets that a URL or a connection string in it may have."""
    return _SIGNED.sub(r"\1...", text)


def _client(access: Access) -> BlobServiceClient:
    options: dict[str, Any] = {
        "transport": Transport(),
        "retry_policy": Retrying(),
        "max_single_put_size": SINGLE,
        "max_single_get_size": SINGLE,
        "max_chunk_get_size": SINGLE,
    }
    if access.connection:
        _keep_secrets_out_of_logs()
        return BlobServiceClient.from_connection_string(access.connection, **options)
    url = f"https://{access.account}.blob.core.windows.net"
    if access.signature:
        _keep_secrets_out_of_logs()
        return BlobServiceClient(f"{url}?{access.signature.removeprefix('?')}", **options)
    return BlobServiceClient(url, _credential(), **options)


def _credential() -> Any:
    """Who this process is; asked when the first request needs a token."""
    if _process.credential is None:
        with UNFORKED:
            from azure.identity import DefaultAzureCredential  # takes half a second, which signatures need not wait for

        _process.credential = DefaultAzureCredential()
    return _process.credential


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
