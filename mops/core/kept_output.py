"""What a remote printed, as it is kept beside its epoch: its beginning, its end, and how much was left out between."""

from typing import Final, final

from mops.core.blob_layout import Memo, output_slot
from mops.core.envelope import OUTPUT, header_json, seal, unseal
from mops.core.errors import CorruptBlob
from mops.core.ports.blob_store import Buffer

HEAD: Final = 64 << 10
"""Bytes that are kept of the beginning."""
TAIL: Final = 448 << 10
"""Bytes that are kept of the end."""


@final
class KeptOutput:
    """Bounded output, in order of arrival: a megabyte at most is ever held of it.

    Attributes:
        left_out: bytes between its beginning and its end that are not kept.
    """

    __slots__ = ("_head", "_tail", "left_out")

    def __init__(self, kept: bytes = b"", left_out: int = 0) -> None:
        self._head = bytearray(kept[:HEAD])
        self._tail = bytearray(kept[HEAD:])
        self.left_out = left_out

    @property
    def printed(self) -> int:
        """Bytes that were printed."""
        return len(self._head) + self.left_out + len(self._tail)

    def add(self, data: bytes) -> None:
        """Append what was printed next."""
        room = HEAD - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        excess = max(0, len(self._tail) - TAIL)
        del self._tail[:excess]
        self.left_out += excess

    def after(self, position: int) -> bytes:
        """What was printed after so many bytes; a line that says how much stands for what is not kept of it."""
        gap = len(self._head)
        missing = gap + self.left_out - max(position, gap)
        note = b"\n[%d bytes are left out here]\n" % missing if self.left_out and missing > 0 else b""
        return bytes(self._head[position:]) + note + bytes(self._tail[max(0, position - gap - self.left_out) :])

    def last_lines(self, count: int) -> bytes:
        """The end of it."""
        return b"".join(self.after(0).splitlines(keepends=True)[-count:])

    def parts(self, memo: Memo, epoch: int, utc: float) -> list[Buffer]:
        """The blob that keeps it."""
        header = header_json(utc=utc, left_out=self.left_out)
        kept = (bytes(self._head + self._tail),)
        return seal(
            OUTPUT,
            owner=memo.digest,
            slot=output_slot(epoch),
            fingerprint=memo.fingerprint,
            header=header,
            segments=kept,
        )


def read_output(memo: Memo, epoch: int, data: Buffer) -> KeptOutput:
    """Undo ``KeptOutput.parts``.

    Raises:
        CorruptBlob: these are not the bytes that were written.
        FormatTooNew: a later mops wrote them.
    """
    envelope = unseal(data, owner=memo.digest, slot=output_slot(epoch))
    left_out = envelope.header().get("left_out")
    if envelope.kind != OUTPUT or type(left_out) is not int:
        raise CorruptBlob("not what a remote printed")
    return KeptOutput(b"".join(bytes(part) for part in envelope.whole), left_out)
