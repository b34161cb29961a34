"""A file in a blob store, as the place that its URI names."""

from typing import final

from mops.core.canonical.leaves import content_digest
from mops.core.ports.blob_store import BlobStore
from mops.core.ports.file_location import FileLocation
from mops.runtime.file_transfer import file_size, put_file


@final
class FileInStore(FileLocation):
    """A blob that is a file.

    Args:
        store: the store.
        key: of the blob.
    """

    __slots__ = ("_key", "_store")

    def __init__(self, store: BlobStore, key: str) -> None:
        self._store = store
        self._key = key

    def size(self) -> int | None:
        """See the port."""
        return file_size(self._store, self._key)

    def digest(self) -> tuple[bytes, int] | None:
        """See the port."""
        data = self._store.get(self._key)
        return None if data is None else (content_digest(data), len(data))

    def put(self, path: str, digest: bytes, /) -> bool:
        """See the port."""
        return put_file(self._store, self._key, path, digest)
