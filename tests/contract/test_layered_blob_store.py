"""Several stores as one keep the contract, and laws of their own."""

import os
import pickle
from itertools import repeat
from pathlib import Path

import pytest

from mops import adapters
from mops.adapters.blob_stores.layered import LayeredBlobStore
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.locate import leaves_the_process, locate_blob_store
from mops.core.blob_layout import Memo, content_key, result_slot
from mops.core.envelope import RESULT, TOMBSTONE, seal
from mops.core.errors import ConfigurationError, InvalidKey, StoreDenied, StoreFull, StoreReadOnly, StoreUnavailable
from mops.core.ports.blob_store import BlobStore, SupportsLayers
from mops.testing.blob_store_suite import (
    BlobStoreContract,
    SupportsProbeContract,
    SupportsSyncContract,
    UnreliableBackendContract,
)
from mops.testing.fault_stores import CountingBlobStore, FlakyBlobStore
from tests.contract.test_local_blob_store import TestLocalBlobStore as Local
from tests.contract.test_stores_agree import StoresAgree

MEMO = Memo("mops1/memo/default/m--f/any/" + "ab" * 32, bytes.fromhex("ab" * 32), bytes(32))
R0, R1, E1 = (f"{MEMO.folder}/{slot}" for slot in ("r0", "r1", "e1"))
OUT = "mops1/out/default/m--f/run/file"


class TestLayersInMemory(BlobStoreContract):
    @pytest.fixture
    def store(self, request):
        names = (f"{request.node.name}-{number}" for number in range(3))
        return LayeredBlobStore([MemoryBlobStore(name) for name in names])


class TestLayersOnDisk(BlobStoreContract, SupportsSyncContract, SupportsProbeContract, UnreliableBackendContract):
    """A folder before two others, one of which nobody has made yet; what is behind is full of others' business."""

    answers_lost, unreachable = Local.answers_lost, Local.unreachable

    @pytest.fixture
    def store(self, tmp_path):
        full = LocalBlobStore(str(tmp_path / "full"))
        for key in ("c", "blob/0", "mops1/session/x", "mops1/probe/x", E1):
            full.put_if_absent(key, b"of somebody who shares another layer")
        return LayeredBlobStore([LocalBlobStore(str(tmp_path / "first")), full, LocalBlobStore(str(tmp_path / "none"))])

    def code_of(self, store):
        return str(Path(adapters.__file__).parent)


class LayersAgree(StoresAgree):
    """Layers, and a store in memory."""

    def stores_to_compare(self):
        layers = [LocalBlobStore(str(self.folder / "first")), MemoryBlobStore(f"{self.folder}/behind")]
        for key in ("c", "d/a/x", "mops1/memo/x/e1"):
            layers[1].put(key, b"of somebody who shares another layer")
        return [MemoryBlobStore(str(self.folder)), LayeredBlobStore(layers)]


LayersAgree.TestCase.settings = StoresAgree.TestCase.settings
TestLayersAgree = LayersAgree.TestCase


# ------------------------------------------------------------------------------------------------------ what is seen
@pytest.fixture
def layers(request):
    return [CountingBlobStore(MemoryBlobStore(f"{request.node.name}-{number}")) for number in range(3)]


@pytest.fixture
def store(layers):
    return LayeredBlobStore(layers)


def tombstone(generation):
    return b"".join(seal(TOMBSTONE, owner=MEMO.digest, slot=result_slot(generation)))


def result(generation, value):
    return b"".join(seal(RESULT, owner=MEMO.digest, slot=result_slot(generation), segments=(value,)))


@pytest.mark.parametrize("key", [R0, OUT, content_key(bytes(32))])
def test_results_and_what_they_refer_to_come_from_the_first_layer_that_has_them(store, layers, key):
    assert store.get(key) is None
    layers[2].put(key, b"of the last")
    assert store.get(key) == b"of the last"
    layers[1].put(key, b"of the second")
    assert store.get(key) == b"of the second"
    layers[0].put(key, b"of the first")
    assert store.get(key) == b"of the first"
    assert [info.key for info in store.list()] == [key]


