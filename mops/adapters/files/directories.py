"""Directories on their way to and from a store: small files in packs, each large one under its own digest."""

import os
import threading
import weakref
from collections.abc import Sequence
from itertools import islice
from typing import Final, final

from blake3 import blake3

from mops.adapters.files.digests import SMALL, digest_of_open
from mops.adapters.files.drafts import close, write
from mops.adapters.files.reading import OPENING, regular
from mops.adapters.files.trees import read_small, read_tree, runs, settled_by_now
from mops.adapters.files.verifying import digest_of
from mops.core.directory import (
    ALONE_FROM,
    LARGEST_PACK,
    Manifest,
    Pack,
    StoredEntry,
    decode_manifest,
    encode_manifest,
    ends_pack,
)
from mops.core.errors import CorruptBlob, FileChanged, MopsError, UndecodableResultError, UnserializableError
from mops.core.files import LocalFile
from mops.core.ports.blob_store import Buffer
from mops.core.ports.local_directories import GetContent, GetFile, LocalDirectories, PutContent, PutFile

_WORTH_A_THREAD: Final = 1 << 20  # bytes
_MOST_KEPT: Final = 48 << 20
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def directory_digest(path: str) -> bytes:
    """What a directory is keyed by: the digest of the manifest that it would be stored under.

    Raises:
        FileChanged: something below it changed meanwhile.
        OSError: with the path to what cannot be read, or is neither a file nor a folder that may be followed.
    """
    manifest = _Storing(digest_of, _leave, worth_a_thread=LARGEST_PACK + 1).store(path)
    return digest_of([encode_manifest(manifest)])


@final
class SeenDirectory:
    """A directory as it was when it was keyed; it can be stored as long as its packs are kept.

    They are, of the last directory that this process looked at, if they are few, until somebody stores it.

    Attributes:
        digest: as ``directory_digest``.
    """

    __slots__ = ("__weakref__", "_alone", "_manifest", "_packs", "digest")

    def __init__(self, path: str) -> None:
        """Look at a directory.

        Raises:
            As ``directory_digest``.
        """
        for other in tuple(_seen):
            other.give_up()
        _seen.add(self)
        self._packs: list[bytes] | None = []
        self._alone: list[tuple[str, bytes, int]] = []
        self._manifest = _Storing(self._keep, self._note, worth_a_thread=LARGEST_PACK + 1).store(path)
        self.digest = digest_of([encode_manifest(self._manifest)])

    def store(self, put_content: PutContent, put_file: PutFile) -> tuple[bytes, int] | None:
        """As ``LocalDirectories.store``, without another look at the small files; ``None`` without their packs."""
        packs, self._packs = self._packs, None
        if packs is None:
            return None
        for path, digest, size in self._alone:
            put_file(path, digest, size)
        for pack in packs:
            put_content([pack])
        return put_content([encode_manifest(self._manifest)]), self._manifest.size

    def give_up(self) -> None:
        """Let go of the packs."""
        self._packs = None

    def _keep(self, parts: Sequence[Buffer]) -> bytes:
        packs = self._packs
        if packs is not None:
            packs.append(bytes(parts[0]))
            if sum(map(len, packs)) > _MOST_KEPT:
                self._packs = None
        return digest_of(parts)

    def _note(self, path: str, digest: bytes, size: int) -> None:
        self._alone.append((path, digest, size))


_seen: Final[weakref.WeakSet[SeenDirectory]] = weakref.WeakSet()
"""One that may have packs, and more where threads look at the same moment."""


@final
class PackedDirectories(LocalDirectories):
    """Directories of this machine's file systems. Few packs are in memory at a time."""

    def store(self, directory: LocalFile, put_content: PutContent, put_file: PutFile, /) -> tuple[bytes, int]:
        """As the port says."""
        seen, directory.seen = directory.seen, None
        stored = seen.store(put_content, put_file) if isinstance(seen, SeenDirectory) else None
        return stored or self._read_and_store(directory.path, directory.digest, put_content, put_file)

    def _read_and_store(
        self, path: str, digest: bytes, put_content: PutContent, put_file: PutFile
    ) -> tuple[bytes, int]:  # fmt: skip
        try:
            manifest = _Storing(put_content, put_file).store(path)
        except MopsError:
            raise  # some of which are an OSError, too
        except OSError as error:
            kind = FileChanged if digest else UnserializableError
            raise kind(f"the directory {path} cannot travel: {error}") from error
        content = encode_manifest(manifest)
        if digest and digest != digest_of([content]):
            raise FileChanged(f"something below {path} was changed since the value that names it was looked at")
        return put_content([content]), manifest.size

    def fetch(self, digest: bytes, path: str, get_content: GetContent, get_file: GetFile, /) -> bool:
        """As the port says."""
        content = get_content(digest)
        if content is None:
            return False
        manifest, top = decode_manifest(content), os.fsencode(path)
        os.mkdir(top)
        for name in manifest.all_folders():
            _make_folder(top, name)
        return _unpack(manifest, top, get_content) and all(
            _fetch_alone(file, top, get_file) for file in manifest.files if file.digest
        )


def _leave(_path: str, _digest: bytes, _size: int) -> None:
    """A large file has been looked at, and that is all."""


