"""Files on their way to and from any store: streamed where it supports files, else through its blobs.

Through blobs, a file is held in memory whole.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from blake3 import blake3

from mops.core.blob_layout import content_key
from mops.core.canonical.leaves import content_digest
from mops.core.errors import CorruptBlob, FileChanged
from mops.core.ports.blob_store import BlobStore, Buffer, SupportsFiles
from mops.core.ports.transfers import Advance

_CHUNK: Final = 1 << 20
_OPENING: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY  # nobody waits for the other end of a named pipe


def put_file(store: BlobStore, key: str, path: str, digest: bytes, *, advance: Advance | None = None) -> bool:
    """Store a file under a key, unless a blob stands there.

    A blob of another size under the key of the file's own content is damaged, and is replaced.

    Returns:
        Whether this call stored it.

    Raises:
        FileChanged: the file has another digest, has gone, or cannot be read.
        StoreError: as the store does.
    """
    if _put(store, key, path, digest, advance):
        return True
    if key != content_key(digest) or not _is_damaged(store, key, path, digest):
        return False
    store.delete(key)  # or the name would be taken by the damaged bytes for ever
    return _put(store, key, path, digest, advance)


def get_file(store: BlobStore, key: str, path: str, digest: bytes, *, advance: Advance | None = None) -> bool:
    """Write a blob to a local file, whose directory exists, and which nobody sees before it is complete.

    Returns:
        ``False`` if the blob is absent for certain.

    Raises:
        CorruptBlob: the blob has another digest; nothing was written.
        OSError: of the file system of the path; nothing was written.
        StoreError: as the store does.
    """
    if isinstance(store, SupportsFiles):
        return store.get_file(key, path, digest, advance=advance)
    data = store.get(key)
    if data is None:
        return False
    if content_digest(data) != digest:
        raise CorruptBlob(f"{store.uri}/{key} does not hold the bytes of its digest {digest.hex()}")
    _write_whole(path, data, advance)
    return True


def file_size(store: BlobStore, key: str) -> int | None:
    """The size of a blob in bytes; ``None`` if it is absent for certain.

    Raises:
        StoreError: as the store does.
    """
    if isinstance(store, SupportsFiles):
        return store.file_size(key)
    data = store.get(key)
    return None if data is None else len(data)


def _put(store: BlobStore, key: str, path: str, digest: bytes, advance: Advance | None) -> bool:
    if isinstance(store, SupportsFiles):
        return store.put_file_if_absent(key, path, digest, advance=advance)
    content = bytearray()
    for chunk in _chunks(path):
        content += chunk
    if content_digest(memoryview(content)) != digest:
        raise FileChanged.told_by(path)
    stored = store.put_if_absent(key, memoryview(content))
    if advance is not None:
        advance(len(content))
    return stored


def _is_damaged(store: BlobStore, key: str, path: str, digest: bytes) -> bool:
    """Whether what stands, or stood a moment ago, cannot be a file that is there and has the digest."""
    if file_size(store, key) == _size_of(path):
        return False
    hasher = blake3()
    try:
        for chunk in _chunks(path):
            hasher.update(chunk)
    except FileChanged:
        return False
    return hasher.digest() == digest


def _size_of(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def _chunks(path: str) -> Iterator[bytes]:
    """What a file consists of, no further than it reached in the beginning."""
    try:
        fd = os.open(path, _OPENING)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise FileChanged.told_by(path, "it is no regular file")
            left = status.st_size
            while left > 0 and (chunk := os.read(fd, min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk
        finally:
            os.close(fd)
    except OSError as error:
        raise FileChanged.told_by(path, error) from error


def _write_whole(path: str, data: Buffer, advance: Advance | None) -> None:
    """Create or replace a file: complete, or not at all."""
    temporary = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}.part")
    try:
        with open(temporary, "xb") as file:
            for at in range(0, len(data), _CHUNK):
                file.write(memoryview(data)[at : at + _CHUNK])
                if advance is not None:
                    advance(min(_CHUNK, len(data) - at))
        os.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
