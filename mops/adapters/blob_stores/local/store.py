"""The store: keys become paths, and what the operating system says becomes the errors of the port."""

import os
from collections.abc import Callable, Iterator
from typing import NoReturn

from mops.adapters.blob_stores.local.files import Files
from mops.adapters.files.drafts import close
from mops.adapters.files.reading import OPENING, read, regular
from mops.adapters.unforked import UNFORKED
from mops.core.blob_key import check_key
from mops.core.ports.blob_store import (
    BlobInfo,
    BlobStore,
    Buffer,
    SupportsContent,
    SupportsFiles,
    SupportsProbe,
    SupportsSync,
)
from mops.core.ports.transfers import Advance

_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"


class LocalBlobStore(BlobStore, SupportsContent, SupportsFiles, SupportsSync, SupportsProbe):
    """A blob store in one directory.

    A root that does not exist is an empty store; the first write makes it, for its owner alone. A relative root is
    taken from the working directory of now. Only ``sync`` survives a power failure; the death of a process loses
    nothing that was written, and leaves one temporary file under ``~tmp`` (three where the file system knows no
    nameless files), which the next process that replaces a blob removes. Blobs have the permissions that the umask
    leaves.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        self._prefix = os.path.join(self._root, "")
        self._uri = f"file://{_percent_encoded(self._root)}"
        self._files = Files(self._root)
        self._has_synced_ancestors = False

    @property
    def uri(self) -> str:
        """``file://`` and the absolute path, percent-encoded."""
        return self._uri

    def get(self, key: str, /) -> Buffer | None:
        """As the port says; from 4 MiB on, on a local file system, a copy-on-write map."""
        check_key(key)
        try:
            fd = os.open(self._prefix + key, OPENING)
            try:
                return read(fd)
            finally:
                close(fd)
        except OSError as error:
            self._absent(error, "read", key)
            return None

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        """As the port says."""
        check_key(key)
        try:
            return self._files.create(self._prefix + key, parts)
        except OSError as error:
            self._fail(error, "create", key)

    def put(self, key: str, /, *parts: Buffer) -> None:
        """As the port says; puts of one process wait for each other."""
        check_key(key)
        try:
            self._files.replace(self._prefix + key, parts)
        except OSError as error:
            self._fail(error, "replace", key)

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        """As the port says; reads one directory at a time."""
        from mops.adapters.blob_stores.local.listing import list_files

        try:
            yield from list_files(self._root, prefix, after)
        except OSError as error:
            self._fail(error, "list", prefix)

    def delete(self, key: str, /) -> None:
        """As the port says; the directories stay."""
        check_key(key)
        try:
            os.unlink(self._prefix + key)
        except OSError as error:
            if not os.path.isdir(self._prefix + key):  # for which systems have different errors
                self._absent(error, "delete", key)

    def put_content(
        self, key_of: Callable[[bytes], str], /, *parts: Buffer, advance: Callable[[int], None] | None = None
    ) -> bytes:
        """As the port says; a second thread hashes while this one writes."""
        from mops.adapters.blob_stores.local.content import put_content

        key = ""

        def path_of(digest: bytes) -> str:
            nonlocal key
            key = key_of(digest)
            check_key(key)
            return self._prefix + key

        try:
            return put_content(self._files, path_of, parts, advance)
        except OSError as error:
            self._fail(error, "store content under", key)

    def get_content(self, key: str, digest: bytes, /, *, advance: Callable[[int], None] | None = None) -> Buffer | None:
        """As the port says; a mapped file is hashed once a process while it stands unchanged, all else always."""
        from mops.adapters.files.verifying import read_verified

        check_key(key)
        try:
            content = read_verified(self._prefix + key, digest, advance)
        except OSError as error:
            self._absent(error, "read", key)
            return None
        if content is None:
            from mops.core.errors import CorruptBlob

            raise CorruptBlob(f"{self._uri_of(key)} does not hold the bytes of its digest {digest.hex()}")
        return content

    def put_file_if_absent(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """As the port says; a clone where the file system shares blocks, else a thread hashes what this one copies."""
        from mops.adapters.blob_stores.local.whole_files import put_file

        check_key(key)
        try:
            return put_file(self._files, self._prefix + key, path, digest, advance)
        except OSError as error:
            self._fail(error, "create", key)

    def get_file(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """As the port says, copying as ``put_file_if_absent`` does."""
        from mops.adapters.blob_stores.local.whole_files import get_file
        from mops.adapters.files.copying import UnreadableSource

        check_key(key)
        try:
            get_file(self._prefix + key, path, digest, self._uri_of(key), advance)
        except UnreadableSource as error:
            self._absent(error.reason, "read", key)
            return False
        return True

    def file_size(self, key: str, /) -> int | None:
        """As the port says."""
        check_key(key)
        try:
            return regular(os.stat(self._prefix + key)).st_size
        except OSError as error:
            self._absent(error, "look at", key)
            return None

    def sync(self, key: str, /) -> None:
        """As the port says; flushes the directories too, once a store those above the root."""
        from mops.adapters.blob_stores.local.syncing import sync_ancestors, sync_file

        check_key(key)
        try:
            sync_file(self._prefix + key, self._root)
            if not self._has_synced_ancestors:
                sync_ancestors(self._root)
                self._has_synced_ancestors = True
        except OSError as error:
            self._fail(error, "sync", key)

    def probe(self) -> None:
        """As the port says."""
        from mops.adapters.probing import probe

        probe(self)

    def _absent(self, error: OSError, verb: str, key: str) -> None:
        """Return if the error means that there is no such blob."""
        if isinstance(error, FileNotFoundError | IsADirectoryError):
            return
        if isinstance(error, NotADirectoryError) and os.path.isdir(self._root):
            return
        self._fail(error, verb, key)

    def _fail(self, error: OSError, verb: str, key: str) -> NoReturn:
        with UNFORKED:
            from mops.adapters.blob_stores.local.errors import store_error

        raise store_error(error, verb, self._root, self._prefix + key, self._uri_of(key)) from error

    def _uri_of(self, key: str) -> str:
        return f"{self._uri.rstrip('/')}/{key}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalBlobStore) and other._root == self._root

    def __hash__(self) -> int:
        return hash((LocalBlobStore, self._root))

    def __reduce__(self) -> tuple[type["LocalBlobStore"], tuple[str]]:
        return LocalBlobStore, (self._root,)

    def __repr__(self) -> str:
        return f"LocalBlobStore({self._root!r})"


def _percent_encoded(path: str) -> str:
    raw = os.fsencode(path)
    if not raw.translate(None, _PLAIN):
        return path
    from urllib.parse import quote  # takes 3 ms to import, which few roots need

    return quote(raw)
