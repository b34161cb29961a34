"""Files on their way into the store and out of it: copied without holding them in memory, and hashed on the way."""

import os

from mops.adapters.blob_stores.local.files import Draft, Files
from mops.adapters.files.copying import UnreadableSource, copy, source
from mops.adapters.files.delivery import delivery
from mops.adapters.files.reading import regular
from mops.core.errors import CorruptBlob, FileChanged
from mops.core.ports.transfers import Advance


def put_file(files: Files, path: str, original: str, digest: bytes, advance: Advance | None) -> bool:
    """Create a file as a copy of another, whose digest is known; whether this call did.

    Raises:
        FileChanged: the original has another digest, has gone, or cannot be read.
        OSError: the copy cannot be created.
    """
    if _stands(path):
        return False
    try:
        with source(original) as fd:
            draft = files.draft("upload")
            try:
                if copy(fd, draft.fd, reserving=files.anonymous, advance=advance) != digest:
                    raise FileChanged.told_by(original)
                return files.settle(draft, path, lambda: _is(draft, path))
            finally:
                draft.close()
    except UnreadableSource as error:
        raise FileChanged.told_by(original, error.reason) from error.reason


def get_file(blob: str, path: str, digest: bytes, uri: str, advance: Advance | None) -> None:
    """Create or replace a file as a copy of a blob, which its URI names.

    Raises:
        CorruptBlob: the blob has another digest.
        UnreadableSource: it is absent, or cannot be read.
        OSError: the file cannot be created.
    """
    with source(blob) as fd, delivery(path) as (target, can_reserve):
        if copy(fd, target, reserving=can_reserve, advance=advance) != digest:
            raise CorruptBlob(f"{uri} does not hold the bytes of its digest {digest.hex()}")


def _stands(path: str) -> bool:
    try:
        regular(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _is(draft: Draft, path: str) -> bool | None:
    """Whether a path is a name of the draft; ``None`` if it is the name of nothing."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(draft.fd))
    except FileNotFoundError:
        return None
