"""What sends the requests of the SDK: with connections for all threads, a timeout on each, and little memory."""

from collections.abc import Iterator
from typing import Any, Final
from weakref import ref

from azure.core.exceptions import AzureError, ServiceRequestError
from azure.core.pipeline.transport import RequestsTransport
from requests import Session
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidURL

from mops.adapters.blob_stores.azure.retrying import CONNECTING, READING

_CONNECTIONS: Final = 64
"""Connections to an account that are kept: what many threads use at once is not opened anew each time."""
_READ_AT_ONCE: Final = 256 << 10  # bytes of an answer


class Transport(RequestsTransport):  # type: ignore[misc] # a class with a lazy import
    """The transport of one account."""

    def __init__(self) -> None:
        session = Session()
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=_CONNECTIONS))
        super().__init__(
            session=session,
            connection_timeout=CONNECTING,
            read_timeout=READING,
            connection_data_block_size=_READ_AT_ONCE,
        )

    def send(self, request: Any, **options: Any) -> Any:
        """See the SDK; it lets through what a wrong environment leads to, and repeats passwords of proxies."""
        try:
            response = super().send(request, **options)
        except OSError as error:
            raise ServiceRequestError(str(error)) from error  # no certificates where they should be
        except (AzureError, TypeError, ValueError) as error:
            if isinstance(error, AzureError) and not isinstance(error.inner_exception, InvalidURL):
                raise
            raise ServiceRequestError("HTTP_PROXY or HTTPS_PROXY is no address of a proxy") from None
        if options.get("stream"):
            known = ref(response)  # no cycle: who drops an answer closes its connection
            begin = response.stream_download.__func__
            response.stream_download = lambda *args, **more: _Content(begin(known(), *args, **more))
        return response


class _Content:
    """The content of an answer, bit by bit.

    The SDK makes a list of the bits, and Python reserves room for as many as the SDK says that there are: it says how
    many bytes, which makes eight bytes of memory for each. This one does not say.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
