"""Stores that count and fail do it as they are told, and are blob stores apart from that."""

import pickle

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.core.errors import StoreUnavailable
from mops.testing.blob_store_suite import BlobStoreContract
from mops.testing.fault_stores import CountingBlobStore, FlakyBlobStore, scripted, seeded


class TestCountingBlobStore(BlobStoreContract):
    @pytest.fixture
    def store(self, request):
        return CountingBlobStore(MemoryBlobStore(request.node.name))


class TestFlakyBlobStoreWithoutFaults(BlobStoreContract):
    @pytest.fixture
    def store(self, request):
        return FlakyBlobStore(MemoryBlobStore(request.node.name), scripted())

    def reopen(self, store):
        return store


def test_operations_are_counted_by_method_and_prefix():
    store = CountingBlobStore(MemoryBlobStore("counted"))
    store.put_if_absent("memo/a", b"x")
    store.put("session/b", b"x")
    store.get("memo/a")
    store.get("memo/b")
    list(store.list("memo/"))
    store.delete("memo/a")
    assert (store.count(), store.count("get"), store.count(prefix="memo/"), store.count("get", "memo/b")) == (
        6,
        2,
        5,
        1,
    )
    store.operations.clear()
    assert store.count() == 0


def test_lost_request_is_not_applied_and_lost_answer_is():
    inner = MemoryBlobStore("flaky")
    store = FlakyBlobStore(inner, scripted("lost request", "lost answer", "none", "lost answer"))
    with pytest.raises(StoreUnavailable, match="lost request: put_if_absent memory://flaky/a"):
        store.put_if_absent("a", b"x")
    assert inner.get("a") is None
    with pytest.raises(StoreUnavailable, match="lost answer"):
        store.put_if_absent("a", b"x")
    assert inner.get("a") == b"x"
    assert store.get("a") == b"x"
    with pytest.raises(StoreUnavailable):
        list(store.list())
    assert [info.key for info in store.list()] == ["a"]


def test_seeded_faults_are_the_same_for_the_same_seed():
    def draw(seed):
        faults = seeded(seed, 0.3)
        return [next(faults) for _ in range(1000)]

    assert draw(1) == draw(1) != draw(2)
    assert 200 < 1000 - draw(1).count("none") < 400
    assert {"none", "lost request", "lost answer"} == set(draw(1))


def test_counting_store_pickles_with_what_it_counted():
    store = CountingBlobStore(MemoryBlobStore("pickled"))
    store.get("a")
    assert pickle.loads(pickle.dumps(store)).count("get") == 1
