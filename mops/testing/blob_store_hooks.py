"""What every suite for blob stores asks of the adapter under test."""

import pickle
import sys
from pathlib import Path

import pytest

from mops.core.ports.blob_store import BlobStore
from mops.testing.large_bytes import LargeBytes


class BlobStoreHooks:
    """Fill in ``store``; the rest fits most adapters."""

    @pytest.fixture
    def store(self) -> BlobStore:
        """An empty store of its own for each test."""
        raise NotImplementedError("a suite needs a fixture named store, which returns an empty store")

    def reopen(self, store: BlobStore) -> BlobStore:
        """A second handle on the same root, as another process gets it."""
        handle: BlobStore = pickle.loads(pickle.dumps(store))
        return handle

    def code_of(self, store: BlobStore) -> str:
        """Where the adapter's own code is: races are injected between the lines of the files below."""
        return str(Path(str(sys.modules[type(store).__module__].__file__)).parent)


def content_of(store: BlobStore, key: str) -> LargeBytes | None:
    """What ``get`` returns, to be compared."""
    content = store.get(key)
    return None if content is None else LargeBytes(content)


def keys_of(store: BlobStore, prefix: str = "", after: str = "") -> list[str]:
    """What ``list`` returns, as keys."""
    return [info.key for info in store.list(prefix, after=after)]
