"""Hashing a large file as fast as BLAKE3 can, without a copy of its bytes: in a process of its own.

Reading copies each byte, which takes half as long as hashing it with all processors. Mapping does not, but whoever
truncates a mapped file ends the process that looks at it, by SIGBUS. So the process that maps it is one that may die:
a bare interpreter, which is started for files that are worth it. It maps one window after the other, and so never has
more than that in memory.

Maps are slower than reading where a file is not in memory yet: then nobody is started.
"""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import blake3

if TYPE_CHECKING:
    import subprocess

WORTH_A_PROCESS: Final = 256 << 20
"""Bytes that take longer to be read than an interpreter takes to start."""

_WINDOW: Final = 32 << 20
_SAMPLES: Final = 16
_DIGEST: Final = 32
_PROGRAM: Final = """
import mmap, os, sys
sys.path.append(sys.argv[1])
from blake3 import blake3
size, window = int(sys.argv[2]), int(sys.argv[3])
hasher = blake3(max_threads=2)
for at in range(0, size, window):
    with mmap.mmap(0, min(window, size - at), flags=mmap.MAP_SHARED, prot=mmap.PROT_READ, offset=at) as content:
        hasher.update(content)
    os.write(1, b".")
os.write(1, hasher.digest())
"""


def hash_in_process(fd: int, size: int, advance: Callable[[int], None] | None = None) -> bytes | None:
    """The digest of an open file of that size.

    Args:
        fd: open for reading; its position does not change.
        size: bytes, and not none.
        advance: is told of the bytes that were hashed.

    Returns:
        32 bytes; ``None`` where it has to be read: it is not in memory, was truncated meanwhile, or there is no
        interpreter to start, or no second processor for it.
    """
    if not _is_in_memory(fd, size) or not _has_interpreter():
        return None
    import subprocess  # 10 ms that a small file does not need

    packages = os.path.dirname(os.path.dirname(str(blake3.__file__)))
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, packages, str(size), str(_WINDOW)]
    try:
        process = subprocess.Popen(command, bufsize=0, stdin=fd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None  # no memory, no process, no such interpreter any more
    with process:
        try:
            return _follow(process, size, advance)
        finally:
            process.kill()  # it has ended, or nobody waits for it any more


def _follow(process: "subprocess.Popen[bytes]", size: int, advance: Callable[[int], None] | None) -> bytes | None:
    windows, said, done = -(-size // _WINDOW), b"", 0
    assert process.stdout is not None
    while news := process.stdout.read(_SAMPLES + _DIGEST):
        said += news
        hashed = min(size, min(len(said), windows) * _WINDOW)
        if advance is not None:
            advance(hashed - done)
        done = hashed
    return said[windows:] if len(said) == windows + _DIGEST else None


def _has_interpreter() -> bool:
    """Whether there is a Python to start, and not a program that Python is embedded in; and a processor for it."""
    name = os.path.basename(sys.executable or "")
    return name.startswith("python") and not hasattr(sys, "frozen") and len(os.sched_getaffinity(0)) > 1


def _is_in_memory(fd: int, size: int) -> bool:
    """Whether some bytes all over the file can be read without waiting for a disk."""
    byte = bytearray(1)
    try:
        return all(os.preadv(fd, (byte,), size // _SAMPLES * at, os.RWF_NOWAIT) for at in range(_SAMPLES))
    except (OSError, AttributeError):
        return False  # one would have to wait, or cannot know
