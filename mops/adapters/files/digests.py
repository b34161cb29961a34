"""Digests of files: streamed, and remembered for as long as nobody can have changed the file unseen.

What a file consists of is never guessed from its modification time, which anybody can set. A digest is remembered under
device, inode, size, modification and status change time; nobody can set the last one back. Two changes could still hide
behind an equal one:

- one within the clock's resolution of another: so the last change has to be two seconds old;
- one through a shared memory map whose page is dirty already, which touches no time stamp at all: so nobody may have
  the file open for writing when the hashing starts. Whoever opens it later has to make his first change, and so his
  page dirty, which does set the time.

The kernel tells whether somebody has a file open for writing when it is asked for a lease, which Linux gives to the
owner of a file alone: what is somebody else's is hashed each time, and so is everything on other systems. So are small
files, since that takes no longer than asking.
"""

import os
import time
from typing import Final, NamedTuple

from blake3 import blake3

from mops.adapters.files.drafts import close
from mops.adapters.files.hashing import WORTH_A_PROCESS, hash_in_process
from mops.adapters.files.identity import SETTLED, Identity, identity_of
from mops.adapters.files.reading import OPENING, regular
from mops.adapters.following import follow
from mops.core.errors import FileChanged
from mops.core.ports.transfers import Advance

_FOLLOWED: Final = 8 << 20  # bytes: on a slow disk, so many take a while
_CHUNK: Final = 256 << 10  # bytes: what was read is hashed while it is in the processor's cache

SMALL: Final = 64 << 10
"""Bytes from which a file is worth to be remembered, and not read at once."""
_REMEMBERED: Final = 1 << 15  # files; about 10 MB

_known: dict[Identity, bytes] = {}  # of this process


class FileDigest(NamedTuple):
    """What a file consists of.

    Attributes:
        digest: the 32 bytes of its BLAKE3.
        size: bytes.
    """

    digest: bytes
    size: int


def file_digest(path: str | bytes) -> FileDigest:
    """Digest a file, in less than a MiB of memory. Safe to be called from any number of threads at once.

    Whatever is no regular file is refused before it is opened: nobody waits for the other end of a named pipe, and no
    device does anything. Symbolic links are followed.

    Raises:
        FileChanged: somebody changed it meanwhile, or its content is made up while it is read, as below ``/proc``.
        OSError: it has gone, is no regular file, or cannot be read.
    """
    regular(os.stat(path))
    fd = os.open(path, OPENING)
    try:
        return digest_of_open(fd, path, os.fstat(fd))
    finally:
        close(fd)


def digest_of_open(fd: int, name: str | bytes, status: os.stat_result) -> FileDigest:
    """As ``file_digest``, for a file that was just opened for reading.

    Args:
        fd: at the start of the file.
        name: for errors.
        status: of the file, as it was opened.

    Raises:
        As ``file_digest``.
    """
    identity, size = identity_of(regular(status)), status.st_size
    known = _known.get(identity)
    if known is not None:
        return FileDigest(known, size)
    lasting = size >= SMALL and time.time() - status.st_ctime > SETTLED and _nobody_writes(fd)
    digest = _hash(fd, size) if size < _FOLLOWED else _hash_followed(fd, size, name)
    if digest is None or identity_of(os.fstat(fd)) != identity:
        raise FileChanged(f"{os.fsdecode(name)} changed while it was read")
    if lasting:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[identity] = digest
    return FileDigest(digest, size)


def _hash_followed(fd: int, size: int, name: str | bytes) -> bytes | None:
    with follow(f"hashing {os.path.basename(os.fsdecode(name))}", size) as advance:
        return (size >= WORTH_A_PROCESS and hash_in_process(fd, size, advance)) or _hash(fd, size, advance)


def _hash(fd: int, size: int, advance: Advance | None = None) -> bytes | None:
    """The digest of what is left to be read; ``None`` if that is not so many bytes."""
    if size < SMALL:
        content = os.read(fd, size + 1)
        if len(content) == size:
            return bytes(blake3(content).digest())
        os.lseek(fd, 0, os.SEEK_SET)
    hasher, left = blake3(), size
    with memoryview(bytearray(min(size + 1, _CHUNK))) as buffer:
        while count := os.readv(fd, [buffer]):
            left -= count
            if left < 0:
                return None
            hasher.update(buffer[:count])
            if advance is not None:
                advance(count)
    return bytes(hasher.digest()) if left == 0 else None


def _nobody_writes(fd: int) -> bool:
    """Whether nobody has the file open for writing, or mapped so, as far as one can know."""
    import signal  # not for a program without files

    try:
        import fcntl

        set_signal, set_lease = fcntl.F_SETSIG, fcntl.F_SETLEASE
    except (ImportError, AttributeError):
        return False  # not Linux
    try:
        # Who opens the file at this very moment waits until the lease is given back, and the kernel tells the holder
        # by a signal. The one for leases would end the process; this one does nothing.
        fcntl.fcntl(fd, set_signal, signal.SIGURG)
        fcntl.fcntl(fd, set_lease, fcntl.F_RDLCK)
        fcntl.fcntl(fd, set_lease, fcntl.F_UNLCK)
    except OSError:
        return False
    return True
