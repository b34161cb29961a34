"""The store: keys become the names of objects, and what the service answers the results of the port."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Final

from blake3 import blake3

from mops.adapters.blob_stores.object_store.address import address_of
from mops.adapters.blob_stores.object_store.client import Client, Place, client_for
from mops.adapters.blob_stores.object_store.listing import folder_of, start_of
from mops.adapters.blob_stores.object_store.reading import Found, Replaced, find, size_of
from mops.adapters.blob_stores.object_store.refusals import Refusal
from mops.adapters.blob_stores.object_store.writing import (
    PAUSES,
    SINGLE,
    create,
    create_in_parts,
    in_steps,
    pause,
    replace,
)
from mops.adapters.files.copying import UnreadableSource, hashed_pieces, source
from mops.adapters.files.delivery import delivery
from mops.adapters.files.drafts import write
from mops.adapters.files.reading import regular
from mops.adapters.probing import probe
from mops.core.blob_key import check_key, is_key
from mops.core.canonical.leaves import content_digest
from mops.core.errors import CorruptBlob, FileChanged, StoreUnavailable
from mops.core.ports.blob_store import BlobInfo, BlobStore, Buffer, SupportsFiles, SupportsProbe
from mops.core.ports.transfers import Advance

_FILE_AT_ONCE: Final = 8 << 20  # bytes
_STEP: Final = 1 << 20  # bytes of a file that are read at once


class ObjectBlobStore(BlobStore, SupportsFiles, SupportsProbe):
    """A blob store in one bucket of an object store, below a prefix.

    Every operation is a request, or several: it costs what the service takes for one, and the way to it and back.
    Blobs of more than 32 MiB, and files of more than 8, are uploaded in parts below ``<root>/~tmp/``, and copied to
    their name by the service; a process that is killed meanwhile leaves them there. A service that is not known to keep
    conditions is put to the test before the first creation of a process. Thread safe; a forked child makes clients of
    its own.

    Args:
        uri: ``s3://bucket/prefix``, ``gs://bucket/prefix``, or ``az://account/container/prefix``.

    Raises:
        ConfigurationError: it is none of these.
    """

    def __init__(self, uri: str) -> None:
        self._address = address_of(uri)
        self._uri = self._address.uri
        self._known: tuple[int, Client] | None = None

    @property
    def uri(self) -> str:
        """As it was given, without a slash at the end."""
        return self._uri

    def get(self, key: str, /) -> Buffer | None:
        """As the port says; in ranges of one version, several at once, where it is large."""
        place = self._place(key)
        for attempt in range(len(PAUSES)):
            found = find(place)
            try:
                return None if found is None else found.whole()
            except Replaced:
                pause(attempt)
        raise _unsteady(place)

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        """As the port says; what stands is read back where the service refuses, or does not answer."""
        place = self._place(key)
        size = sum(map(len, parts))
        if size <= SINGLE:
            return create(place, parts)
        return size_of(place) is None and create_in_parts(place, size, in_steps(parts), lambda: content_digest(*parts))

    def put(self, key: str, /, *parts: Buffer) -> None:
        """As the port says."""
        replace(self._place(key), parts)

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        """As the port says; a request tells a thousand blobs."""
        folder = folder_of(prefix)
        if folder is None:
            return
        root, client = self._address.prefix, self._client
        what, start = Place(client, self._address, prefix), start_of(prefix, after)
        pages = client.library.do.list(
            client.control, (root + folder).rstrip("/") or None, offset=root + start if start else None
        )
        while (page := what.ask("list", lambda: next(pages, None))) is not None:
            if isinstance(page, Refusal):
                raise StoreUnavailable(f"cannot list {what.uri}: the listing broke off")
            for found in page:
                key = found["path"].removeprefix(root)
                if not key.startswith(prefix):
                    if key > prefix:
                        return  # all that follow sort behind the prefix as well
                elif key > after and is_key(key):
                    yield BlobInfo(key, found["size"], found["last_modified"].timestamp())

    def delete(self, key: str, /) -> None:
        """As the port says; asked for again where no answer comes, as the library does with other requests."""
        place = self._place(key)
        delete = partial(place.client.library.do.delete, place.client.control, place.name)
        try:
            place.ask("delete", delete)
        except StoreUnavailable:
            place.ask("delete", delete)

    def put_file_if_absent(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """As the port says; what is sent is hashed on its way."""
        place = self._place(key)
        if size_of(place) is not None:
            return False
        try:
            with source(path) as fd:
                size = regular(os.fstat(fd)).st_size
                content = hashed_pieces(fd, path, size, _STEP, digest, advance)
                if size <= _FILE_AT_ONCE:
                    return create(place, [*content])
                return create_in_parts(place, size, content, lambda: digest)
        except UnreadableSource as error:
            raise FileChanged.told_by(path, error.reason) from error.reason

    def get_file(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """As the port says; in ranges of one version, several at once, where it is large."""
        place = self._place(key)
        for attempt in range(len(PAUSES)):
            found = find(place)
            if found is None:
                return False
            try:
                with delivery(path) as (fd, _):
                    if _written(found, fd, advance) != digest:
                        raise CorruptBlob(f"{place.uri} does not hold the bytes of its digest {digest.hex()}")
            except Replaced:
                pause(attempt)
            else:
                return True
        raise _unsteady(place)

    def file_size(self, key: str, /) -> int | None:
        """As the port says."""
        return size_of(self._place(key))

    def probe(self) -> None:
        """As the port says."""
        probe(self)

    def _place(self, key: str) -> Place:
        check_key(key)
        return Place(self._client, self._address, key)

    @property
    def _client(self) -> Client:
        known, process = self._known, os.getpid()
        if known is None or known[0] != process:
            known = self._known = process, client_for(self._address)
        return known[1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectBlobStore) and other._uri == self._uri

    def __hash__(self) -> int:
        return hash((ObjectBlobStore, self._uri))

    def __reduce__(self) -> tuple[type["ObjectBlobStore"], tuple[str]]:
        return ObjectBlobStore, (self._uri,)

    def __repr__(self) -> str:
        return f"ObjectBlobStore({self._uri!r})"


def _written(found: Found, fd: int, advance: Advance | None) -> bytes:
    """Write an object to a file; its digest."""
    hasher = blake3()
    for piece in found.pieces():
        hasher.update(piece)
        write(fd, [piece], advance)
    return bytes(hasher.digest())


def _unsteady(place: Place) -> StoreUnavailable:
    return StoreUnavailable(f"cannot read {place.uri}: it was replaced again and again meanwhile")
