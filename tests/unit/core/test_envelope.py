import pytest

from mops.core.envelope import (
    END,
    FORMAT_VERSION,
    MAX_HEADER,
    RESULT,
    Refused,
    StoredSegment,
    header_json,
    kind_of,
    seal,
    signature_of,
    signed,
    unseal,
)
from mops.core.errors import CorruptBlob, FormatTooNew, UnverifiedBlob

OWNER = bytes(range(32))


def sealed(**fields):
    return b"".join(seal(RESULT, owner=OWNER, slot="r0", **fields))


def opened(data, *, owner=OWNER, slot="r0"):
    return unseal(data, owner=owner, slot=slot)


def test_what_was_sealed_is_opened():
    envelope = opened(sealed(fingerprint=b"f" * 32, header=b'{"a":1}', segments=[b"payload"]))
    assert (envelope.kind, envelope.fingerprint, envelope.header()) == (RESULT, b"f" * 32, {"a": 1})
    assert [bytes(segment) for segment in envelope.segments()] == [b"payload"]


def test_one_segment_needs_no_table():
    assert len(sealed(segments=[b"payload"])) == 256 + len(b"payload")


def test_segments_are_aligned_and_keep_their_lengths():
    segments = [b"", b"a" * 63, b"b" * 64, b"c" * 65]
    data = sealed(segments=segments)
    assert [bytes(segment) for segment in opened(data).segments()] == segments
    assert data.index(b"b" * 64) % 64 == 0


def test_a_segment_that_lies_elsewhere_is_named_by_its_digest():
    first, second = opened(sealed(segments=[b"here", StoredSegment(b"d" * 32, 5_000_000)])).segments()
    assert bytes(first) == b"here"
    assert isinstance(second, StoredSegment)
    assert (second.digest, second.length) == (b"d" * 32, 5_000_000)


def test_a_single_stored_segment_has_a_table():
    (segment,) = opened(sealed(segments=[StoredSegment(b"d" * 32, 7)])).segments()
    assert isinstance(segment, StoredSegment)


def test_every_flipped_bit_is_noticed_but_those_of_the_signature_to_come():
    data = sealed(header=b'{"a":1}', segments=[b"one", b"two"])
    for position in [*range(8), *range(72, len(data))]:
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(CorruptBlob):
                opened(bytes(damaged))


def test_every_truncation_is_noticed():
    data = sealed(segments=[b"payload"])
    for length in range(len(data)):
        with pytest.raises(CorruptBlob):
            opened(data[:length])


def test_trailing_bytes_are_noticed():
    with pytest.raises(CorruptBlob, match="truncated or damaged"):
        opened(sealed() + b"x")


def test_an_envelope_of_another_key_is_refused():
    for key in ({"owner": bytes(32)}, {"slot": "r1"}):
        with pytest.raises(CorruptBlob, match="belongs to another key"):
            opened(sealed(), **key)


def test_a_later_format_is_refused_by_name(monkeypatch):
    monkeypatch.setattr("mops.core.envelope.FORMAT_VERSION", FORMAT_VERSION + 1)
    data = sealed()
    monkeypatch.undo()
    with pytest.raises(FormatTooNew, match=f"format {FORMAT_VERSION + 1}"):
        opened(data)


def test_a_segment_outside_the_payload_is_refused(monkeypatch):
    monkeypatch.setattr("mops.core.envelope._lay_out", lambda _: (1, [(10_000).to_bytes(8, "little") + bytes(40)]))
    with pytest.raises(CorruptBlob, match="outside its envelope"):
        opened(sealed()).segments()


@pytest.mark.parametrize("header", [b"not json", b"[]", b"\xff"])
def test_a_header_that_is_no_object_is_refused(header):
    with pytest.raises(CorruptBlob, match="JSON"):
        opened(sealed(header=header)).header()


def test_a_header_over_the_limit_is_not_written():
    with pytest.raises(ValueError, match="over the limit"):
        sealed(header=b" " * (MAX_HEADER + 1))


def test_bytes_in_a_header_stand_as_they_are():
    assert header_json(a=1, b=b'{"c":2}') == b'{"a":1,"b":{"c":2}}'
    assert header_json(b=b"[]") == b'{"b":[]}'
    assert header_json() == b"{}"


def test_the_kind_can_be_read_of_what_is_damaged():
    assert kind_of(b"".join(seal(END, owner=OWNER, slot="e1.1"))[:120]) == END
    assert kind_of(b"short") == 0


# ------------------------------------------------------------------------------------------------ signatures
def test_a_signed_envelope_is_opened_as_any_other_and_names_what_was_signed():
    asked = []
    parts = seal(RESULT, owner=OWNER, slot="r0", header=b'{"a":1}', segments=[b"one", memoryview(b"two")])
    data = b"".join(signed(parts, 7, lambda digest: asked.append(digest) or b"short"))
    assert signature_of(data) == (7, asked[0], b"short" + bytes(59))
    assert opened(data).header() == {"a": 1}
    assert [bytes(segment) for segment in opened(data).segments()] == [b"one", b"two"]


def test_what_is_signed_differs_by_everything_that_an_envelope_holds():
    def digest(algorithm=1, **fields):
        given = {"kind": RESULT, "owner": OWNER, "slot": "r0", **fields}
        return signature_of(b"".join(signed(seal(given.pop("kind"), **given), algorithm, lambda _: b"")))[1]

    others = [
        digest(kind=END),
        digest(owner=bytes(32)),
        digest(slot="r1"),
        digest(fingerprint=b"f" * 32),
        digest(header=b'{"a":1}'),
        digest(segments=[b"other"]),
        digest(segments=[StoredSegment(b"d" * 32, 7)]),
        digest(segments=[StoredSegment(b"e" * 32, 7)]),
        digest(flags=1),
        digest(algorithm=2),
    ]
    assert len({digest(), *others}) == 11


def test_another_algorithm_than_the_signed_one_is_noticed():
    data = bytearray(b"".join(signed(seal(RESULT, owner=OWNER, slot="r0"), 1, lambda _: b"")))
    data[107] = 2
    with pytest.raises(CorruptBlob, match="digest"):
        opened(bytes(data))


def test_what_is_too_short_has_no_signature():
    assert signature_of(sealed()[:207]) is None
    assert signature_of(sealed()) == (0, sealed()[72:104], bytes(64))


def test_what_was_refused_is_there_and_cannot_be_opened():
    refused = Refused(b"it is not signed")
    assert kind_of(refused) == 0
    with pytest.raises(UnverifiedBlob, match="it is not signed"):
        opened(refused)
