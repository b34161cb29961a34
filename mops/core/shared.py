"""Objects that many calls share: each is one blob, stored once, and referred to by its content after that.

The blob holds the buffers of the pickled object: how many there are, offset and length of each, then the buffers, each
on a multiple of 64, so that a memory map of the blob needs no copy.
"""

import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

from mops.core.errors import CorruptBlob

_Buffer: TypeAlias = bytes | memoryview

_COUNT: Final = struct.Struct("<Q")
_ROW: Final = struct.Struct("<QQ")
_ALIGNMENT: Final = 64


def pack(buffers: Sequence[_Buffer]) -> list[_Buffer]:
    """The pieces of a blob that holds the buffers, which are not copied."""
    offset = _COUNT.size + len(buffers) * _ROW.size
    rows: list[bytes] = [_COUNT.pack(len(buffers))]
    pieces: list[_Buffer] = []
    for buffer in buffers:
        padding = -offset % _ALIGNMENT
        offset += padding
        rows.append(_ROW.pack(offset, len(buffer)))
        pieces += [bytes(padding), buffer]
        offset += len(buffer)
    return [b"".join(rows), *pieces]


def unpack(blob: _Buffer) -> list[_Buffer]:
    """The buffers that a blob holds, as views of it.

    Raises:
        CorruptBlob: it is no such blob.
    """
    view = memoryview(blob)
    try:
        (count,) = _COUNT.unpack_from(view)
        rows = [_ROW.unpack_from(view, _COUNT.size + i * _ROW.size) for i in range(min(count, len(view)))]
    except struct.error as error:
        raise CorruptBlob("not the blob of a shared object") from error
    if any(offset + length > len(view) for offset, length in rows):
        raise CorruptBlob("a buffer lies outside of the blob of its shared object")
    return [view[offset : offset + length] for offset, length in rows]
