"""The suite of codecs rejects those that break its laws."""

import itertools
import threading

import numpy as np
import pytest

from mops.adapters.codecs.numpy import NpyCodec
from mops.adapters.codecs.plain_json import JsonCodec
from mops.testing.codec_suite import CodecContract

VALUE = [1, 2.5, {"a": [None]}]
ARRAY = np.arange(300_000)
LARGE = np.ones(8 << 20)


class HonestCodec(JsonCodec):
    pass


class HasNoName(JsonCodec):
    name = "a name with blanks"


class RestoresAnotherType(JsonCodec):
    def decode(self, buffer):
        return tuple(super().decode(buffer))


class RoundsNumbers(JsonCodec):
    def decode(self, buffer):
        return [int(each) if isinstance(each, float) else each for each in super().decode(buffer)]


class TakesBytesAlone(JsonCodec):
    def decode(self, buffer):
        assert isinstance(buffer, bytes)
        return super().decode(buffer)


class EncodesWhatItCannotTell(JsonCodec):
    def encode(self, value):
        return [repr(value).encode()]


class EncodesNothing(JsonCodec):
    def encode(self, value):
        return NotImplemented


class ChangesTheValue(JsonCodec):
    def encode(self, value):
        pieces = super().encode(value)
        value.append(3)
        return pieces


class CountsItsCalls(JsonCodec):
    def __init__(self):
        self.count = itertools.count()

    def encode(self, value):
        return [*super().encode(value), b" " * next(self.count)]


class GivesTheSameObject(JsonCodec):
    def __init__(self):
        self.decoded = {}

    def decode(self, buffer):
        return self.decoded.setdefault(bytes(buffer), super().decode(buffer))


class KeepsWhatItWasGiven(JsonCodec):
    def encode(self, value):
        pieces = super().encode(value)
        if threading.current_thread() is threading.main_thread():
            return pieces
        return self.__dict__.setdefault("pieces", pieces)


class IsReadOnly(NpyCodec):
    def decode(self, buffer):
        array = super().decode(buffer)
        array.flags.writeable = False
        return array


class CopiesLargeValues(NpyCodec):
    def encode(self, value):
        pieces = super().encode(value)
        return pieces if pieces is NotImplemented else [bytes(piece) for piece in pieces]


def append(value):
    value.append(7)


def negate(array):
    array[0] = -1


TYPE_AND_KEY = "test_value_comes_back_with_its_type_and_its_key"
CHANGEABLE = "test_value_is_as_changeable_as_it_was_and_nobody_elses"
REJECTED = {
    HasNoName: "test_name_can_stand_in_a_record",
    RestoresAnotherType: TYPE_AND_KEY,
    RoundsNumbers: TYPE_AND_KEY,
    TakesBytesAlone: TYPE_AND_KEY,
    EncodesNothing: TYPE_AND_KEY,
    EncodesWhatItCannotTell: "test_value_that_would_not_come_back_is_left_to_pickle",
    ChangesTheValue: "test_encoding_is_repeatable_and_changes_nothing",
    CountsItsCalls: "test_encoding_is_repeatable_and_changes_nothing",
    GivesTheSameObject: CHANGEABLE,
    IsReadOnly: CHANGEABLE,
    CopiesLargeValues: "test_large_value_is_encoded_without_a_copy",
    KeepsWhatItWasGiven: "test_threads_do_not_meet",
}


def run(law, codec):
    """One law, with the values that suit the codec."""
    is_array = isinstance(codec, NpyCodec)
    values = [ARRAY.copy()] if is_array else [[*VALUE, number] for number in range(4)]
    given = {"values": values, "pickled": [[(1,)]], "change": negate if is_array else append, "large": LARGE}
    if not is_array:
        given["large"] = None
    law_itself = getattr(CodecContract(), law)
    names = law_itself.__func__.__code__.co_varnames[1 : law_itself.__func__.__code__.co_argcount]
    law_itself(*({"codec": codec, **given}[name] for name in names))


@pytest.mark.parametrize("law", [name for name in dir(CodecContract) if name.startswith("test_")])
def test_honest_codec_passes(law):
    run(law, HonestCodec())


@pytest.mark.parametrize(("fake", "law"), REJECTED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_broken_codec_is_rejected_by_the_law_that_it_breaks(fake, law):
    with pytest.raises((AssertionError, ValueError)):
        run(law, fake())


def test_every_law_rejects_somebody():
    assert set(REJECTED.values()) == {name for name in dir(CodecContract) if name.startswith("test_")}
