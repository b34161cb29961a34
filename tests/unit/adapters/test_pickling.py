"""Pickles: which values travel by value, what stays out of band, and how it comes back."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.core.envelope import INLINE_LIMIT
from mops.core.errors import UndecodableResultError, UnserializableError


@pytest.fixture
def serializer():
    return PicklingSerializer()


class Lying:
    def __reduce__(self):
        raise RuntimeError("not today")


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


def test_only_buffers_over_the_limit_stay_out_of_band(serializer):
    small, large = np.zeros(INLINE_LIMIT, np.uint8), np.zeros(INLINE_LIMIT + 1, np.uint8)
    assert len(serializer.dumps(small).buffers) == 1
    stream, buffer = serializer.dumps([large, large]).buffers
    assert len(buffer) == INLINE_LIMIT + 1
    assert len(stream) < 1000


def test_a_read_only_array_comes_back_read_only_and_a_writable_one_writable(serializer):
    for writable in (True, False):
        array = np.arange(1 << 20)
        array.flags.writeable = writable
        back = serializer.loads([bytes(buffer) for buffer in serializer.dumps(array).buffers])
        assert np.array_equal(back, array)
        assert back.flags.writeable is writable


def test_functions_that_cannot_be_imported_travel_by_value(serializer):
    offset = 10
    local = serializer.loads([bytes(part) for part in serializer.dumps(lambda x: x + offset).buffers])
    assert local(1) == 11


def test_what_raises_while_it_is_pickled_is_named_by_its_path(serializer):
    for value, path in (
        ({"a": [1, Lying()]}, "['a'][1]"),
        (Slotted((Lying(),)), ".held[0]"),
        (Lying(), ""),
    ):
        with pytest.raises(UnserializableError, match="not today") as caught:
            serializer.dumps(value)
        assert caught.value.path == path


def test_a_structure_that_holds_itself_is_searched_to_its_end(serializer):
    value = [1]
    value += [value, Lying()]
    with pytest.raises(UnserializableError, match="not today") as caught:
        serializer.dumps(value)
    assert caught.value.path == "[2]"


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps(1)[:-1], b"cnosuchmodule\nName\n."])
def test_bytes_that_cannot_be_decoded_are_told_in_our_words(serializer, data):
    with pytest.raises(UndecodableResultError, match="cannot be decoded"):
        serializer.loads([data])


def test_plain_values_never_load_cloudpickle():
    program = """if True:
        import sys, collections, datetime
        from mops.adapters.serializers.pickling import PicklingSerializer
        serializer = PicklingSerializer()
        for value in (1, "x", [1, {"a": (2.5, None)}], datetime.date(2020, 1, 1), collections.OrderedDict(a=1), len):
            assert serializer.loads(serializer.dumps(value).buffers) == value
        print("cloudpickle" in sys.modules)
    """
    assert (
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "False\n"
    )


@pytest.mark.parametrize("value", [open, lambda path: memoryview(b"bytes")])
def test_what_would_come_back_as_another_type_is_refused(value, tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    held = value(path)
    with held, pytest.raises(UnserializableError, match=type(held).__name__):
        PicklingSerializer().dumps([held])
