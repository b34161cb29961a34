"""The envelope: how every blob under ``memo/``, ``session/`` and ``batch/`` is framed.

    offset  bytes
         0      8   magic
         8     64   signature, zero where there is none and where it is shorter
        72     32   BLAKE3 of everything that follows; what is signed, together with the key of the blob
       104      2   format version
       106      1   kind
       107      1   signature algorithm, zero for none
       108      4   length of the header
       112      4   number of segments; zero: the payload is one segment, all of it
       116      4   flags; 1: the value cannot be read without the header, which names its codec or its files
       120      8   length of the payload
       128     16   slot: the last part of the blob's key, such as ``r0`` or ``e1.2``, zero-padded
       144     32   owner: digest of the memo key, of the session id, or of the batch id, that the blob belongs to
       176     32   code fingerprint, zero where there is none
       208          header: JSON, at most 4 MiB; zeros up to a multiple of 64
                    payload: the segment table, then the segments, each on a multiple of 64

A row of the segment table is ``offset in the payload, length, digest``. A segment of more than 1 MiB is not in the
envelope but raw under ``blob/``, named by its digest; its offset is all ones. So an envelope is small, always verified
whole, and says exactly which bytes it refers to. A reader checks magic, version, bounds, owner, slot and digest, and
only then decodes. Magic, signature, digest, version and algorithm stay where they are in every version, so that a
damaged version is told from a later one, and who wrote it as well.
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, final

from blake3 import blake3

from mops.core.errors import CorruptBlob, FormatTooNew, UnverifiedBlob

MAGIC: Final = b"\x89MOPS\r\n\x1a"
FORMAT_VERSION: Final = 1
MAX_HEADER: Final = 4 << 20
INLINE_LIMIT: Final = 1 << 20
"""Bytes; a larger segment goes to ``blob/``."""
NO_FINGERPRINT: Final = bytes(32)

PLAIN, NEEDS_HEADER = 0, 1
"""Flags."""

RESULT, TOMBSTONE, CLAIM, ADOPTION, LEAVE, END, HEARTBEAT, OUTPUT, MANIFEST = range(1, 10)

_PREAMBLE: Final = struct.Struct("<8s64s32sHBBIIIQ16s32s32s")
_unpack: Final = _PREAMBLE.unpack_from
_COVERED: Final = struct.Struct("<HBBIIIQ16s32s32s")
_COVERED_FROM: Final = 104
_ALGORITHM_AT: Final = 3
"""Within what the digest covers."""
_SIGNATURE_SIZE: Final = 64
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
class Refused(bytes):
    """What a reader gets in place of an envelope that it must not believe: the reason, in fewer bytes than a preamble.

    So whoever asks only whether there is a blob learns that there is; to open it raises ``UnverifiedBlob``.
    """

    __slots__ = ()


@final
class Envelope:
    """A verified envelope.

    Attributes:
        kind: one of the constants of this module.
        fingerprint: 32 bytes.
        needs_header: the value cannot be read without the header.
    """

    __slots__ = ("_count", "_data", "_header_end", "_payload_start", "fingerprint", "kind", "needs_header")

    def __init__(
        self,
        kind: int,
        fingerprint: bytes,
        data: memoryview,
        header_end: int,
        payload_start: int,
        count: int,
        flags: int,
    ) -> None:
        self.kind = kind
        self.needs_header = flags != PLAIN
        self.fingerprint = fingerprint
        self._data = data
        self._header_end = header_end
        self._payload_start = payload_start
        self._count = count

    @property
    def header_bytes(self) -> memoryview:
        """JSON, not parsed."""
        return self._data[_PREAMBLE.size : self._header_end]

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

    @property
    def whole(self) -> list[memoryview]:
        """The payload, where it is one segment, and all of the value; else nothing."""
        return [] if self._count or self.needs_header else [self._data[self._payload_start :]]

    @property
    def size(self) -> int:
        """Bytes of the payload, wherever they are stored.

        Raises:
            CorruptBlob: as ``segments``.
        """
        return sum(part.length if isinstance(part, StoredSegment) else len(part) for part in self.segments())

    def segments(self) -> list[Segment]:
        """The payload's parts, in order.

        Raises:
            CorruptBlob: the table points outside the payload.
        """
        if not self._count:
            return [self._data[self._payload_start :]]
        payload = self._data[self._payload_start :]
        return [_segment(payload, *_SEGMENT.unpack_from(payload, i * _SEGMENT.size)) for i in range(self._count)]


def _segment(payload: memoryview, offset: int, length: int, digest: bytes) -> Segment:
    if offset == _ELSEWHERE:
        return StoredSegment(digest, length)
    if offset + length > len(payload):
        raise CorruptBlob("a segment lies outside its envelope")
    return payload[offset : offset + length]


def header_json(**fields: Any) -> bytes:
    """Write a header. Values are plain data; a value of type ``bytes`` is JSON already and stands as it is."""
    text_of = _writer()
    texts = [f'"{name}":{text_of(value)}' for name, value in fields.items()]
    return f"{{{','.join(texts)}}}".encode()


@cache
def _writer() -> Callable[[Any], str]:
    """What writes a value. Most are scalars, with which a call of the encoder takes ten times as long."""
    from json import JSONEncoder  # a hit writes no header, and should not pay for the import
    from json.encoder import encode_basestring_ascii

    encode = JSONEncoder(separators=(",", ":")).encode
    constants = {None: "null", True: "true", False: "false"}
    scalars: dict[type, Callable[[Any], str]] = {
        str: encode_basestring_ascii,
        int: int.__repr__,
        float: lambda value: float.__repr__(value) if value - value == 0 else encode(value),
        bool: constants.__getitem__,
        type(None): constants.__getitem__,
        bytes: bytes.decode,
    }

    def write(value: Any) -> str:
        scalar = scalars.get(type(value))
        if scalar is not None:
            return scalar(value)
        if isinstance(value, list | tuple):
            return f"[{','.join(map(write, value))}]"
        return encode(value)

    return write


def seal(
    kind: int,
    *,
    owner: bytes,
    slot: str,
    fingerprint: bytes = NO_FINGERPRINT,
    header: bytes = b"{}",
    segments: Sequence[Segment] = (b"",),
    flags: int = PLAIN,
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
        FORMAT_VERSION, kind, 0, len(header), count, flags, length, slot.encode(), owner, fingerprint
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
        UnverifiedBlob: they were ``Refused``.
        FormatTooNew: a later mops wrote them.
    """
    total = len(data)
    if total < _PREAMBLE.size:
        if isinstance(data, Refused):
            raise UnverifiedBlob(data.decode())
        raise CorruptBlob(f"{total} bytes are too few for an envelope")
    magic, _, digest, version, kind, _, header_size, count, flags, size, its_slot, its_owner, code = _unpack(data)
    if magic != MAGIC:
        raise CorruptBlob("not an envelope: the magic number is missing")
    if version > FORMAT_VERSION and blake3(memoryview(data)[_COVERED_FROM:]).digest() == digest:
        raise FormatTooNew(f"written in format {version}; this mops reads up to {FORMAT_VERSION}")
    header_end = _PREAMBLE.size + header_size
    start = header_end + -header_end % _ALIGNMENT
    if start + size != total or count * _SEGMENT.size > size:
        raise CorruptBlob(f"an envelope of {start + size} bytes has {total}: it is truncated or damaged")
    if its_owner != owner or its_slot.rstrip(b"\0") != slot.encode():
        raise CorruptBlob("an envelope that belongs to another key")
    view = memoryview(data)
    if blake3(view[_COVERED_FROM:]).digest() != digest:
        raise CorruptBlob("the digest of an envelope does not match its bytes")
    return Envelope(kind, code, view, header_end, start, count, flags)