@pytest.mark.parametrize(
    "key",
    [E1, f"{MEMO.folder}/e1.1", f"{MEMO.folder}/e1.out", "mops1/session/s", "mops1/batch/b", "mops1/probe/p", "r0"],
)
def test_who_runs_what_is_the_matter_of_the_first_layer_alone(store, layers, key):
    layers[1].put(key, b"x")
    for layer in layers:
        layer.operations.clear()
    assert store.get(key) is None
    assert list(store.list()) == []
    assert store.put_if_absent(key, b"ours") is True
    assert store.get(key) == b"ours"
    assert layers[1].count("get") == layers[2].count("get") == 0


def test_everything_is_written_to_the_first_layer(store, layers):
    for key in (R0, OUT):
        layers[1].put(key, b"theirs")
    assert store.put_if_absent(R0, b"ours") is True
    assert store.put_if_absent(R0, b"again") is False
    store.put(OUT, b"ours")
    assert store.get(R0) == store.get(OUT) == b"ours"
    assert {info.key: layers[1].get(info.key) for info in layers[1].list()} == {R0: b"theirs", OUT: b"theirs"}
    store.delete(R0)
    assert store.get(R0) == b"theirs"


def test_a_hit_in_the_first_layer_asks_no_other(store, layers):
    layers[0].put(R0, b"x")
    store.get(R0)
    assert layers[1].count() == layers[2].count() == 0


def test_what_is_listed_is_what_is_there_once_and_in_order(store, layers):
    for number, layer in enumerate(layers):
        for key in (f"mops1/out/{number}", "mops1/out/x", f"mops1/blob/0{number}/a", f"mops1/session/{number}"):
            layer.put(key, bytes(number + 1))
    infos = list(store.list())
    wanted = [*(f"mops1/blob/0{n}/a" for n in range(3)), *(f"mops1/out/{n}" for n in range(3)), "mops1/out/x"]
    assert [info.key for info in infos] == [*wanted, "mops1/session/0"]
    assert {info.key: info.size for info in infos}["mops1/out/x"] == 1
    assert [info.key for info in store.list("mops1/out/", after="mops1/out/1")] == ["mops1/out/2", "mops1/out/x"]


# -------------------------------------------------------------------------------------------------------- tombstones
def test_a_tombstone_in_the_first_layer_hides_the_rest(store, layers):
    layers[1].put(R0, result(0, b"theirs"))
    store.put_if_absent(R0, tombstone(0))
    assert store.get(R0) == tombstone(0)
    assert store.get(R1) is None


def test_a_tombstone_from_behind_is_seen_by_all_who_share_the_first_layer(store, layers):
    layers[1].put(R0, tombstone(0))
    layers[2].put(R0, result(0, b"hidden"))
    layers[1].put(R1, result(1, b"theirs"))
    assert store.get(R0) == tombstone(0)
    assert layers[0].get(R0) == tombstone(0)
    assert store.get(R1) == result(1, b"theirs")
    assert layers[0].get(R1) is None


def test_a_result_that_is_published_while_a_tombstone_comes_from_behind_stands(layers):
    layers[1].put(R0, tombstone(0))
    ours = result(0, b"ours")

    class Overtaken(CountingBlobStore):
        def get(self, key, /):
            found = super().get(key)
            self.put_if_absent(key, ours)
            return found

    store = LayeredBlobStore([Overtaken(layers[0]), layers[1]])
    assert store.get(R0) == ours


@pytest.mark.parametrize("error", [StoreReadOnly, StoreDenied, StoreFull])
def test_a_tombstone_from_behind_counts_where_nothing_can_be_written(layers, error):
    layers[1].put(R0, tombstone(0))
    assert LayeredBlobStore([Refusing(layers[0], error), layers[1]]).get(R0) == tombstone(0)
    assert layers[0].get(R0) is None


