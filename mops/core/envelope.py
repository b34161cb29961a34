"""The envelope: how every blob under ``memo/``, ``session/`` and ``batch/`` is framed.

    offset  bytes
         0      8   magic
         8     64   signature, zero where there is none
        72     32   BLAKE3 of everything that follows
       104      2   format version
       106      1   kind
       107      1   signature algorithm, zero for none
       108      4   length of the header
       112      4   number of segments; zero: the payload is one segment, all of it
       116      4   zero
       120      8   length of the payload
       128     16   slot: the last part of the blob's key, such as ``r0`` or ``e1.2``, zero-padded
       144     32   owner: digest of the memo key, or of the session id, that the blob belongs to
       176     32   code fingerprint, zero where there is none
       208          header: JSON, at most 4 MiB; zeros up to a multiple of 64
                    payload: the segment table, then the segments, each on a multiple of 64

A row of the segment table is ``offset in the payload, length, digest``. A segment of more than 1 MiB is not in the
envelope but raw under ``blob/``, named by its digest; its offset is all ones. So an envelope is small, always verified
whole, and says exactly which bytes it refers to. A reader checks magic, version, bounds, owner, slot and digest, and
only then decodes. Magic, digest and version stay where they are in every version, so that a damaged version is told
from a later one.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, final

from blake3 import blake3

from mops.core.errors import CorruptBlob, FormatTooNew

MAGIC: Final = b"\x89MOPS\r\n\x1a"
FORMAT_VERSION: Final = 1
MAX_HEADER: Final = 4 << 20
INLINE_LIMIT: Final = 1 << 20
"""Bytes; a larger segment goes to ``blob/``."""
NO_FINGERPRINT: Final = bytes(32)

RESULT, TOMBSTONE, CLAIM, ADOPTION, LEAVE, END, HEARTBEAT = range(1, 8)

_PREAMBLE: Final = struct.Struct("<8s64s32sHBBIIIQ16s32s32s")
_COVERED: Final = struct.Struct("<HBBIIIQ16s32s32s")
_COVERED_FROM: Final = 104
_SEGMENT: Final = struct.Struct("<QQ32s")
_ELSEWHERE: Final = 2**64 - 1
_ALIGNMENT: Final = 64


@final
class StoredSegment:
    """A segment that is stored under ``blob/``."""

    __slots__ = ("digest", "length")

    def __init__(self, digest: bytes, length: int) -> None:
        self.digest = digest
        self.length = length


Segment = bytes | memoryview | StoredSegment


@final
class Envelope:
    """A verified envelope.

    Attributes:
        kind: one of the constants of this module.
        fingerprint: 32 bytes.
        header_bytes: JSON, not parsed yet.
    """

    __slots__ = ("_count", "_payload", "fingerprint", "header_bytes", "kind")

    def __init__(
        self, kind: int, fingerprint: bytes, header_bytes: memoryview, payload: memoryview, count: int
    ) -> None:
        self.kind = kind
        self.fingerprint = fingerprint
        self.header_bytes = header_bytes
        self._payload = payload
        self._count = count

    def header(self) -> dict[str, Any]:
        """Parse the header.

        Raises:
            CorruptBlob: it is not a JSON object.
        """
        import json  # a hit parses no header, and should not pay for the import

        try:
            header = json.loads(bytes(self.header_bytes))
        except ValueError as error:
            raise CorruptBlob("the header of an envelope is not JSON") from error
        if not isinstance(header, dict):
            raise CorruptBlob("the header of an envelope is not a JSON object")
        return header

    def segments(self) -> list[Segment]:
        """The payload's parts, in order.

        Raises:
            CorruptBlob: the table points outside the payload.
        """
        if not self._count:
            return [self._payload]
        return [self._segment(_SEGMENT.unpack_from(self._payload, i * _SEGMENT.size)) for i in range(self._count)]

    def _segment(self, row: tuple[int, int, bytes]) -> Segment:
        offset, length, digest = row
        if offset == _ELSEWHERE:
            return StoredSegment(digest, length)
        if offset + length > len(self._payload):
            raise CorruptBlob("a segment lies outside its envelope")
        return self._payload[offset : offset + length]


def header_json(**fields: Any) -> bytes:
    """Write a header. Values are plain data; a value of type ``bytes`` is JSON already and stands as it is."""
    import json

    raw = {name: value for name, value in fields.items() if type(value) is bytes}
    plain = json.dumps({name: value for name, value in fields.items() if name not in raw}, separators=(",", ":"))
    parts = [plain[1:-1].encode()] if len(plain) > 2 else []
    parts += [json.dumps(name).encode() + b":" + value for name, value in raw.items()]
    return b"{" + b",".join(parts) + b"}"


def seal(
    kind: int,
    *,
    owner: bytes,
    slot: str,
    fingerprint: bytes = NO_FINGERPRINT,
    header: bytes = b"{}",
    segments: Sequence[Segment] = (b"",),
) -> list[bytes | memoryview]:
    """Frame a header and the segments of a payload. Segments are referred to, not copied.

    Returns:
        The parts of the blob, in order.
    """
    if len(header) > MAX_HEADER:
        raise ValueError(f"a header of {len(header)} bytes is over the limit of {MAX_HEADER}")
    count, payload = _lay_out(segments)
    length = sum(map(len, payload))
    covered = _COVERED.pack(
        FORMAT_VERSION, kind, 0, len(header), count, 0, length, slot.encode(), owner, fingerprint
    )  # fmt: skip
    parts = [covered, header, bytes(-(_PREAMBLE.size + len(header)) % _ALIGNMENT), *payload]
    hasher = blake3(parts[0])
    for part in parts[1:]:
        hasher.update(part)
    return [MAGIC + bytes(64) + hasher.digest(), *parts]


def _lay_out(segments: Sequence[Segment]) -> tuple[int, list[bytes | memoryview]]:
    """The number of rows, and the parts of the payload: table, then each segment with the padding before it."""
    first = segments[0]
    if len(segments) == 1 and not isinstance(first, StoredSegment):
        return 0, [first]
    offset = len(segments) * _SEGMENT.size
    rows, parts = [], []
    for segment in segments:
        if isinstance(segment, StoredSegment):
            rows.append(_SEGMENT.pack(_ELSEWHERE, segment.length, segment.digest))
            continue
        padding = -offset % _ALIGNMENT
        offset += padding
        rows.append(_SEGMENT.pack(offset, len(segment), bytes(32)))
        parts += [bytes(padding), segment]
        offset += len(segment)
    return len(rows), [b"".join(rows), *parts]


def unseal(data: bytes | memoryview, *, owner: bytes, slot: str) -> Envelope:
    """Verify one blob and open it.

    Args:
        data: the blob, whole.
        owner: the digest that the blob must belong to.
        slot: the last part of the key that it was read from.

    Raises:
        CorruptBlob: these are not the bytes that were written under this key.
        FormatTooNew: a later mops wrote them.
    """
    view = memoryview(data)
    if len(view) < _PREAMBLE.size or bytes(view[:8]) != MAGIC:
        raise CorruptBlob("not an envelope: the magic number is missing")
    _, _, digest, version, kind, _, header_size, count, _, size, its_slot, its_owner, fingerprint = (
        _PREAMBLE.unpack_from(view)
    )
    if version > FORMAT_VERSION and blake3(view[_COVERED_FROM:]).digest() == digest:
        raise FormatTooNew(f"written in format {version}; this mops reads up to {FORMAT_VERSION}")
    start = _PREAMBLE.size + header_size
    start += -start % _ALIGNMENT
    if start + size != len(view) or count * _SEGMENT.size > size:
        raise CorruptBlob(f"an envelope of {start + size} bytes has {len(view)}: it is truncated or damaged")
    if its_owner != owner or its_slot.rstrip(b"\0") != slot.encode():
        raise CorruptBlob("an envelope that belongs to another key")
    if blake3(view[_COVERED_FROM:]).digest() != digest:
        raise CorruptBlob("the digest of an envelope does not match its bytes")
    return Envelope(kind, fingerprint, view[_PREAMBLE.size : _PREAMBLE.size + header_size], view[start:], count)


def kind_of(data: bytes | memoryview) -> int:
    """The kind that an envelope claims to be, unverified; 0 where not even that can be read."""
    return memoryview(data)[106] if len(data) > 106 else 0
