"""What people are told of a root that does not keep what it should."""

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.adapters.probing import probe
from mops.core.errors import StoreDenied, UnsupportedStore


class ReadOnly(MemoryBlobStore):
    def put_if_absent(self, key, /, *parts):
        raise StoreDenied("cannot create")

    def delete(self, key, /):
        raise StoreDenied("cannot delete")


def test_the_first_refusal_is_told_and_not_that_of_tidying_up():
    with pytest.raises(StoreDenied, match="cannot create"):
        probe(ReadOnly("probed"))


def test_nothing_is_left_where_a_promise_is_broken():
    class Forgetful(MemoryBlobStore):
        def put(self, key, /, *parts):
            super().put(key, b"something else")

    store = Forgetful("broken")
    with pytest.raises(UnsupportedStore, match="cannot be replaced"):
        probe(store)
    assert not list(store.list())
