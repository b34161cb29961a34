"""Bytes that a failing law shows in a line."""

import pytest

from mops.testing.large_bytes import LargeBytes


def test_equal_bytes_of_any_kind_are_equal():
    data = LargeBytes(b"content")
    assert data == LargeBytes(memoryview(b"content")) == b"content"
    assert data == memoryview(b"content")
    assert data == bytearray(b"content")
    assert data in {None, b"content"}
    assert hash(data) == hash(b"content")


@pytest.mark.parametrize("other", [LargeBytes(b"contents"), b"contents", b"", None, "content", memoryview(b"Content")])
def test_other_bytes_are_not(other):
    assert LargeBytes(b"content") != other
    assert LargeBytes(b"content") not in {None, b"contents"}


def test_they_are_nothing_that_a_test_tool_looks_into():
    with pytest.raises(TypeError):
        iter(LargeBytes(b"content"))
    assert repr(LargeBytes(b"ab" * 500_000)) == f"<1,000,000 bytes: {' '.join(['61 62'] * 12)} ...>"
