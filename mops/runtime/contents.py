"""What values have under ``blob/`` and ``out/`` of one store: large payloads and files, on their way there and back."""

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

from mops.core.blob_layout import content_key
from mops.core.canonical.leaves import content_digest
from mops.core.errors import CorruptBlob, StoreDenied, StoreError, StoreFull, StoreReadOnly, UnserializableError
from mops.core.files import LocalFile, StoredFile
from mops.core.ports.blob_store import BlobStore, Buffer, SupportsContent
from mops.runtime.file_transfer import file_size, get_file, put_file

if TYPE_CHECKING:
    from mops.core.ports.file_location import FileLocation
    from mops.core.ports.local_copies import LocalCopies
    from mops.core.ports.local_directories import LocalDirectories
    from mops.core.ports.transfers import Advance, Transfers


@final
class Contents:
    """Moves payloads and files. All methods may be called from any number of threads at once.

    Args:
        store: where they are stored.
        copies: where they lie on this machine.
        directories: makes what takes directories apart and builds them again; asked at the first one.
        locate: finds what an absolute URI names.
        transfers: is told of what takes time.
        cleans: damaged bytes are removed from the store.
    """

    def __init__(
        self,
        store: BlobStore,
        copies: "LocalCopies",
        directories: "Callable[[], LocalDirectories]",
        locate: "Callable[[str], FileLocation]",
        transfers: "Transfers",
        *,
        cleans: bool = True,
    ) -> None:
        self._store = store
        self._copies = copies
        self._directories = directories
        self._locate = locate
        self._transfers = transfers
        self._cleans = cleans

    # ------------------------------------------------------------------------------------------------ payloads
    def put_payload(self, parts: Sequence[Buffer]) -> bytes:
        """Store parts as one blob by content, and return their digest.

        Raises:
            StoreError: as the store does.
        """
        with self._transfers.begin("storing a value", sum(map(len, parts))) as advance:
            return self._put_parts(parts, advance)

    def get_payload(self, digest: bytes, size: int) -> Buffer | None:
        """The bytes of a digest: from a copy on this machine where that saves a transfer. ``None``: they are gone.

        Raises:
            CorruptBlob: the store has other bytes there, and nothing any more.
            StoreError: as the store does.
        """
        if self._copies.caches_content:
            file = StoredFile(content_key(digest), digest, size, "file", "")
            # What no disk of this machine has room for, its memory may have.
            with contextlib.suppress(StoreFull, StoreReadOnly, StoreDenied):
                return self._copies.content(digest, size, lambda path: self._write(file, path))
        with self._transfers.begin("fetching a value", size) as advance:
            return self._read(digest, advance)

    def _put_parts(self, parts: Sequence[Buffer], advance: "Advance | None") -> bytes:
        if isinstance(self._store, SupportsContent):
            return self._store.put_content(content_key, *parts, advance=advance)
        digest = content_digest(*parts)
        self._store.put_if_absent(content_key(digest), *parts)
        if advance is not None:
            advance(sum(map(len, parts)))
        return digest

    def _read(self, digest: bytes, advance: "Advance | None") -> Buffer | None:
        key = content_key(digest)
        try:
            if isinstance(self._store, SupportsContent):
                return self._store.get_content(key, digest, advance=advance)
            return self._read_and_hash(key, digest, advance)
        except CorruptBlob:
            self._drop(key)
            raise

    def _read_and_hash(self, key: str, digest: bytes, advance: "Advance | None") -> Buffer | None:
        data = self._store.get(key)
        if data is not None and content_digest(data) != digest:
            raise CorruptBlob(f"the digest of {key} does not match its bytes")
        if data is not None and advance is not None:
            advance(len(data))
        return data

    def _drop(self, key: str) -> None:
        """Remove damaged bytes: what is computed anew would find its name taken by them."""
        if self._cleans:
            with contextlib.suppress(StoreError):
                self._store.delete(key)

    # ------------------------------------------------------------------------------------------------ files
    def put(self, file: LocalFile, stored: Callable[[str], None]) -> StoredFile:
        """Store a file or directory, unless it is stored already.

        Args:
            file: what to store.
            stored: is given each key under the root that holds some of it now.

        Raises:
            FileChanged: it is not, or did not stay, what its digest says.
            UnserializableError: something else stands where it is to be stored.
            StoreError: as the store does.
        """
        if file.kind == "directory":
            return self._put_directory(file, stored)
        key = self._under_root(file.key or content_key(file.digest))
        with self._transfers.begin(f"storing {file.name}", file.size) as advance:
            if "://" in key:
                ours = self._locate(key).put(file.path, file.digest)
            else:
                ours = put_file(self._store, key, file.path, file.digest, advance=advance)
        if not ours and file.key:
            self._check_standing(key, file)
        if "://" not in key:
            stored(key)
        return StoredFile(key, file.digest, file.size, file.kind, file.name)

    def fetch(self, file: StoredFile) -> str | None:
        """The path of a read-only copy of a file or directory, of its final name. ``None`` where it is gone.

        Raises:
            CorruptBlob: it is not what was stored.
            StoreError: it cannot be had now.
        """
        if not self._copies.caches_content and self.find(file) is None:
            return None
        if file.kind == "directory":
            return self._copies.directory(file.digest, file.name, lambda path: self._build(file, path))
        return self._copies.file(file.digest, file.size, file.name, lambda path: self._write(file, path))

    def find(self, file: StoredFile) -> StoredFile | None:
        """A file as this root names it; ``None`` where it is gone. Of a directory, its manifest is looked for.

        Raises:
            StoreError: that cannot be known now.
        """
        root, key = self._store.uri, self._under_root(file.key)
        if "://" in key:
            root, size = "", self._locate(key).size()
        else:
            size = file_size(self._store, key)
        if size is None or (file.kind != "directory" and size != file.size):
            return None
        return StoredFile(key, file.digest, file.size, file.kind, file.name, root)

    def _put_directory(self, directory: LocalFile, stored: Callable[[str], None]) -> StoredFile:
        """Store a directory, as one transfer."""
        with self._transfers.begin(f"storing {directory.name}", None) as advance:

            def put_parts(parts: Sequence[Buffer]) -> bytes:
                digest = self._put_parts(parts, advance)
                stored(content_key(digest))
                return digest

            def put(path: str, digest: bytes, _size: int) -> None:
                put_file(self._store, content_key(digest), path, digest, advance=advance)
                stored(content_key(digest))

            digest, size = self._directories().store(directory, put_parts, put)
        return StoredFile(content_key(digest), digest, size, directory.kind, directory.name)

    def _build(self, directory: StoredFile, path: str) -> bool:
        """Write a directory, as one transfer."""
        with self._transfers.begin(f"fetching {directory.name}", directory.size) as advance:

            def get(path: str, digest: bytes, _size: int) -> bool:
                return self._get_file(content_key(digest), path, digest, advance)

            return self._directories().fetch(directory.digest, path, lambda digest: self._read(digest, advance), get)

    def _write(self, file: StoredFile, path: str) -> bool:
        with self._transfers.begin(f"fetching {file.name or 'a value'}", file.size) as advance:
            return self._get_file(file.key, path, file.digest, advance)

    def _get_file(self, key: str, path: str, digest: bytes, advance: "Advance | None") -> bool:
        try:
            return get_file(self._store, key, path, digest, advance=advance)
        except CorruptBlob:
            self._drop(key)
            raise

    def _under_root(self, key: str) -> str:
        """A key of this store, if that is what an absolute URI names."""
        return key.removeprefix(f"{self._store.uri}/")

    def _check_standing(self, key: str, file: LocalFile) -> None:
        uri = key if "://" in key else f"{self._store.uri}/{key}"
        if self._locate(uri).digest() != (file.digest, file.size):
            raise UnserializableError(
                f"{uri} holds something else than {file.path} already",
                advice="name another URI, or leave it out: files are never replaced",
            )
