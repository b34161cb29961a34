"""Clients of one bucket: how long they wait, how often they try again, and what came of a request.

Credentials are what the library finds in the environment of the process. Its clients are made at the first request, are
shared by all stores of one bucket, and are not inherited by forked children.
"""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from mops.adapters.blob_stores.object_store.address import SCHEMES, Address
from mops.adapters.blob_stores.object_store.library import Library, library
from mops.adapters.blob_stores.object_store.refusals import Refusal, refusal_of
from mops.adapters.unforked import UNFORKED
from mops.core.errors import ConfigurationError, StoreDenied

Answer = TypeVar("Answer")

_RETRIES: Final = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}
"""Jittered, after connection errors, 408, 429 and 5xx; whoever needs more patience asks again."""
_CONTROL: Final = {"connect_timeout": "5s", "read_timeout": "10s", "timeout": "60s"}
_BULK: Final = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "300s"}
"""A read begins with the request: within it, a whole part has to go out."""
_SETTINGS: Final = ("AWS_", "GOOGLE_", "AZUR")
_ENDPOINTS: Final = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "AZURITE_BLOB_STORAGE_URL"),
}
_CLASSES: Final = {"s3": "S3Store", "gs": "GCSStore", "az": "AzureStore"}
_KEPT: Final = re.compile(
    r"(?!.*\boutposts\b).*\.amazonaws\.com(\.cn)?|.*\.googleapis\.com|.*\.blob\.core\.windows\.net", re.ASCII
)
"""Hosts of services that are known to keep conditions; those on the premises of others are put to the test."""

_clients: Final[dict[tuple[object, ...], "Client"]] = {}


class Client(NamedTuple):
    """What talks to one bucket, from this process. Thread safe.

    Attributes:
        library: of this process.
        control: for small blobs: a request that hangs is given up soon.
        bulk: for large ones.
        scheme: of its address.
        proven: what this service was seen to keep; all at once for those that are known.
    """

    library: Library
    control: Any
    bulk: Any
    scheme: str
    proven: set[str]

    def ask(self, what: str, request: Callable[[], Answer]) -> Answer | Refusal:
        """Make a request.

        Args:
            what: could not be done, if it fails.
            request: is called once; may raise what is no error of the library too.

        Raises:
            StoreError: as the service says.
        """
        try:
            return request()
        except (self.library.errors.BaseError, FileNotFoundError, NotImplementedError) as error:
            answer = refusal_of(error, type(error).__name__, self.scheme, what)
        if isinstance(answer, Refusal):
            return answer
        raise answer  # outside of the handler: the library's own words are nobody's context

    def __repr__(self) -> str:
        return f"Client({self.scheme!r})"  # the library's clients show how they are set up

    @property
    def service(self) -> str:
        """Where the environment says that the service is, without a password; empty for the service's own place."""
        scheme, separator, place = _endpoint(self.scheme).partition("://")
        return scheme + separator + place.rpartition("@")[2]


class Place(NamedTuple):
    """One object, or none.

    Attributes:
        client: of its bucket.
        address: of the root that it is under.
        key: below the root; or another text, which is no key of a blob.
    """

    client: Client
    address: Address
    key: str

    @property
    def name(self) -> str:
        """Of the object, in its bucket."""
        return self.address.prefix + self.key

    @property
    def uri(self) -> str:
        """For people."""
        return f"{self.address.uri}/{self.key}"

    def ask(self, verb: str, request: Callable[[], Answer]) -> Answer | Refusal:
        """As ``Client.ask``, in words of this place."""
        return self.client.ask(f"cannot {verb} {self.uri}", request)

    def at(self, key: str) -> "Place":
        """Another place under the same root."""
        return self._replace(key=key)

    def beside(self) -> "Place":
        """A new place where no blob can be."""
        return self.at("~tmp/" + os.urandom(16).hex())


def client_for(address: Address) -> Client:
    """The client of a bucket, as the environment of this process says now. Does no I/O but to read key files.

    Raises:
        ConfigurationError: the environment names a service by no URL.
        StoreDenied: the environment says nothing that makes one.
    """
    environment = frozenset((name, os.environ[name]) for name in os.environ if name.startswith(_SETTINGS))
    key = (os.getpid(), address[:3], hash(environment))
    known = _clients.get(key)
    if known is None:
        with UNFORKED:
            known = _clients.get(key) or _made(address)
            _clients[key] = known
    return known


def _made(address: Address) -> Client:
    _check_endpoint(address.scheme)
    current = library()
    try:
        control, bulk = (_client(current, address, timeouts) for timeouts in (_CONTROL, _BULK))
    except (current.errors.BaseError, FileNotFoundError, ValueError):
        control = bulk = None
    if control is None:  # outside of the handler: what the library says may hold what it was told
        raise StoreDenied(
            f"{address.uri}: the settings in the environment of this process do not make a client",
            advice=f"check the variables {_SETTINGS[SCHEMES.index(address.scheme)]}*, and in an image of a container "
            "that it has CA certificates: apt-get install ca-certificates",
        )
    host = urlsplit(_endpoint(address.scheme)).hostname or ""
    known = not host or _KEPT.fullmatch(host)
    return Client(current, control, bulk, address.scheme, {"put", "copy"} if known else set())


def _client(current: Library, address: Address, timeouts: dict[str, str]) -> Any:
    endpoint = _endpoint(address.scheme)
    options: dict[str, Any] = {
        "client_options": {**timeouts, "allow_http": endpoint.startswith("http://")},
        "retry_config": _RETRIES,
    }
    if address.scheme == "az":
        options["account_name"] = address.account
    if address.scheme == "s3":
        if endpoint:
            options["endpoint"] = endpoint  # of several variables, the library takes whichever comes last
        options["disable_bulk_delete"] = True  # which removes one object by two more headers and a document
        if "AWS_COPY_IF_NOT_EXISTS" not in os.environ:
            options["copy_if_not_exists"] = "multipart"
    return getattr(current.clients, _CLASSES[address.scheme])(address.bucket, **options)


def _endpoint(scheme: str) -> str:
    return next((os.environ[name] for name in _ENDPOINTS[scheme] if os.environ.get(name)), "")


def _check_endpoint(scheme: str) -> None:
    name = next((name for name in _ENDPOINTS[scheme] if os.environ.get(name)), "")
    if name and not re.fullmatch(r"https?://[^\s/].*", os.environ[name]):  # the library would panic
        raise ConfigurationError(f"{name} is no address of a service", advice="let it begin with http:// or https://")
