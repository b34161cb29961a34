"""Encodings that contain no others: scalars, and columns of scalars. The grammar stands in ``core/canonical.py``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from struct import Struct, error, pack
from types import EllipsisType, NoneType, NotImplementedType
from typing import Any, NamedTuple

from blake3 import blake3

LIMIT = 64
"""Bytes of the longest encoding."""

_ONE_CALL = 1 << 16  # up to here joining tag and payload is cheaper than a second call of the hasher
_TWO_THREADS = 8 << 20  # from here a second thread pays; never AUTO, which hangs in a forked child

_long = Struct("<cq").pack
_double = Struct("<d").pack
_two_doubles = Struct("<dd").pack


class Encoded(NamedTuple):
    """An encoding that is known already, as a child of a node.

    Attributes:
        encoding: the encoding.
        source: what it is the encoding of, for descriptions.
    """

    encoding: bytes
    source: object = None


def content_digest(*contents: bytes | bytearray | memoryview) -> bytes:
    """Give the 32 bytes of the BLAKE3 of contiguous bytes, one after the other; in two threads where that pays."""
    return digest_of_blocks(contents, sum(map(len, contents)))


def digest_of_blocks(blocks: Iterable[bytes | bytearray | memoryview], size: int) -> bytes:
    """As ``content_digest``, of blocks that need not be there at the same time, of so many bytes in all."""
    hasher = blake3(max_threads=_threads(size))
    for content in blocks:
        hasher.update(content)
    return hasher.digest()


def fold(tag: bytes, payload: bytes | bytearray) -> bytes:
    """Join tag and payload, or give ``#`` and the digest of both where they are longer than 64 bytes."""
    size = len(payload)
    if size < LIMIT:
        return tag + payload
    if size < _ONE_CALL:
        return b"#" + blake3(tag + payload).digest()
    return b"#" + blake3(tag, max_threads=_threads(size)).update(payload).digest()


def node(tag: bytes, children: Sequence[bytes]) -> bytes:
    """Encode a node from the encodings of its children."""
    return fold(tag, b"".join((len(children).to_bytes(8, "little"), bytes(map(len, children)), *children)))


def _threads(size: int) -> int:
    return 2 if size >= _TWO_THREADS else 1


def _int(value: int) -> bytes:
    try:
        return _long(b"i", value)
    except error:
        return fold(b"n", _wide(value))


def _wide(value: int) -> bytes:
    return value.to_bytes((value.bit_length() >> 3) + 1, "little", signed=True)


def _str(value: str) -> bytes:
    return fold(b"u", value.encode("utf-8", "surrogatepass"))


LEAVES: Mapping[type, Callable[[Any], bytes]] = {
    NoneType: lambda _: b"0",
    bool: lambda value: b"+" if value else b"-",
    EllipsisType: lambda _: b".",
    NotImplementedType: lambda _: b"!",
    int: _int,
    float: lambda value: b"f" + _double(value),
    complex: lambda value: b"c" + _two_doubles(value.real, value.imag),
    str: _str,
    bytes: lambda value: fold(b"b", value),
    bytearray: lambda value: fold(b"a", value),
    Encoded: attrgetter("encoding"),
}
"""The encoding of each exact scalar type."""


# ------------------------------------------------------------------------------------------------ columns of one type
def _lengths(items: Sequence[Any]) -> bytes:
    return pack(f"<{len(items)}Q", *map(len, items))


def _ints(items: Sequence[int]) -> bytes:
    try:
        return b"i" + pack(f"<{len(items)}q", *items)
    except error:
        wide = list(map(_wide, items))
        return b"I" + len(items).to_bytes(8, "little") + _lengths(wide) + b"".join(wide)


def _strs(items: Sequence[str]) -> bytes:
    text = "".join(items).encode("utf-8", "surrogatepass")  # lengths count code points, so the split is unambiguous
    return b"".join((b"u", len(items).to_bytes(8, "little"), _lengths(items), text))


_PACKERS: Mapping[type, Callable[[Any], bytes]] = {
    NoneType: lambda items: b"0" + len(items).to_bytes(8, "little"),
    bool: lambda items: b"?" + bytes(items),
    int: _ints,
    float: lambda items: b"f" + pack(f"<{len(items)}d", *items),
    str: _strs,
    bytes: lambda items: b"".join((b"b", len(items).to_bytes(8, "little"), _lengths(items), *items)),
}

SCALARS = frozenset(_PACKERS)
"""The types that have packed columns."""


def packed(kind: type, items: Sequence[Any]) -> Encoded:
    """Encode a column of scalars that are all of the one exact type: ``p``, the type's letter, count and data."""
    return Encoded(fold(b"p", _PACKERS[kind](items)))
