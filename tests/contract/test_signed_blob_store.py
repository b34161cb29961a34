"""A store that signs records keeps the contract of the store that it stands around."""

import pickle

import pytest

from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.adapters.blob_stores.signed import SignedBlobStore
from mops.adapters.signatures import HmacSha512
from mops.core.ports.blob_store import SupportsContent, SupportsFiles, SupportsProbe, SupportsSync
from mops.testing.blob_store_suite import BlobStoreContract

KEYS = HmacSha512([b"a key that every test knows"])


def around(store):
    return SignedBlobStore(store, KEYS, KEYS, print)


class SignedContract(BlobStoreContract):
    def reopen(self, store):
        """As another process does: the store inside travels, and the keys come from its own environment."""
        return around(pickle.loads(pickle.dumps(store._store)))

    def code_of(self, store):
        return super().code_of(store._store)


class TestAroundMemory(SignedContract):
    @pytest.fixture
    def store(self, request):
        return around(MemoryBlobStore(f"signed-{request.node.name}"))


class TestAroundLocal(SignedContract):
    @pytest.fixture
    def store(self, tmp_path):
        return around(LocalBlobStore(str(tmp_path / "root")))

    def test_it_has_the_capabilities_of_the_store_inside(self, store):
        for capability in (SupportsContent, SupportsFiles, SupportsSync, SupportsProbe):
            assert isinstance(store, capability)
            assert isinstance(around(MemoryBlobStore("m")), capability) == isinstance(MemoryBlobStore("m"), capability)
