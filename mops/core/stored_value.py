"""What an envelope has to hold of a value."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from mops.core.envelope import NEEDS_HEADER, PLAIN, Segment
from mops.core.files import StoredFile


class StoredValue(NamedTuple):
    """A value whose large parts and files are in the store.

    Attributes:
        segments: the payload.
        files: what the value has outside of it.
        codec: the format, where it is not the serializer's own.
    """

    segments: Sequence[Segment]
    files: Sequence[StoredFile] = ()
    codec: str = ""

    @property
    def flags(self) -> int:
        """The flags of the envelope."""
        return NEEDS_HEADER if self.files or self.codec else PLAIN

    def header(self) -> dict[str, Any]:
        """What the header says of files; nothing where there are none."""
        rows = [[file.key, file.digest.hex(), file.size, file.kind, file.name] for file in self.files]
        return {"files": rows} if rows else {}


NOTHING: Final = StoredValue((b"",))
"""Of a value that is not kept."""
