"""Reading blobs: in one request where they are small, else in ranges of the one blob that the first request met."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, BlobProperties, StorageStreamDownloader
from blake3 import blake3

from mops.adapters.blob_stores.azure.clients import AT_ONCE, PIECE
from mops.adapters.blob_stores.azure.errors import ABSENT, REPLACED, means
from mops.adapters.files.delivery import delivery
from mops.adapters.files.drafts import reserve, write
from mops.adapters.pieces import in_order
from mops.core.errors import CorruptBlob
from mops.core.ports.blob_store import Buffer
from mops.core.ports.transfers import Advance

Result = TypeVar("Result")

_ATTEMPTS: Final = 8


class _Begun(NamedTuple):
    """A blob of which the first bytes were read.

    Attributes:
        content: these.
        size: of the whole blob.
        etag: of the blob that they are of.
    """

    content: bytes
    size: int
    etag: str


def properties(blob: BlobClient) -> BlobProperties | None:
    """What the service knows of a blob; ``None`` if it is absent for certain."""
    try:
        found = blob.get_blob_properties()
    except HttpResponseError as error:
        if not means(error, ABSENT):
            raise
        return None
    return found


def is_folder(metadata: Any) -> bool:
    """Whether what looks like an empty blob is a directory of a hierarchical namespace."""
    return str((metadata or {}).get("hdi_isfolder", "")).lower() == "true"


def read(blob: BlobClient) -> Buffer | None:
    """Read a blob whole; ``None`` if it is absent for certain."""
    return _unless_replaced(lambda: _read(blob))


def deliver(blob: BlobClient, path: str, digest: bytes, uri: str, advance: Advance | None) -> bool:
    """Create or replace a file as a copy of a blob; ``False`` if that is absent for certain.

    Raises:
        CorruptBlob: the blob has another digest.
        OSError: the file cannot be created.
    """
    return _unless_replaced(lambda: _deliver(blob, path, digest, uri, advance))


def _read(blob: BlobClient) -> Buffer | None:
    begun = _begin(blob)
    if begun is None or len(begun.content) == begun.size:
        return None if begun is None else begun.content
    whole = memoryview(bytearray(begun.size))
    at = 0
    for content in _contents(blob, begun):
        whole[at : at + len(content)] = content
        at += len(content)
    return whole


def _deliver(blob: BlobClient, path: str, digest: bytes, uri: str, advance: Advance | None) -> bool:
    begun = _begin(blob)
    if begun is None:
        return False
    with delivery(path) as (fd, can_reserve):
        if can_reserve and begun.size:
            reserve(fd, begun.size)
        hasher = blake3()
        for content in _contents(blob, begun):
            write(fd, [content])
            hasher.update(content)
            if advance is not None:
                advance(len(content))
        if hasher.digest() != digest:
            raise CorruptBlob(f"{uri} does not hold the bytes of its digest {digest.hex()}")
    return True


def _begin(blob: BlobClient) -> _Begun | None:
    try:
        stream = blob.download_blob()  # no more than the first bytes, in one request
    except HttpResponseError as error:
        if not means(error, ABSENT):
            raise
        return None
    found = stream.properties
    if is_folder(found.metadata):
        return None
    return _Begun(_first_of(stream), stream.size, str(found.etag))


def _first_of(stream: StorageStreamDownloader[bytes]) -> bytes:
    """What the first request brought: it is there already, and ``readall()`` would copy it twice."""
    return next(stream.chunks(), b"")


def _contents(blob: BlobClient, begun: _Begun) -> Iterator[bytes]:
    """The bytes of a blob one after the other, the ranges that are still missing by several requests at once."""

    def range_at(offset: int) -> bytes:
        length = min(PIECE, begun.size - offset)
        return _first_of(
            blob.download_blob(offset, length, etag=begun.etag, match_condition=MatchConditions.IfNotModified)
        )

    yield begun.content
    yield from in_order(range_at, range(len(begun.content), begun.size, PIECE), AT_ONCE)


def _unless_replaced(operation: Callable[[], Result]) -> Result:
    """Do it, and again if the blob was replaced or removed meanwhile."""
    for _ in range(_ATTEMPTS):
        try:
            return operation()
        except HttpResponseError as error:
            if not means(error, REPLACED | ABSENT):
                raise
    return operation()
