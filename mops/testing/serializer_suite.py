"""The contract of Serializers as tests: subclass, fill in the fixture ``serializer``, and run pytest.

The laws are final.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, final

import pytest

from mops.core.errors import UndecodableResultError, UnserializableError
from mops.core.ports.blob_store import Buffer
from mops.core.ports.serializer import Serializer

__all__ = ["SerializerContract"]

VALUES: Final[Sequence[Any]] = (
    None, True, 0, -(2**100), 1.5, float("inf"), 2j, "", "größe \U0001f40d \x00", b"", bytes(range(256)), [], (), {},
    set(), [1, [2, [3]]], {"a": {"b": (1, 2)}, 3: None}, frozenset("a"), range(3), ValueError("words"),
    slice(1, 2), ...,
)  # fmt: skip


class Holder:
    """Holds one thing."""

    def __init__(self, held: Any) -> None:
        self.held = held


class SerializerContract:
    """What every Serializer promises."""

    @pytest.fixture
    def serializer(self) -> Serializer:
        """The Serializer under test."""
        raise NotImplementedError("a suite needs a fixture named serializer")

    @final
    def test_codec_is_a_plain_word(self, serializer: Serializer) -> None:
        assert serializer.codec.isascii()
        assert serializer.codec.isalnum()

    @final
    @pytest.mark.parametrize("value", VALUES, ids=repr)
    def test_values_come_back_equal_and_of_their_type(self, serializer: Serializer, value: Any) -> None:
        back = serializer.loads(stored(serializer.dumps(value).buffers))
        assert type(back) is type(value)
        assert repr(back) == repr(value)

    @final
    def test_large_buffers_are_not_copied_and_come_back_writable(self, serializer: Serializer) -> None:
        array = bytearray(b"x" * (4 << 20))
        buffers = serializer.dumps(_pickle_buffer(array)).buffers
        array[0] = ord("y")
        assert any(len(buffer) == len(array) and buffer[0] == ord("y") for buffer in buffers)
        back = memoryview(serializer.loads(stored(buffers)))
        back[1] = ord("z")
        assert bytes(back[:3]) == b"yzx"

    @final
    def test_value_that_cannot_be_stored_is_named_by_its_path(self, serializer: Serializer) -> None:
        with pytest.raises(UnserializableError) as caught:
            serializer.dumps({"key": [1, Holder(Holder(threading.Lock()))]})
        assert caught.value.path == "['key'][1].held.held"
        assert caught.value.path in str(caught.value)

    @final
    def test_bytes_that_name_what_is_missing_here_are_told_apart(self, serializer: Serializer) -> None:
        buffers = stored(serializer.dumps(Holder(1)).buffers)
        with pytest.MonkeyPatch.context() as patch:
            patch.delattr(f"{__name__}.Holder")
            with pytest.raises(UndecodableResultError, match="Holder"):
                serializer.loads(buffers)

    @final
    def test_threads_do_not_meet(self, serializer: Serializer) -> None:
        values = [{"number": number, "text": "x" * number} for number in range(200)]
        with ThreadPoolExecutor(8) as pool:
            assert (
                list(pool.map(lambda value: serializer.loads(stored(serializer.dumps(value).buffers)), values))
                == values
            )


def stored(buffers: Sequence[Buffer]) -> list[Buffer]:
    """The buffers as a store gives them back: large ones as a private map is, writable; small ones as bytes."""
    first, *rest = buffers
    return [bytes(first), *(memoryview(bytearray(buffer)) for buffer in rest)]


def _pickle_buffer(array: bytearray) -> Any:
    from pickle import PickleBuffer  # what an array gives of itself

    return PickleBuffer(array)
