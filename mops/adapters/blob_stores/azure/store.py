"""The store: keys become names of blobs, and what the service says becomes the errors of the port."""

import os
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import BlobClient, ContainerClient

from mops.adapters.blob_stores.azure.access import access_to
from mops.adapters.blob_stores.azure.clients import client_of
from mops.adapters.blob_stores.azure.errors import ABSENT, FOLDER, let_go, means, store_error
from mops.adapters.blob_stores.azure.listing import list_blobs
from mops.adapters.blob_stores.azure.place import Place
from mops.adapters.blob_stores.azure.reading import deliver, is_folder, properties, read
from mops.adapters.blob_stores.azure.writing import Write
from mops.adapters.probing import probe
from mops.core.blob_key import check_key
from mops.core.errors import StoreError
from mops.core.ports.blob_store import BlobInfo, BlobStore, Buffer, SupportsExpiry, SupportsFiles, SupportsProbe
from mops.core.ports.transfers import Advance

Result = TypeVar("Result")


class AzureBlobStore(BlobStore, SupportsFiles, SupportsProbe, SupportsExpiry):
    """A blob store under a prefix of a container, which has to exist.

    What it is opened with is no part of the store, and is looked for in the environment when it is used: see
    ``access.py``. So another process that is given the store, or its URI, has to find it in its own.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._uri = place.uri

    @property
    def uri(self) -> str:
        """``adls://account/container/prefix``, however the root was spelled."""
        return self._uri

    def get(self, key: str, /) -> Buffer | None:
        """As the port says; one request up to 4 MiB, ranges in parallel above."""
        return self._ask("read", key, read)

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        """As the port says; one request up to 4 MiB, blocks in parallel above."""
        return self._ask("create", key, lambda blob: Write(blob, self._uri_of(key)).put(parts))

    def put(self, key: str, /, *parts: Buffer) -> None:
        """As the port says."""
        self._ask("replace", key, lambda blob: Write(blob, self._uri_of(key), replacing=True).put(parts))

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        """As the port says; 5,000 blobs a request, and in memory as a whole where there are directories."""
        uri = self._uri_of(prefix)
        found = list_blobs(self._container(), self._place.prefix, prefix, after)
        while (info := _translated(lambda: next(found, None), "list", uri)) is not None:
            yield info

    def delete(self, key: str, /) -> None:
        """As the port says; with its snapshots. Directories stay."""
        self._ask("delete", key, _delete)

    def put_file_if_absent(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """As the port says; what is sent was hashed, and less than 32 MiB of it are in memory."""
        return self._ask("create", key, lambda blob: Write(blob, self._uri_of(key)).put_file(path, digest, advance))

    def get_file(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """As the port says, with as little memory."""
        return self._ask("read", key, lambda blob: deliver(blob, path, digest, self._uri_of(key), advance))

    def file_size(self, key: str, /) -> int | None:
        """As the port says."""
        found = self._ask("look at", key, properties)
        return None if found is None or is_folder(found.metadata) else int(found.size)

    def probe(self) -> None:
        """As the port says; warns if the service keeps what is replaced or removed, as heartbeats are all the time."""
        from mops.adapters.blob_stores.azure.keeping import what_is_kept

        probe(self)
        key = f"mops1/probe/{os.urandom(16).hex()}"
        name = self._place.prefix + key
        kept = _translated(lambda: what_is_kept(self._container(), name), "probe", self._uri_of(key))
        if kept:
            warnings.warn(f"{self._uri}: {kept}", stacklevel=2)

    @property
    def expires(self) -> float | None:
        """As the port says: when the shared access signature ends."""
        return access_to(self._place.account, os.environ).expires

    def _ask(self, verb: str, key: str, operation: Callable[[BlobClient], Result]) -> Result:
        check_key(key)
        blob = client_of(self._place.account).get_blob_client(self._place.container, self._place.prefix + key)
        return _translated(lambda: operation(blob), verb, self._uri_of(key))

    def _container(self) -> ContainerClient:
        return client_of(self._place.account).get_container_client(self._place.container)

    def _uri_of(self, key: str) -> str:
        return f"{self._uri}/{key}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AzureBlobStore) and other._place == self._place

    def __hash__(self) -> int:
        return hash((AzureBlobStore, self._place))

    def __reduce__(self) -> tuple[type["AzureBlobStore"], tuple[Place]]:
        return AzureBlobStore, (self._place,)

    def __repr__(self) -> str:
        return f"AzureBlobStore({self._uri!r})"


def _delete(blob: BlobClient) -> None:
    try:
        blob.delete_blob(delete_snapshots="include")
    except HttpResponseError as error:
        if not means(error, ABSENT | FOLDER):
            raise


def _translated(operation: Callable[[], Result], verb: str, uri: str) -> Result:
    """Do it, and raise the errors of the port, which do not lead to those of the SDK: they repeat secrets of a URL."""
    try:
        return operation()
    except StoreError:
        raise
    except (AzureError, ValueError) as error:  # the latter where something else answers in the name of the service
        failure = store_error(error, verb, uri)
        let_go(error)
    try:
        raise failure
    finally:
        del failure  # whose traceback knows this frame
