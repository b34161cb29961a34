"""Values on their way to and from the store: small segments travel in the envelope, large ones by content."""

from collections.abc import Sequence
from typing import Any

from mops.core.blob_layout import content_key
from mops.core.claim import patiently
from mops.core.effects import GetContent, PutContent, Report, Steps, Sync
from mops.core.envelope import INLINE_LIMIT, Envelope, Segment, StoredSegment
from mops.core.errors import CorruptBlob, StoreError
from mops.core.ports.blob_store import Buffer


def store(buffers: Sequence[Buffer], patience: float, *, durable: bool = False) -> Steps[list[Segment]]:
    """Store what is too large for an envelope, and return what the envelope has to hold."""
    segments: list[Segment] = []
    for buffer in buffers:
        if len(buffer) <= INLINE_LIMIT:
            segments.append(buffer)
            continue
        digest = yield from patiently(PutContent(buffer), patience)
        if durable:
            yield from sync(content_key(digest))
        segments.append(StoredSegment(digest, len(buffer)))
    return segments


def sync(blob_key: str) -> Steps[None]:
    """Have a blob survive a power failure. What cannot be had is reported: the blob stands all the same."""
    try:
        yield Sync(blob_key)
    except StoreError as error:
        yield Report(f"{blob_key} is stored, but may not survive a power failure: {error.args[0]}")


def fetch(envelope: Envelope, patience: float) -> Steps[list[Buffer]]:
    """Bring the buffers of a payload together.

    Raises:
        CorruptBlob: one of them is gone, or is not what was written.
    """
    buffers: list[Buffer] = []
    for segment in envelope.segments():
        if not isinstance(segment, StoredSegment):
            buffers.append(segment)
            continue
        data: Any = yield from patiently(GetContent(segment.digest), patience)
        if data is None or len(data) != segment.length:
            raise CorruptBlob(f"its payload {content_key(segment.digest)} is gone")
        buffers.append(data)
    return buffers
