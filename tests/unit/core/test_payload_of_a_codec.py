"""What a codec gives is stored as one stream, so that others can read it."""

from blake3 import blake3

from mops.core import payload
from mops.core.effects import GetContent, PutContent
from mops.core.envelope import INLINE_LIMIT, RESULT, StoredSegment, header_json, seal, unseal
from mops.core.ports.serializer import Serialized

OWNER = bytes(32)


def drive(steps, blobs):
    """Run steps on a store that is a dict by digest."""
    answer = None
    try:
        while True:
            effect = steps.send(answer)
            if isinstance(effect, PutContent):
                content = b"".join(effect.parts)
                answer = blake3(content).digest()
                blobs[answer] = content
            else:
                assert isinstance(effect, GetContent)
                answer = blobs[effect.digest]
    except StopIteration as end:
        return end.value


def store(blobs, buffers, codec):
    return drive(payload.store(Serialized(buffers, codec=codec), 1.0), blobs)


def test_large_pieces_of_a_codec_are_one_blob():
    blobs = {}
    half = bytes(INLINE_LIMIT // 2)
    value = store(blobs, [half, b"1", half], "npy")
    (segment,) = value.segments
    assert isinstance(segment, StoredSegment)
    assert blobs == {segment.digest: half + b"1" + half}
    assert segment.length == INLINE_LIMIT + 1


def test_few_bytes_of_a_codec_are_one_segment():
    blobs = {}
    assert store(blobs, [b"a", memoryview(b"b")], "mesh@m").segments == [b"ab"]
    assert store(blobs, [], "mesh@m").segments == [b""]
    assert store(blobs, [b"a"], "mesh@m").segments == [b"a"]
    assert not blobs


def test_buffers_of_a_pickle_stay_apart():
    assert store({}, [b"a", b"b"], "").segments == [b"a", b"b"]


def test_the_codec_arrives_with_the_bytes():
    blobs = {}
    for size in (3, INLINE_LIMIT):
        value = store(blobs, [b"a", bytes(size)], "npy")
        parts = seal(
            RESULT,
            owner=OWNER,
            slot="r0",
            header=header_json(codec=value.codec),
            segments=value.segments,
            flags=value.flags,
        )
        fetched = drive(payload.fetch(unseal(b"".join(parts), owner=OWNER, slot="r0"), 1.0), blobs)
        assert fetched.codec == "npy"
        assert [bytes(buffer) for buffer in fetched.buffers] == [b"a" + bytes(size)]
