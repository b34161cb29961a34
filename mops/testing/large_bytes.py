"""Bytes of any size that a failing law shows in a line."""

from typing import final

from mops.core.ports.blob_store import Buffer


@final
class LargeBytes:
    """Equal to equal bytes, but nothing that pytest looks into: to find how two of a megabyte differ takes it hours."""

    def __init__(self, data: Buffer | bytearray) -> None:
        self._data = bytes(data)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LargeBytes):
            return self._data == other._data
        return isinstance(other, bytes | bytearray | memoryview) and self._data == other

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return f"<{len(self._data):,} bytes: {self._data[:24].hex(' ')} ...>"
