"""Reading what must have a certain digest: large files are verified once while they stand unchanged."""

import os
import time
from collections.abc import Callable, Iterator, Sequence

from mops.adapters.files.drafts import close
from mops.adapters.files.identity import SETTLED, Identity, identity_of
from mops.adapters.files.reading import OPENING, is_mapped, read, regular
from mops.core.canonical.leaves import content_digest, digest_of_blocks
from mops.core.ports.blob_store import Buffer

_STEP = 32 << 20  # bytes; a file in pages that are not in memory takes a moment for so many
_REMEMBERED = 4096

_verified: dict[Identity, bytes] = {}  # digests by identity, of this process


def digest_of(parts: Sequence[Buffer], advance: Callable[[int], None] | None = None) -> bytes:
    """The 32 bytes of BLAKE3 over the parts. ``advance`` is told of the bytes."""
    if advance is None:
        return content_digest(*parts)
    return digest_of_blocks(_followed(parts, advance), sum(map(len, parts)))


def _followed(parts: Sequence[Buffer], advance: Callable[[int], None]) -> Iterator[Buffer]:
    """The parts in steps, each of which is told of when the next one is asked for."""
    for part in parts:
        for at in range(0, len(part), _STEP):
            piece = memoryview(part)[at : at + _STEP]
            yield piece
            advance(len(piece))


def read_verified(path: str, digest: bytes, advance: Callable[[int], None] | None = None) -> Buffer | None:
    """Read a file whole; ``None`` if its digest is another. ``advance`` is told of the bytes.

    A mapped file is hashed once a process, as long as it keeps its identity. Only a change within the clock's
    resolution of another could hide, so a file that changed lately is not remembered.
    """
    fd = os.open(path, OPENING)
    try:
        status = regular(os.fstat(fd))  # before the bytes: a change from here on gives the file another identity
        content = read(fd)
    finally:
        close(fd)
    mapped = is_mapped(status)
    identity = identity_of(status)
    if mapped and _verified.get(identity) == digest:
        return content
    if digest_of((content,), advance) != digest:
        return None
    if mapped and time.time() - status.st_ctime > SETTLED:
        _remember(identity, digest)
    return content


def _remember(identity: Identity, digest: bytes) -> None:
    while len(_verified) >= _REMEMBERED:
        _verified.pop(next(iter(_verified)), None)
    _verified[identity] = digest
