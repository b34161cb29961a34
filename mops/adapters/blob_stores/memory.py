"""Blobs in this process's memory: for tests, and for pipelines that need no disk."""

import os
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote
from weakref import WeakValueDictionary

from mops.core.blob_key import check_key
from mops.core.ports.blob_store import BlobInfo, BlobStore, Buffer


class _Blobs:
    """What all stores of one name share: bytes and time of writing by key, and the lock for changing them."""

    def __init__(self) -> None:
        self.by_key: dict[str, tuple[bytes, float]] = {}
        self.lock = threading.Lock()


class _Registry:
    """The blobs of this process by name, and the lock for adding some."""

    def __init__(self) -> None:
        self.by_name: WeakValueDictionary[str, _Blobs] = WeakValueDictionary()
        self.lock = threading.Lock()

    def unlock(self) -> None:
        """In a forked child: whoever held a lock is not there."""
        self.lock = threading.Lock()
        for blobs in self.by_name.values():
            blobs.lock = threading.Lock()


_registry = _Registry()
os.register_at_fork(after_in_child=_registry.unlock)


class MemoryBlobStore(BlobStore):
    """A blob store in the memory of this process.

    Stores of one name share their blobs, which live as long as any of these stores. Pickling carries the name alone:
    what is unpickled in this process sees the same blobs, in another process others. A forked child starts with a copy.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        with _registry.lock:
            self._blobs = _registry.by_name.setdefault(name, _Blobs())

    @property
    def uri(self) -> str:
        """``memory://`` and the percent-encoded name."""
        return f"memory://{quote(self._name, safe='')}"

    def get(self, key: str, /) -> Buffer | None:
        """As the port says. What is returned is the stored object itself, which nobody can change."""
        check_key(key)
        blob = self._blobs.by_key.get(key)
        return None if blob is None else blob[0]

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        """As the port says. The one copy that is made is the blob."""
        check_key(key)
        blob = (b"".join(parts), time.time())
        with self._blobs.lock:
            return self._blobs.by_key.setdefault(key, blob) is blob

    def put(self, key: str, /, *parts: Buffer) -> None:
        """As the port says."""
        check_key(key)
        blob = (b"".join(parts), time.time())
        with self._blobs.lock:
            self._blobs.by_key[key] = blob

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        """As the port says; the whole listing is of the moment of its first step."""
        with self._blobs.lock:
            blobs = [(key, blob) for key, blob in self._blobs.by_key.items() if key.startswith(prefix) and key > after]
        for key, (content, modified) in sorted(blobs):
            yield BlobInfo(key, len(content), modified)

    def delete(self, key: str, /) -> None:
        """As the port says."""
        check_key(key)
        with self._blobs.lock:
            self._blobs.by_key.pop(key, None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryBlobStore) and other._name == self._name

    def __hash__(self) -> int:
        return hash((MemoryBlobStore, self._name))

    def __reduce__(self) -> tuple[type["MemoryBlobStore"], tuple[str]]:
        return MemoryBlobStore, (self._name,)

    def __repr__(self) -> str:
        return f"MemoryBlobStore({self._name!r})"
