"""The blob of a shared object holds its buffers, and whatever else it is, is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.core import payload
from mops.core.blob_layout import content_key
from mops.core.effects import HasFile, PutContent, Sync
from mops.core.errors import CorruptBlob
from mops.core.files import SharedBlob, SharedObject, StoredFile
from mops.core.ports.serializer import Serialized
from mops.core.shared import pack, unpack

DIGEST = b"d" * 32


@given(st.lists(st.binary(max_size=200)))
def test_the_buffers_come_back_in_their_order_and_aligned(buffers):
    pieces = pack(buffers)
    blob = b"".join(pieces)
    assert list(map(bytes, unpack(blob))) == buffers
    starts = [sum(map(len, pieces[: i + 1])) for i, piece in enumerate(pieces[1:], 1) if i % 2 == 1]
    assert all(start % 64 == 0 for start in starts)


def test_buffers_are_not_copied():
    large = bytearray(b"x" * 1000)
    assert any(piece is large for piece in pack([b"stream", large]))
    blob = memoryview(bytearray(b"".join(pack([b"stream", large]))))
    unpack(blob)[1][0] = ord("y")
    assert bytes(blob[-1000:]) == b"y" + b"x" * 999


@pytest.mark.parametrize(
    "blob",
    [b"", b"short", (2**60).to_bytes(8, "little"), pack([b"buffer"])[0], b"".join(pack([b"buffer"]))[:-1]],
    ids=["empty", "short", "many", "no buffers", "cut"],
)
def test_what_is_no_such_blob_is_refused(blob):
    with pytest.raises(CorruptBlob):
        unpack(blob)


# ------------------------------------------------------------------------------------------------ stored once
class Storing:
    """Stores the payload of a call that takes one shared object."""

    def __init__(self):
        self.blob = SharedBlob(())
        self.made = 0
        self.stored = True

    def pieces(self):
        self.made += 1
        return [b"stream"]

    def perform(self, effect):
        if isinstance(effect, PutContent):
            return DIGEST
        return effect.file if isinstance(effect, HasFile) and self.stored else None

    def store(self, *, durable=False):
        steps = payload.store(Serialized([b"call"], [SharedObject(self.blob, self.pieces)]), 0, durable=durable)
        asked = []
        try:
            effect = next(steps)
            while True:
                asked.append(type(effect))
                effect = steps.send(self.perform(effect))
        except StopIteration as end:
            return end.value.files, asked


def test_a_shared_object_is_stored_once_and_looked_for_after_that():
    storing = Storing()
    first, asked = storing.store()
    assert asked == [PutContent]
    second, asked = storing.store()
    assert asked == [HasFile]
    assert storing.made == 1
    for (file,) in (first, second):
        assert isinstance(file, StoredFile)
        assert (file.key, file.digest, file.size, file.kind) == (content_key(DIGEST), DIGEST, 6, "shared")


def test_a_shared_object_whose_blob_has_gone_is_stored_again():
    storing = Storing()
    storing.store()
    storing.stored = False
    assert storing.store()[1] == [HasFile, PutContent]
    assert storing.made == 2


def test_a_shared_object_survives_what_its_call_survives():
    assert Storing().store(durable=True)[1] == [PutContent, Sync]
