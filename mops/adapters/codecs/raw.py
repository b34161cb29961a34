"""Bytes as they are: a stored PDF is a PDF."""

from collections.abc import Sequence
from types import NotImplementedType
from typing import Final

from mops.core.envelope import INLINE_LIMIT
from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import Codec


class BytesCodec(Codec[bytes]):
    """Bytes over 1 MiB; fewer lie in an envelope."""

    @property
    def name(self) -> str:
        """``bytes``."""
        return "bytes"

    def encode(self, value: bytes, /) -> Sequence[Buffer] | NotImplementedType:
        """As the port says."""
        return [value] if len(value) > INLINE_LIMIT else NotImplemented

    def decode(self, buffer: Buffer, /) -> bytes:
        """As the port says."""
        return bytes(buffer)


class BytearrayCodec(Codec[bytearray]):
    """Byte arrays over 1 MiB."""

    @property
    def name(self) -> str:
        """``bytearray``."""
        return "bytearray"

    def encode(self, value: bytearray, /) -> Sequence[Buffer] | NotImplementedType:
        """As the port says."""
        return [memoryview(value)] if len(value) > INLINE_LIMIT else NotImplemented

    def decode(self, buffer: Buffer, /) -> bytearray:
        """As the port says."""
        return bytearray(buffer)


CODECS: Final = {bytes: BytesCodec(), bytearray: BytearrayCodec()}
