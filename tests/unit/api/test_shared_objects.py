"""Shared objects: found by identity, stored by the state that they have, whatever becomes of them."""

import gc
import pickle
import weakref

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.calls.shared_objects import SharedObjects
from mops.core.errors import ConfigurationError, DecorationError
from mops.core.files import AsWritten
from mops.core.shared import unpack


class Model:
    def __init__(self, weights):
        self.weights = weights


def key_of(value):
    """As keys do, but quickly: equal state, equal digest."""
    return pickle.dumps(value)


def never(_):
    return None


class Calls:
    """Pickles calls under one root and stores their shared objects, as a Runner does."""

    def __init__(self, keyed=key_of):
        self.objects = SharedObjects()
        self.serializer = PicklingSerializer()
        self.keyed = keyed
        self.uploads = []

    def call(self, value, *named, root="memory://root"):
        """The value, as a remote gets it."""
        shared = self.objects.of_call(named, root, self.keyed, self.serializer)
        pickled = self.serializer.dumps(value, shared)
        return self.serializer.loads(pickled.buffers, [self._brought(file) for file in pickled.files])

    def _brought(self, shared):
        data = b"".join(shared.pieces())
        if not shared.blob.digest:
            shared.blob.digest = b"stored"
            self.uploads.append(data)
        return data


@pytest.fixture
def calls():
    return Calls()


def test_an_object_is_stored_once_for_all_the_calls_that_take_it(calls):
    model = Model([1, 2])
    calls.objects.add(model)
    assert [calls.call((model, x))[0].weights for x in range(3)] == [[1, 2]] * 3
    assert len(calls.uploads) == 1


def test_an_object_is_found_inside_of_others_and_stays_one(calls):
    model = Model([1, 2])
    calls.objects.add(model)
    first, second = calls.call([{"model": model}, model])
    assert first["model"] is second
    assert len(calls.uploads) == 1


def test_an_argument_that_is_shared_by_its_name_needs_no_registration(calls):
    weights = list(range(1000))
    assert calls.call((weights, 1), weights) == calls.call((weights, 1), weights) == (weights, 1)
    assert len(calls.uploads) == 1


def test_an_object_that_was_changed_travels_as_it_is_now_and_back_again(calls):
    model = Model([1])
    calls.objects.add(model)
    seen = []
    for weights in ([1], [2], [1]):
        model.weights = weights
        seen.append(calls.call(model).weights)
    assert seen == [[1], [2], [1]]
    assert len(calls.uploads) == 2


def test_an_object_that_takes_the_id_of_a_dead_one_is_not_taken_for_it(calls):
    for number in range(50):
        model = Model([number])
        calls.objects.add(model)
        assert calls.call(model).weights == [number]
        dead = weakref.ref(model)
        del model
        gc.collect()
        assert dead() is None
        other = Model(["another", number])  # most often at the same place
        assert calls.call(other).weights == ["another", number]
    assert len(calls.uploads) == 50


def test_equal_objects_are_stored_once_between_them(calls):
    first, second = Model([1]), Model([1])
    calls.objects.add(first)
    calls.objects.add(second)
    assert calls.call(first).weights == calls.call(second).weights
    assert len(calls.uploads) == 1


def test_each_root_has_its_own(calls):
    model = Model([1])
    calls.objects.add(model)
    for root in ("memory://one", "memory://two"):
        calls.call(model, root=root)
    assert len(calls.uploads) == 2


def test_an_object_without_meaning_as_a_value_travels_anew_each_time():
    calls = Calls(keyed=never)
    model = Model([1])
    calls.objects.add(model)
    for weights in ([1], [2]):
        model.weights = weights
        assert calls.call(model).weights == weights
    assert len(calls.uploads) == 2


def test_small_values_that_are_everywhere_are_not_looked_for(calls):
    for value in (1, None, True, 1.5):
        calls.objects.add(value)
        assert calls.call([value, value], value) == [value, value]
    assert calls.uploads == []


def test_a_file_of_a_shared_object_is_that_of_its_call(calls, tmp_path):
    file = tmp_path / "weights.bin"
    file.write_bytes(b"weights")
    model = Model([file])
    calls.objects.add(model)
    shared = calls.objects.of_call((), "memory://root", key_of, calls.serializer)
    pickled = calls.serializer.dumps((tmp_path / "weights.bin", model), shared)
    kinds = [type(it).__name__ for it in pickled.files]
    assert kinds == ["LocalFile", "SharedObject", "LocalFile"]
    _, blob, _ = pickled.files
    back = calls.serializer.loads(pickled.buffers, ["/of/the/call", b"".join(blob.pieces()), "/of/the/model"])
    assert (str(back[0]), str(back[1].weights[0])) == ("/of/the/call", "/of/the/model")
    assert len(unpack(b"".join(blob.pieces()))) == 1


def test_a_runner_gives_back_what_it_shares(tmp_path):
    model = Model([1])
    assert MemoizingPicklingRunner(blob_root=tmp_path).shared(model) is model


@pytest.mark.parametrize(
    ("shared", "error"), [("model", ConfigurationError), (("modle",), DecorationError)], ids=["text", "unknown"]
)
def test_shared_names_what_the_function_takes(tmp_path, shared, error):
    def score(model):
        return model

    with pytest.raises(error, match="shared"):
        use_runner(MemoizingPicklingRunner(blob_root=tmp_path), shared=shared)(score)


def test_a_path_that_was_ignored_travels_as_it_is_written_though_it_is_shared(calls, tmp_path):
    there, nowhere = tmp_path / "there", tmp_path / "nowhere"
    there.write_text("content")
    folders = {"in": there, "out": nowhere}
    assert calls.call(AsWritten(folders), folders) == folders
    del folders["out"]
    shared = calls.objects.of_call([folders], "memory://root", key_of, calls.serializer)
    assert len(calls.serializer.dumps(folders, shared).files) == 2, "the object, and its file"


def test_a_file_of_equal_content_elsewhere_is_not_looked_for_where_the_first_one_was(calls, tmp_path):
    first, second = tmp_path / "a" / "file", tmp_path / "b" / "file"
    for path in (first, second):
        path.parent.mkdir()
        path.write_text("content")
    model = Model(first)
    for path in (first, second):
        model.weights = path
        shared = calls.objects.of_call([model], "memory://root", lambda _: b"equal by content", calls.serializer)
        assert [file.path for file in calls.serializer.dumps(model, shared).files[1:]] == [str(path)]
