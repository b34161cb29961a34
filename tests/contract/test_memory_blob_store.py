"""The blob store in memory keeps the contract."""

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.testing.blob_store_suite import BlobStoreContract


class TestMemoryBlobStore(BlobStoreContract):
    @pytest.fixture
    def store(self, request):
        return MemoryBlobStore(request.node.name)

    def test_stores_of_one_name_share_their_blobs(self, store):
        MemoryBlobStore("shared").put_if_absent("blob", b"of a store that nobody holds")
        assert MemoryBlobStore("shared").get("blob") is None
        one, other = MemoryBlobStore("shared"), MemoryBlobStore("shared")
        one.put_if_absent("blob", b"shared")
        assert other.get("blob") == b"shared"
        assert store.get("blob") is None

    def test_any_text_is_a_name(self):
        assert MemoryBlobStore("a b/ü").uri == "memory://a%20b%2F%C3%BC"
