"""The manifest of a submission: which copy runs what."""

import pytest

from mops.core.batch import Order, read_order, write_manifest
from mops.core.blob_layout import batch_key
from mops.core.errors import CorruptBlob, ShellFailed
from tests.unit.core.desk import MEMO, Desk

ORDERS = [Order(f"{MEMO.folder[:-1]}{number}", 3 * number + 1) for number in range(3)]


@pytest.fixture
def desk():
    desk = Desk()
    desk.drive(write_manifest("abc.1", ORDERS, 1.0))
    return desk


def test_each_copy_finds_its_order(desk):
    assert [desk.drive(read_order("abc.1", number, 1.0)) for number in range(3)] == ORDERS


@pytest.mark.parametrize("number", [3, -1])
def test_a_copy_too_many_is_told_so(desk, number):
    with pytest.raises(ShellFailed, match="has 3 copies"):
        desk.drive(read_order("abc.1", number, 1.0))


def test_a_batch_that_nobody_submitted_has_no_copies(desk):
    with pytest.raises(ShellFailed, match="has 0 copies"):
        desk.drive(read_order("abc.2", 0, 1.0))


def test_a_damaged_manifest_is_not_believed(desk):
    data = bytearray(desk.blobs[batch_key("abc.1")])
    data[-1] ^= 1
    desk.blobs[batch_key("abc.1")] = bytes(data)
    with pytest.raises(CorruptBlob):
        desk.drive(read_order("abc.1", 0, 1.0))


def test_the_manifest_of_another_batch_is_not_believed(desk):
    desk.blobs[batch_key("abc.2")] = desk.blobs[batch_key("abc.1")]
    with pytest.raises(CorruptBlob):
        desk.drive(read_order("abc.2", 0, 1.0))
