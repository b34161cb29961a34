"""Blobs by content: hashed while they are written."""

import os
import threading
from collections.abc import Callable, Sequence

from blake3 import blake3

from mops.adapters.blob_stores.local.files import Files
from mops.adapters.files.drafts import reserve, write
from mops.adapters.files.verifying import digest_of
from mops.core.ports.blob_store import Buffer

_HASHED_BESIDE = 1 << 20  # a thread costs more than hashing less than this


def put_content(
    files: Files, path_of: Callable[[bytes], str], parts: Sequence[Buffer], advance: Callable[[int], None] | None
) -> bytes:
    """Write the parts to the path that their digest gives; a file that stands there stays."""
    size = sum(map(len, parts))
    if size < _HASHED_BESIDE:
        digest = digest_of(parts)
        path = path_of(digest)
        if not os.path.isfile(path):
            files.create(path, parts)
        return digest
    draft = files.draft("upload")
    try:
        if files.anonymous:
            reserve(draft.fd, size)
        digest = _write_and_hash(draft.fd, parts, advance)
        files.publish(draft, path_of(digest))
    finally:
        draft.close()
    return digest


def _write_and_hash(fd: int, parts: Sequence[Buffer], advance: Callable[[int], None] | None) -> bytes:
    digests: list[bytes] = []
    hashing = threading.Thread(target=lambda: digests.append(_digest_beside(parts)), name="mops-hash", daemon=True)
    hashing.start()
    try:
        write(fd, parts, advance)
    finally:
        hashing.join()
    return digests[0]


def _digest_beside(parts: Sequence[Buffer]) -> bytes:
    hasher = blake3(max_threads=1)  # the other processor writes
    for part in parts:
        hasher.update(part)
    return bytes(hasher.digest())