# ------------------------------------------------------------------------------------------------------------ storing
class _Storing:
    """One directory while it is stored. While a pack is stored, the files of the next one are read."""

    def __init__(self, put_content: PutContent, put_file: PutFile, worth_a_thread: int = _WORTH_A_THREAD) -> None:
        self._put_file = put_file
        self._settled = settled_by_now()
        self._behind = _Behind(put_content, worth_a_thread)
        self._pack = memoryview(bytearray(LARGEST_PACK))
        self._packed = 0  # bytes,
        self._files = 0  # of so many files

    def store(self, directory: str) -> Manifest:
        tree = read_tree(directory)
        try:
            files = [self._store_file(*file) for file in tree.files]
            self._end_pack()
        finally:
            packs = self._behind.finish()
        return Manifest(files, tree.empty_folders, packs)

    def _store_file(self, name: bytes, path: bytes) -> StoredEntry:
        at = self._packed
        small = read_small(path, self._pack[at : at + SMALL], self._settled)
        if small is None:
            return self._store_with_care(name, path)
        size, executable = small
        return self._add_to_pack(name, size, executable=executable)

    def _store_with_care(self, name: bytes, path: bytes) -> StoredEntry:
        fd = os.open(path, OPENING)
        try:
            status = regular(os.fstat(fd))
            digest, size = digest_of_open(fd, path, status)
            if size < ALONE_FROM:
                os.preadv(fd, (self._pack[self._packed : self._packed + size],), 0)
        finally:
            close(fd)
        if size >= ALONE_FROM:
            self._put_file(os.fsdecode(path), digest, size)
            return StoredEntry(name, size, runs(status), digest)
        if digest != blake3(self._pack[self._packed : self._packed + size]).digest():
            raise FileChanged(f"{os.fsdecode(path)} changed while it was read")
        return self._add_to_pack(name, size, executable=runs(status))

    def _add_to_pack(self, name: bytes, size: int, *, executable: bool) -> StoredEntry:
        if size:
            self._packed += size
            self._files += 1
            if ends_pack(self._packed, name):
                self._end_pack()
        return StoredEntry(name, size, executable)

    def _end_pack(self) -> None:
        if self._files:
            self._pack = self._behind.put(self._pack, self._packed, self._files)
            self._packed = self._files = 0


class _Behind:
    """Stores one pack at a time, on a thread of its own unless it is small."""

    def __init__(self, put_content: PutContent, worth_a_thread: int) -> None:
        self._put_content = put_content
        self._worth_a_thread = worth_a_thread
        self._packs: list[Pack] = []
        self._spare: memoryview | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def put(self, buffer: memoryview, size: int, files: int) -> memoryview:
        """Store what is at the start of a buffer. Returns one that may be written to, which may be another.

        Raises:
            Whatever storing the pack before raised, or this one, if it is stored already.
        """
        self._wait()
        if size < self._worth_a_thread:
            self._store(buffer[:size], files)
            self._wait()
            return buffer
        self._thread = threading.Thread(target=self._store, args=(buffer[:size], files), name="mops-pack", daemon=True)
        self._thread.start()
        free = memoryview(bytearray(LARGEST_PACK)) if self._spare is None else self._spare
        self._spare = buffer
        return free

    def finish(self) -> list[Pack]:
        """All packs. Raises as ``put``."""
        self._wait()
        return self._packs

    def _store(self, content: memoryview, files: int) -> None:
        try:
            self._packs.append(Pack(self._put_content((content,)), files))
        except BaseException as error:  # noqa: BLE001 - raised where somebody waits for it
            self._error = error

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error


# ----------------------------------------------------------------------------------------------------------- fetching
def _unpack(manifest: Manifest, top: bytes, get_content: GetContent) -> bool:
    """Write the files that are not alone; ``False`` where one of their packs is gone."""
    small = (file for file in manifest.files if 0 < file.size < ALONE_FROM)
    for pack in manifest.packs:
        content = get_content(pack.digest)
        if content is None:
            return False
        at = 0
        with memoryview(content) as view:
            for file in islice(small, pack.files):
                _write_new(top, file, view[at : at + file.size])
                at += file.size
            if at != len(view):
                raise CorruptBlob("the manifest of a directory does not fit what it names")
    for file in manifest.files:
        if not file.size:
            _write_new(top, file, b"")
    return True


def _fetch_alone(file: StoredEntry, top: bytes, get_file: GetFile) -> bool:
    path = os.path.join(top, file.name)
    if os.path.lexists(path):
        raise _conflated(file.name)
    if not get_file(os.fsdecode(path), file.digest, file.size):
        return False
    os.chmod(path, _mode(file))
    return True


def _write_new(top: bytes, file: StoredEntry, content: Buffer) -> None:
    try:
        fd = os.open(os.path.join(top, file.name), _NEW, _mode(file))
    except FileExistsError:
        raise _conflated(file.name) from None
    try:
        write(fd, [content])
    finally:
        os.close(fd)  # which may be the one to tell that the disk is full


def _make_folder(top: bytes, name: bytes) -> None:
    try:
        os.mkdir(os.path.join(top, name))
    except FileExistsError:
        raise _conflated(name) from None


def _mode(file: StoredEntry) -> int:
    return 0o555 if file.executable else 0o444


def _conflated(name: bytes) -> UndecodableResultError:
    return UndecodableResultError(
        f"a directory holds {os.fsdecode(name)!r} and another name that is the same one on this file system",
        advice="keep copies on a file system that tells upper from lower case (TMPDIR, XDG_CACHE_HOME), or rename one",
    )