def signed(
    parts: Sequence[bytes | memoryview], algorithm: int, sign: Callable[[bytes], bytes]
) -> list[bytes | memoryview]:  # fmt: skip
    """The parts of an envelope, as ``seal`` gave them, with a signature of their digest.

    The digest covers all but the magic and the signature, so a signature of it covers the algorithm's number as well.
    """
    _, covered, *rest = parts
    covered = b"".join((covered[:_ALGORITHM_AT], bytes((algorithm,)), covered[_ALGORITHM_AT + 1 :]))
    hasher = blake3(covered)
    for part in rest:
        hasher.update(part)
    digest = hasher.digest()
    return [MAGIC + sign(digest).ljust(_SIGNATURE_SIZE, b"\0") + digest, covered, *rest]


def signature_of(data: bytes | memoryview) -> tuple[int, bytes, bytes] | None:
    """Number of the algorithm, digest and signature that an envelope claims; ``None`` where it is too short for them.

    Whether the digest is that of the envelope is for ``unseal`` to find out.
    """
    if len(data) < _PREAMBLE.size:
        return None
    _, signature, digest, _, _, algorithm, *_ = _unpack(data)
    return algorithm, digest, signature


def kind_of(data: bytes | memoryview) -> int:
    """The kind that an envelope claims to be, unverified; 0 where not even that can be read."""
    return memoryview(data)[106] if len(data) > 106 else 0
