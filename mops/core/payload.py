"""Values on their way to and from the store: small segments travel in the envelope, large ones and files by content."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from mops.core.blob_layout import content_key
from mops.core.effects import FetchFile, GetContent, HasFile, PutContent, PutFile, Report, Steps, Sync
from mops.core.envelope import INLINE_LIMIT, MAX_HEADER, Envelope, Segment, StoredSegment
from mops.core.errors import CorruptBlob, FileChanged, StoreError, UnserializableError
from mops.core.files import KINDS, AnyFile, Arrived, SharedObject, StoredFile
from mops.core.patience import patiently
from mops.core.ports.blob_store import Buffer
from mops.core.ports.serializer import Serialized
from mops.core.stored_value import StoredValue

_ROW: Final = 256  # bytes of a header that a file takes at most, but for its name and key
_LISTED: Final = MAX_HEADER // 8 * 7

_GONE: Final = "leave the file where it is until the call has returned; the call can be repeated as it is"


class Fetched(NamedTuple):
    """A value that came from the store, as ``Serializer.loads`` takes it."""

    buffers: Sequence[Buffer]
    files: Sequence[Arrived] = ()
    codec: str = ""


def store(value: Serialized, patience: float, *, durable: bool = False) -> Steps[StoredValue]:
    """Store what is too large for an envelope, and every file, and return what the envelope has to hold.

    Raises:
        FileChanged: a file is not, or does not stay, what the value was keyed by; or a stored one has gone.
        UnserializableError: it has more files than an envelope can list; nothing was stored.
    """
    if sum(map(_listed, value.files)) > _LISTED:
        raise UnserializableError(
            f"{len(value.files)} files are too many for one value",
            advice="put them into a directory, and hand over its path: it travels with all that is in it",
        )
    # What a codec gives is one stream: it lies alone under ``blob/``, where others can read it.
    streams = [value.buffers] if value.codec else [(buffer,) for buffer in value.buffers]
    segments: list[Segment] = []
    for pieces in streams:
        segments.append((yield from _store_segment(pieces, patience, durable=durable)))  # noqa: PERF401 - it yields
    files: list[StoredFile] = []
    for file in value.files:
        files.append((yield from _store_file(file, patience, durable=durable)))  # noqa: PERF401 - it yields
    return StoredValue(segments, files, value.codec)


def _listed(file: AnyFile) -> int:
    if isinstance(file, SharedObject):
        return _ROW
    name = len(file.name) if file.name.isascii() else 12 * len(file.name)  # as JSON escapes it
    return _ROW + name + len(file.key)


def _store_segment(pieces: Sequence[Buffer], patience: float, *, durable: bool) -> Steps[Segment]:
    size = sum(map(len, pieces))
    if size <= INLINE_LIMIT:
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    digest = yield from patiently(PutContent(*pieces), patience)
    if durable:
        yield from sync(content_key(digest))
    return StoredSegment(digest, size)


def _store_file(file: AnyFile, patience: float, *, durable: bool) -> Steps[StoredFile]:
    if isinstance(file, StoredFile):
        found: StoredFile | None = yield from patiently(HasFile(file), patience)
        if found is None:
            raise FileChanged(f"{file.key}, which a value names, is gone", advice=_GONE)
        if durable and found.root:
            yield from sync(found.key)
        return found
    if isinstance(file, SharedObject):
        return (yield from _store_shared(file, patience, durable=durable))
    return (yield from patiently(PutFile(file, durable=durable), patience))  # type: ignore[no-any-return]


def _store_shared(shared: SharedObject, patience: float, *, durable: bool) -> Steps[StoredFile]:
    blob = shared.blob
    if blob.digest and (yield from patiently(HasFile(_as_file(shared)), patience)) is not None:
        return _as_file(shared)
    pieces = shared.pieces()
    blob.size = sum(map(len, pieces))
    blob.digest = yield from patiently(PutContent(*pieces), patience)
    if durable:
        yield from sync(content_key(blob.digest))
    return _as_file(shared)


def _as_file(shared: SharedObject) -> StoredFile:
    blob = shared.blob
    return StoredFile(content_key(blob.digest), blob.digest, blob.size, "shared", shared.name)


def sync(blob_key: str) -> Steps[None]:
    """Have a blob survive a power failure. What cannot be had is reported: the blob stands all the same."""
    try:
        yield Sync(blob_key)
    except StoreError as error:
        yield Report(f"{blob_key} is stored, but may not survive a power failure: {error.args[0]}")


def fetch(envelope: Envelope, patience: float) -> Steps[Fetched]:
    """Bring the buffers and files of a payload together.

    Raises:
        CorruptBlob: one of them is gone, or is not what was written.
    """
    buffers: list[Buffer] = []
    for segment in envelope.segments():
        if not isinstance(segment, StoredSegment):
            buffers.append(segment)
            continue
        data: Any = yield from patiently(GetContent(segment.digest, segment.length), patience)
        if data is None or len(data) != segment.length:
            raise CorruptBlob(f"its payload {content_key(segment.digest)} is gone")
        buffers.append(data)
    if not envelope.needs_header:
        return Fetched(buffers)
    header = envelope.header()
    files: list[Arrived] = []
    for file in files_in(header):
        files.append((yield from _fetch_file(file, patience)))  # noqa: PERF401 - it yields
    return Fetched(buffers, files, str(header.get("codec", "")))


def files_in(header: dict[str, Any]) -> list[StoredFile]:
    """The files that the header of an envelope lists.

    Raises:
        CorruptBlob: it lists something else.
    """
    files = []
    try:
        for key, digest, size, kind, name in header.get("files", ()):
            if kind not in KINDS or "/" in name or name in {"", ".", ".."}:
                raise CorruptBlob(f"an envelope names a {kind} {name!r}")
            files.append(StoredFile(str(key), bytes.fromhex(digest), int(size), kind, name))
    except (TypeError, ValueError) as error:
        raise CorruptBlob(f"the files of an envelope cannot be read: {error}") from error
    return files


def _fetch_file(file: StoredFile, patience: float) -> Steps[Arrived]:
    if file.kind == "shared":
        data: Buffer | None = yield from patiently(GetContent(file.digest, file.size), patience)
        if data is not None:
            return data
    elif file.kind == "source":
        found: StoredFile | None = yield from patiently(HasFile(file), patience)
        if found is not None:
            return found
    else:
        path: str | None = yield from patiently(FetchFile(file), patience)
        if path is not None:
            return path
    raise CorruptBlob(f"its {file.kind} {file.name} is gone: {file.key}")