def test_output_that_looks_like_a_tombstone_is_none(store, layers):
    layers[1].put(OUT, tombstone(0))
    assert store.get(OUT) == tombstone(0)
    assert layers[0].get(OUT) is None


# ------------------------------------------------------------------------------------------------------------ trouble
class Refusing(CountingBlobStore):
    """A store that takes nothing."""

    def __init__(self, store: BlobStore, error: type[Exception] = StoreReadOnly) -> None:
        super().__init__(store)
        self.error = error

    def put_if_absent(self, key, /, *parts):
        raise self.error(f"{self.uri}/{key}")

    put = put_if_absent
    delete = put_if_absent


def test_a_layer_behind_that_gives_no_answer_is_not_without_the_blob(layers):
    gone = FlakyBlobStore(layers[1], repeat("lost request"))
    store = LayeredBlobStore([layers[0], gone])
    with pytest.raises(StoreUnavailable):
        store.get(R0)
    with pytest.raises(StoreUnavailable):
        list(store.list())
    assert store.put_if_absent(E1, b"ours") is True
    assert store.put_if_absent(R0, b"ours") is True
    assert store.get(R0) == store.get(E1) == b"ours"


def test_layers_behind_may_be_read_only_and_a_first_one_says_that_it_is(layers):
    layers[0].put(R0, b"x")
    layers[1].put(R1, b"y")
    store = LayeredBlobStore([layers[2], Refusing(layers[1])])
    store.put(R0, b"z")
    store.delete(R0)
    assert store.get(R1) == b"y"
    store = LayeredBlobStore([Refusing(layers[0]), layers[1]])
    assert (store.get(R0), store.get(R1)) == (b"x", b"y")
    for write in (store.put_if_absent, store.put):
        with pytest.raises(StoreReadOnly, match=layers[0].uri):
            write(R0, b"z")


def test_other_keys_are_refused_whatever_the_first_layer_can_do(store):
    for act in (store.get, store.sync, store.delete, store.put):
        with pytest.raises(InvalidKey):
            act("a//b")
    store.sync(R0)
    store.probe()


# ------------------------------------------------------------------------------------------------------ how it is named
def test_layers_are_reopened_from_their_uri(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a|b"
    stores = [
        locate_blob_store(["mine", "memory://team", folder]),
        locate_blob_store(f"{tmp_path}/mine | memory://team|{folder.as_uri()}"),
        locate_blob_store([["mine", "memory://team"], LocalBlobStore(str(folder))]),
    ]
    for store in stores:
        assert isinstance(store, SupportsLayers)
        assert store.uri == f"layers:{tmp_path.as_uri()}/mine|memory://team|{tmp_path.as_uri()}/a%7Cb"
        assert locate_blob_store(store.uri) == store == pickle.loads(pickle.dumps(store)) == stores[0]
        assert hash(store) == hash(stores[0])
    assert store != locate_blob_store(["memory://team", "mine"])
    assert repr(store).startswith("LayeredBlobStore([LocalBlobStore(")
    assert os.listdir(tmp_path) == []


def test_a_list_of_one_root_is_that_root(tmp_path):
    assert locate_blob_store([tmp_path]) == LocalBlobStore(str(tmp_path))
    assert locate_blob_store(["memory://mine"]) == MemoryBlobStore("mine")


def test_layers_leave_the_process_if_all_of_them_do(tmp_path):
    assert leaves_the_process(locate_blob_store([tmp_path, tmp_path / "other"]))
    assert not leaves_the_process(locate_blob_store([tmp_path, "memory://team"]))


@pytest.mark.parametrize("root", [[], (), "a||b", "|a", ["a", ""], ["a", 7], "a|nosuch://place"])
def test_what_names_no_layers_is_refused(root):
    with pytest.raises(ConfigurationError):
        locate_blob_store(root)


def test_a_store_whose_uri_could_not_be_told_from_others_is_no_layer(layers):
    class Odd(CountingBlobStore):
        uri = "odd://a|b"

    with pytest.raises(ConfigurationError, match=r"contains \|$"):
        LayeredBlobStore([layers[0], Odd(layers[1])])
