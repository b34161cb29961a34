"""Blobs by content: hashed while they are written, and verified once while they stand unchanged."""

import errno
import os
import threading
import time
from collections.abc import Callable, Sequence

from blake3 import blake3

from mops.adapters.blob_stores.local.drafts import close, write
from mops.adapters.blob_stores.local.files import Files
from mops.adapters.blob_stores.local.reading import OPENING, is_mapped, read, regular
from mops.core.ports.blob_store import Buffer

_HASHED_BESIDE = 1 << 20  # a thread costs more than hashing less than this
_HASHED_BY_TWO = 8 << 20
_SETTLED = 2.0  # seconds; a coarse clock may give two changes of one instant the same time
_REMEMBERED = 4096

_verified: dict[tuple[int, ...], bytes] = {}  # digests by identity, of this process


def digest_of(parts: Sequence[Buffer]) -> bytes:
    """The 32 bytes of BLAKE3 over the parts."""
    # Never AUTO: it hangs in a forked child whose parent has used it.
    hasher = blake3(max_threads=2 if sum(map(len, parts)) >= _HASHED_BY_TWO else 1)
    for part in parts:
        hasher.update(part)
    return bytes(hasher.digest())


def put_content(files: Files, path_of: Callable[[bytes], str], parts: Sequence[Buffer]) -> bytes:
    """Write the parts to the path that their digest gives; a file that stands there stays."""
    size = sum(map(len, parts))
    if size < _HASHED_BESIDE:
        digest = digest_of(parts)
        path = path_of(digest)
        if not os.path.isfile(path):
            files.create(path, parts)
        return digest
    draft = files.draft()
    try:
        if files.anonymous:
            _preallocate(draft.fd, size)
        digest = _write_and_hash(draft.fd, parts)
        files.publish(draft, path_of(digest))
    finally:
        draft.close()
    return digest


def _preallocate(fd: int, size: int) -> None:
    """Reserve the space, which makes writing faster, and a full disk known before it."""
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise


def _write_and_hash(fd: int, parts: Sequence[Buffer]) -> bytes:
    digests: list[bytes] = []
    hashing = threading.Thread(target=lambda: digests.append(_digest_beside(parts)), name="mops-hash", daemon=True)
    hashing.start()
    try:
        write(fd, parts)
    finally:
        hashing.join()
    return digests[0]


def _digest_beside(parts: Sequence[Buffer]) -> bytes:
    hasher = blake3(max_threads=1)  # the other processor writes
    for part in parts:
        hasher.update(part)
    return bytes(hasher.digest())


def read_verified(path: str, digest: bytes) -> Buffer | None:
    """Read a file whole; ``None`` if its digest is another.

    A mapped file is hashed once a process, as long as it keeps its identity: whoever changes a file changes its ctime,
    which nobody can set back. Only a change within the clock's resolution of another could hide, so a file whose ctime
    is younger than two seconds is not remembered.
    """
    fd = os.open(path, OPENING)
    try:
        status = regular(os.fstat(fd))  # before the bytes: a change from here on gives the file another identity
        content = read(fd)
    finally:
        close(fd)
    mapped = is_mapped(status)
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if mapped and _verified.get(identity) == digest:
        return content
    if digest_of((content,)) != digest:
        return None
    if mapped and time.time() - status.st_ctime > _SETTLED:
        _remember(identity, digest)
    return content


def _remember(identity: tuple[int, ...], digest: bytes) -> None:
    while len(_verified) >= _REMEMBERED:
        _verified.pop(next(iter(_verified)), None)
    _verified[identity] = digest
