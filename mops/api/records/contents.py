"""What one URI names, for whoever wants it outside of mops: bytes, a file, a directory, or a value."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, final

import attrs

from mops.api.file_uris import canonical, file_uri, final_name, in_root, path_of, place_in_store, under
from mops.api.memo_uri import open_memo, store_for_people
from mops.api.records.history import PastCall
from mops.api.records.listing import past_call
from mops.api.records.stored_value import stored_segments, stored_value
from mops.api.worlds import world_of
from mops.core.blob_layout import ROOT, content_key
from mops.core.envelope import Refused, StoredSegment
from mops.core.errors import CorruptBlob, MopsError, UnverifiedBlob
from mops.core.files import StoredFile
from mops.core.ports.blob_store import BlobStore, Buffer
from mops.runtime.file_transfer import file_size
from mops.runtime.session import DEFAULT_HEARTBEAT

_MEMO: Final = f"/{ROOT}/memo/"
_BLOB: Final = f"{ROOT}/blob/"
_PICKLED: Final = "pickle5"


@final
@attrs.frozen
class LocalContent:
    """A file or a directory of this machine, which was verified where its digest is known. It is not to be changed."""

    path: str


@final
@attrs.frozen
class BytesContent:
    """Bytes, in parts."""

    parts: Sequence[Buffer]


@final
@attrs.frozen
class ValueContent:
    """A value that is neither bytes, nor text, nor a file.

    Attributes:
        value: the value.
        names_files: it consists of files, too.
    """

    value: Any
    names_files: bool


Content: TypeAlias = LocalContent | BytesContent | ValueContent


def content_of(uri: str, unpickling: Callable[[], None]) -> Content:
    """Find what a URI names: the result of a call, a blob, a file that a function wrote, or a file of this machine.

    Args:
        uri: or the path of one of them.
        unpickling: called before a value is unpickled. Whoever wrote the pickle decides what code that runs.

    Raises:
        NothingStored: there is nothing.
        ConfigurationError, InvalidKey: it names none of them.
        CorruptBlob, FileChanged: it is not what was stored.
        UndecodableResultError: the value cannot be decoded in this process.
        StoreError: the store cannot be read.
    """
    where = canonical(uri) if "://" in uri else file_uri(os.path.abspath(os.path.expanduser(uri)))
    return _of_call(uri, unpickling) if _MEMO in where else _of_place(where)


class NothingStored(LookupError):
    """There is nothing under a URI, or not yet. Says what became of it."""


def _of_call(uri: str, unpickling: Callable[[], None]) -> Content:
    store, memo = open_memo(uri)
    past = past_call(store, memo.folder)
    if past.state != "stored" or past.result is None:
        what = f"the call is {past.state}" if past.blobs else "nothing is stored about the call"
        if past.result is not None and past.result.trouble:
            what += f", since {past.result.trouble}"
        raise NothingStored(f"there is no value: {what}")
    if past.result.header.get("codec") == _PICKLED:
        unpickling()
        return _of_value(stored_value(past), names_files=bool(past.result.files))
    return _as_written(past)


def _as_written(past: PastCall) -> Content:
    """The value of a call as its codec has written it: one segment."""
    segment = stored_segments(past)[0]
    if isinstance(segment, StoredSegment):
        return _of_place(under(past.store.uri, content_key(segment.digest)))
    return BytesContent((segment,))


def _of_value(value: Any, *, names_files: bool) -> Content:
    if isinstance(value, str):
        return BytesContent((value.encode(errors="surrogatepass"),))
    if isinstance(value, bytes | bytearray | memoryview):
        return BytesContent((memoryview(value).cast("B"),))
    if names_files and isinstance(value, os.PathLike):
        return LocalContent(os.fspath(value))
    return ValueContent(value, names_files)


def _of_place(place: str) -> Content:
    """What the URI of a file or blob names."""
    found = in_root(place)
    digest = _digest_in(found[1]) if found else b""
    path = path_of(place)
    if path:
        return _of_machine(path, place, digest)
    root, key = place_in_store(place)
    store = store_for_people(root)
    content = _fetched(store, key, digest) if digest else _read(store, key)
    if content is None:
        raise NothingStored(f"there is no {place}")
    return content


def _digest_in(key: str) -> bytes:
    """The digest that the key of a blob consists of; empty for another key."""
    name = key.rpartition("/")[2]
    try:
        return bytes.fromhex(name) if key.startswith(_BLOB) else b""
    except ValueError:
        return b""


def _of_machine(path: str, uri: str, digest: bytes) -> Content:
    from mops.adapters.files.digests import file_digest

    if not os.path.isfile(path) and (digest or not os.path.isdir(path)):
        raise NothingStored(f"there is no {uri}" if not os.path.exists(path) else f"{uri} is no file")
    if digest and file_digest(path).digest != digest:
        raise CorruptBlob(f"{uri} does not hold the bytes of its digest")
    return LocalContent(path)


def _fetched(store: BlobStore, key: str, digest: bytes) -> Content | None:
    size = file_size(store, key)
    if size is None:
        return None
    file = StoredFile(key, digest, size, "file", final_name(key))
    path = world_of(store, DEFAULT_HEARTBEAT).contents.fetch(file)
    return None if path is None else LocalContent(path)


def _read(store: BlobStore, key: str) -> Content | None:
    data = store.get(key)
    if isinstance(data, Refused):
        raise UnverifiedBlob(f"{store.uri}/{key}: {data.decode()}")
    return None if data is None else BytesContent((data,))


def address(past: PastCall, file: StoredFile) -> str:
    """The URI of a file that a call names."""
    return file.key if "://" in file.key else f"{past.store.uri}/{file.key}"


def whereabouts(past: PastCall, file: StoredFile) -> str:
    """Whether a file that a call names is where it was stored, in a word. Never fails."""
    try:
        return "gone" if world_of(past.store, DEFAULT_HEARTBEAT).contents.find(file) is None else "there"
    except (MopsError, OSError, ValueError) as error:  # whoever wrote the record may have named anything
        return f"unknown, since {error.args[0]}"
