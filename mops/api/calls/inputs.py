"""The files that a call is keyed by: whether they are still what they were then."""

from collections.abc import Sequence

from mops.adapters.files.digests import file_digest
from mops.adapters.files.directories import directory_digest
from mops.core.errors import FileChanged
from mops.core.files import LocalFile
from mops.core.ports.serializer import Serialized


def as_keyed(call: Serialized, keyed: Sequence[LocalFile]) -> Serialized:
    """A pickled call, each of whose files is the one that the call is keyed by.

    Raises:
        FileChanged: one of them is not.
    """
    known = {file.path: file for file in keyed}
    for file in call.files:
        if isinstance(file, LocalFile) and file.path in known:
            _take_digest(file, known[file.path])
    return call


def _take_digest(file: LocalFile, keyed: LocalFile) -> None:
    if file.digest and file.digest != keyed.digest:
        raise FileChanged(f"{file.path} changed while the call was prepared")
    file.digest = keyed.digest
    file.seen, keyed.seen = keyed.seen, None


def changed_since(keyed: Sequence[LocalFile]) -> str:
    """Which of the files has another content by now, in words; empty if none has."""
    for file in keyed:
        try:
            now = directory_digest(file.path) if file.kind == "directory" else file_digest(file.path).digest
        except (OSError, FileChanged) as error:
            return f"{file.path}, which the call is keyed by, cannot be read any more: {error}"
        if now != file.digest:
            return f"{file.path}, which the call is keyed by, was changed while the function ran"
    return ""
