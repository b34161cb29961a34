"""The law of Codecs as tests: subclass, fill in the fixtures, and run pytest.

The law is ``decode(encode(value))``: of the exact type of the value, with the same memo key, and as changeable. The
laws are final; each is a function, too, for values that hypothesis makes.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import pytest

from mops.api.functions.key_registry import registry as keys
from mops.core.canonical import Encoder
from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import Codec
from mops.testing.large_bytes import LargeBytes

__all__ = ["CodecContract", "check_change", "check_encoding", "check_round_trip"]

Change: TypeAlias = Callable[[Any], None]

_STATUS: Final = "/proc/self/status"
_COPIED: Final = 4  # a view takes nothing like a quarter of what it shows


class CodecContract:
    """What every Codec promises."""

    @pytest.fixture
    def codec(self) -> Codec[Any]:
        """The Codec under test."""
        raise NotImplementedError("a suite needs a fixture named codec")

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Values that it encodes, of every kind that it knows."""
        raise NotImplementedError("a suite needs a fixture named values")

    @pytest.fixture
    def pickled(self) -> Sequence[Any]:
        """Values of its type that would not come back exactly, for which it says ``NotImplemented``."""
        return ()

    @pytest.fixture
    def change(self) -> Change | None:
        """What changes a value in place so that its key changes; ``None`` for values that nobody can change."""
        return None

    @pytest.fixture
    def large(self) -> Any:
        """A value of 64 MiB or more that is encoded without a copy of it; ``None`` where each is copied."""
        return None

    @final
    def test_name_can_stand_in_a_record(self, codec: Codec[Any]) -> None:
        assert codec.name
        assert codec.name.isascii()
        assert codec.name.replace("-", "").replace(".", "").replace("_", "").isalnum()

    @final
    def test_value_comes_back_with_its_type_and_its_key(self, codec: Codec[Any], values: Sequence[Any]) -> None:
        assert values
        for value in values:
            assert check_round_trip(codec, value), f"not encoded: {value!r:.200}"

    @final
    def test_encoding_is_repeatable_and_changes_nothing(self, codec: Codec[Any], values: Sequence[Any]) -> None:
        for value in values:
            check_encoding(codec, value)

    @final
    def test_value_is_as_changeable_as_it_was_and_nobody_elses(
        self, codec: Codec[Any], values: Sequence[Any], change: Change | None
    ) -> None:
        for value in values:
            check_change(codec, value, change)

    @final
    def test_value_that_would_not_come_back_is_left_to_pickle(
        self, codec: Codec[Any], pickled: Sequence[Any]
    ) -> None:  # fmt: skip
        for value in pickled:
            assert codec.encode(value) is NotImplemented, f"encoded: {value!r:.200}"

    @final
    def test_large_value_is_encoded_without_a_copy(self, codec: Codec[Any], large: Any) -> None:
        if large is None:
            return
        if not Path(_STATUS).exists():
            pytest.skip("this system does not tell what memory is of no file")
        before = _anonymous_bytes()
        pieces = codec.encode(large)
        grown = _anonymous_bytes() - before
        assert not isinstance(pieces, type(NotImplemented))
        assert grown < sum(memoryview(piece).nbytes for piece in pieces) / _COPIED

    @final
    def test_threads_do_not_meet(self, codec: Codec[Any], values: Sequence[Any]) -> None:
        pairs = [(value, _joined(codec, value)) for value in values]
        barrier = threading.Barrier(4)

        def run(number: int) -> None:
            first = number % len(pairs)  # each with another value at a time
            barrier.wait()
            for value, bytes_of_it in pairs[first:] + pairs[:first]:
                assert LargeBytes(_joined(codec, value)) == bytes_of_it
                assert _key(codec.decode(memoryview(bytes_of_it))) == _key(value)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(4)))


def check_round_trip(codec: Codec[Any], value: Any) -> bool:
    """Check that a value comes back exactly, from each kind of buffer; ``False`` if it is left to pickle."""
    if codec.encode(value) is NotImplemented:
        return False
    stored = _joined(codec, value)
    for buffer in _buffers(stored):
        back = codec.decode(buffer)
        assert type(back) is type(value)
        assert _key(back) == _key(value)
    return True


def check_encoding(codec: Codec[Any], value: Any) -> None:
    """Check that encoding leaves a value as it is, and gives the same bytes again."""
    before = _key(value)
    first, again = _joined_or_pickled(codec, value), _joined_or_pickled(codec, value)
    assert type(again) is type(first)
    assert again is NotImplemented or LargeBytes(again) == first
    assert _key(value) == before


def check_change(codec: Codec[Any], value: Any, change: Change | None) -> None:
    """Check that each decoded value can be changed, and that a change reaches no other value."""
    stored = _joined(codec, value)
    key = _key(value)
    for buffer, again in zip(_buffers(stored), _buffers(stored), strict=True):
        other = again if not memoryview(again).readonly else buffer  # a read-only buffer may be decoded by many
        one, two = codec.decode(buffer), codec.decode(other)
        if change is not None:
            change(one)
            assert _key(one) != key
        assert _key(two) == key
        assert LargeBytes(other) == stored


def _buffers(stored: bytes) -> list[Buffer]:
    """The kinds of buffers that a store gives: bytes, a part of others, read-only; and a private writable one."""
    padded = memoryview(b"\0" + stored)
    return [stored, padded[1:], memoryview(bytearray(stored))]


def _joined(codec: Codec[Any], value: Any) -> bytes:
    joined = _joined_or_pickled(codec, value)
    assert isinstance(joined, bytes), f"not encoded: {value!r:.200}"
    return joined


def _joined_or_pickled(codec: Codec[Any], value: Any) -> Any:
    pieces = codec.encode(value)
    return pieces if pieces is NotImplemented else b"".join(bytes(piece) for piece in pieces)


def _key(value: Any) -> bytes:
    return Encoder(keys.hooks()).encode(value, "value")


def _anonymous_bytes() -> int:
    for line in Path(_STATUS).read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no RssAnon")
