"""The content of a file on its way to a service."""

import os
from collections.abc import Iterator
from typing import Final

from blake3 import blake3

from mops.adapters.files.copying import UnreadableSource
from mops.core.errors import FileChanged
from mops.core.ports.transfers import Advance

_STEP: Final = 1 << 20  # bytes


def content_of(fd: int, path: str, digest: bytes, advance: Advance | None) -> Iterator[bytes]:
    """The content of a file that was just opened, in steps; the last one is withheld if the digest is another.

    Raises:
        FileChanged: the digest is another.
        UnreadableSource: the file cannot be read.
    """
    hasher, held = blake3(), b""
    while step := _read(fd):
        hasher.update(step)
        if held:
            yield held
        held = step
        if advance is not None:
            advance(len(step))
    if hasher.digest() != digest:
        raise FileChanged(f"{path!r} is not the file that was hashed: its content is another one now")
    if held:
        yield held


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _STEP)
    except OSError as error:
        raise UnreadableSource(error) from error
