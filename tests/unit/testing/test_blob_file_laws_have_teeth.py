"""The laws of files reject stores that break one promise each."""

import os
import shutil
import stat
import time
from pathlib import Path

import pytest
from blake3 import blake3

from mops.core.blob_key import check_key
from mops.core.errors import CorruptBlob, FileChanged, StoreFull
from mops.core.ports.blob_store import BlobInfo, BlobStore, SupportsFiles
from mops.testing.blob_store_suite import SupportsFilesContract

CHUNK = 1 << 20


class HonestStore(BlobStore, SupportsFiles):
    """A correct store, which every fake below breaks at one place. A step is a line: another thread may run there."""

    def __init__(self, folder):
        self.folder = folder
        self.paths = {}

    @property
    def uri(self):
        return "honest://store"

    def get(self, key, /):
        check_key(key)
        path = self.paths.get(key)
        return None if path is None else path.read_bytes()

    def put_if_absent(self, key, /, *parts):
        check_key(key)
        draft = self.draft()
        draft.write_bytes(b"".join(parts))
        return self.paths.setdefault(key, draft) is draft

    def put(self, key, /, *parts):
        self.delete(key)
        self.put_if_absent(key, *parts)

    def list(self, prefix="", /, *, after=""):
        for key, path in sorted(self.paths.items()):
            if key.startswith(prefix) and key > after:
                yield BlobInfo(key, path.stat().st_size, time.time())

    def delete(self, key, /):
        check_key(key)
        self.paths.pop(key, None)

    def put_file_if_absent(self, key, path, digest, /, *, advance=None):
        check_key(key)
        if key in self.paths:
            return False
        draft = self.draft()
        if self.copy_in(path, draft, advance) != digest:
            raise FileChanged(path)
        return self.publish(key, draft)

    def publish(self, key, draft):
        return self.paths.setdefault(key, draft) is draft

    def copy_in(self, path, draft, advance):
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise FileChanged(path)
            with open(path, "rb") as source:
                return self.copy(source, draft, advance)
        except OSError as error:
            raise FileChanged(path) from error

    def get_file(self, key, path, digest, /, *, advance=None):
        check_key(key)
        blob = self.paths.get(key)
        if blob is None:
            return False
        self.deliver(blob, path, digest, advance)
        return True

    def deliver(self, blob, path, digest, advance):
        part = Path(path).with_name(".part")
        try:
            with blob.open("rb") as source:
                if self.copy(source, part, advance) != digest:
                    raise CorruptBlob(path)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def file_size(self, key, /):
        check_key(key)
        path = self.paths.get(key)
        return None if path is None else path.stat().st_size

    def copy(self, source, target, advance):
        hasher, size = blake3(), os.fstat(source.fileno()).st_size
        with open(target, "wb") as file:
            while size > 0 and (chunk := source.read(min(size, CHUNK))):
                size -= len(chunk)
                hasher.update(chunk)
                file.write(chunk)
                if advance:
                    advance(len(chunk))
        return hasher.digest()

    def draft(self):
        return self.folder / os.urandom(8).hex()

    def __eq__(self, other):
        return other is self

    def __hash__(self):
        return id(self)


# --------------------------------------------------------------------------------------------------------- storing
class ShowsHalfABlob(HonestStore):
    def put_file_if_absent(self, key, path, digest, /, *, advance=None):
        check_key(key)
        draft = self.draft()
        draft.touch()
        if self.paths.setdefault(key, draft) is not draft:
            return False
        self.copy_in(path, draft, advance)
        return True


class BelievesTheDigest(HonestStore):
    def put_file_if_absent(self, key, path, _digest, /, *, advance=None):
        draft = self.draft()
        self.copy_in(path, draft, advance)
        return self.publish(key, draft)


class HashesBeforeItCopies(HonestStore):
    def copy_in(self, path, draft, advance):
        digest = super().copy_in(path, draft, advance)
        super().copy_in(path, draft, None)
        return digest


class Overwrites(HonestStore):
    def put_file_if_absent(self, key, path, digest, /, *, advance=None):
        self.delete(key)
        return super().put_file_if_absent(key, path, digest, advance=advance)


class LooksAtTheFileFirst(HonestStore):
    def put_file_if_absent(self, key, path, digest, /, *, advance=None):
        draft = self.draft()
        if self.copy_in(path, draft, advance) != digest:
            raise FileChanged(path)
        return self.publish(key, draft)


class AlwaysTrue(HonestStore):
    def put_file_if_absent(self, key, path, digest, /, *, advance=None):
        super().put_file_if_absent(key, path, digest, advance=advance)
        return True


class CheckThenSet(HonestStore):
    def publish(self, key, draft):
        if key in self.paths:
            return False
        self.paths[key] = draft
        return True


class OneDraftForAll(HonestStore):
    def draft(self):
        return self.folder / "draft"


class HardLinks(HonestStore):
    def copy_in(self, path, draft, advance):
        digest = super().copy_in(path, draft, advance)
        draft.unlink()
        os.link(path, draft)
        return digest


class SymbolicLinks(HonestStore):
    def copy_in(self, path, draft, advance):
        digest = super().copy_in(path, draft, advance)
        draft.unlink()
        draft.symlink_to(path)
        return digest


class FollowsTimeStamps(HonestStore):
    def __init__(self, folder):
        super().__init__(folder)
        self.known = {}

    def copy_in(self, path, draft, advance):
        digest = super().copy_in(path, draft, advance)
        status = os.stat(path)
        return self.known.setdefault((path, status.st_size, status.st_mtime_ns), digest)


class ReadsDevices(HonestStore):
    def copy_in(self, path, draft, advance):
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as source:
                return self.copy(source, draft, advance)
        except OSError as error:
            raise FileChanged(path) from error


class LetsErrorsOut(HonestStore):
    def copy_in(self, path, draft, advance):
        with open(path, "rb") as source:
            return self.copy(source, draft, advance)


class ReadsTheFileWhole(HonestStore):
    def copy_in(self, path, draft, advance):
        Path(path).read_bytes()
        return super().copy_in(path, draft, advance)


class StoresFilesElsewhere(HonestStore):
    def publish(self, key, draft):
        self.files = {**getattr(self, "files", {}), key: draft}
        return True

    def deliver(self, blob, path, digest, advance):
        super().deliver(self.files.get(path, blob), path, digest, advance)


# --------------------------------------------------------------------------------------------------------- fetching
class KnowsFilesAlone(HonestStore):
    """Bytes that were stored as bytes are no file."""

    def put_if_absent(self, key, /, *parts):
        self.bytes = {*getattr(self, "bytes", ()), key}
        return super().put_if_absent(key, *parts)

    def file_size(self, key, /):
        return None if key in getattr(self, "bytes", ()) else super().file_size(key)


class WritesInPlace(HonestStore):
    def deliver(self, blob, path, digest, advance):
        with blob.open("rb") as source:
            if self.copy(source, path, advance) != digest:
                os.unlink(path)
                raise CorruptBlob(path)


class RemovesBeforeItReplaces(HonestStore):
    def deliver(self, blob, path, digest, advance):
        Path(path).unlink(missing_ok=True)
        super().deliver(blob, path, digest, advance)


class LinksOut(HonestStore):
    def deliver(self, blob, path, digest, advance):
        super().deliver(blob, path, digest, advance)
        os.unlink(path)
        os.link(blob, path)


class BelievesTheBlob(HonestStore):
    def deliver(self, blob, path, _digest, advance):
        with blob.open("rb") as source:
            digest = self.copy(source, self.draft(), None)
        super().deliver(blob, path, digest, advance)


class LeavesHalfAFile(HonestStore):
    def deliver(self, blob, path, digest, advance):
        try:
            super().deliver(blob, path, digest, advance)
        except CorruptBlob:
            shutil.copy(blob, Path(path).with_name("half"))
            raise


class LooksTwice(HonestStore):
    def get_file(self, key, path, digest, /, *, advance=None):
        if self.file_size(key) is None:
            return False
        if key in self.paths:
            super().get_file(key, path, digest, advance=advance)
        return True


class BlamesItself(HonestStore):
    def deliver(self, blob, path, digest, advance):
        try:
            super().deliver(blob, path, digest, advance)
        except OSError as error:
            raise StoreFull(path) from error


class SendsTheFileWhole(HonestStore):
    def deliver(self, blob, path, digest, advance):
        blob.read_bytes()
        super().deliver(blob, path, digest, advance)


# ------------------------------------------------------------------------------------------------- sizes and the rest
class AbsentIsEmpty(HonestStore):
    def file_size(self, key, /):
        return super().file_size(key) or 0


class SizeInBlocks(HonestStore):
    def file_size(self, key, /):
        size = super().file_size(key)
        return size if size is None else -(-size // 512) * 512


class TellsNobody(HonestStore):
    def copy(self, source, target, _advance):
        return super().copy(source, target, None)


class TellsTheLastChunk(HonestStore):
    def copy(self, source, target, advance):
        told = []
        digest = super().copy(source, target, told.append)
        if advance and told:
            advance(told[-1])
        return digest


class TakesAnyKey(HonestStore):
    def file_size(self, key, /):
        path = self.paths.get(key)
        return None if path is None else path.stat().st_size


REJECTED = {
    ShowsHalfABlob: "test_new_file_is_seen_whole_or_not_at_all",
    BelievesTheDigest: "test_file_with_another_digest_is_not_stored",
    HashesBeforeItCopies: "test_file_that_changes_while_it_is_stored_is_stored_right_or_not_at_all",
    Overwrites: "test_file_that_stands_is_no_place_for_others",
    LooksAtTheFileFirst: "test_blob_that_stands_is_left_and_the_file_not_looked_at",
    AlwaysTrue: "test_file_that_stands_is_no_place_for_others",
    CheckThenSet: "test_one_of_two_writers_wins_wherever_they_meet",
    OneDraftForAll: "test_one_of_two_writers_wins_wherever_they_meet",
    HardLinks: "test_what_becomes_of_the_file_afterwards_changes_nothing_stored",
    SymbolicLinks: "test_what_becomes_of_the_file_afterwards_changes_nothing_stored",
    FollowsTimeStamps: "test_time_stamps_are_not_trusted",
    ReadsDevices: "test_what_is_no_file_is_said_to_have_changed",
    LetsErrorsOut: "test_what_is_no_file_is_said_to_have_changed",
    ReadsTheFileWhole: "test_files_are_not_held_in_memory",
    StoresFilesElsewhere: "test_file_comes_back_as_it_was_stored",
    KnowsFilesAlone: "test_what_was_stored_as_bytes_is_had_as_a_file",
    WritesInPlace: "test_copy_is_seen_whole_or_not_at_all",
    RemovesBeforeItReplaces: "test_copy_is_seen_whole_or_not_at_all",
    LinksOut: "test_what_becomes_of_a_copy_changes_nothing_stored",
    BelievesTheBlob: "test_blob_with_another_digest_is_corrupt_and_writes_nothing",
    LeavesHalfAFile: "test_blob_with_another_digest_is_corrupt_and_writes_nothing",
    LooksTwice: "test_blob_that_goes_while_it_is_copied_is_copied_whole_or_not_at_all",
    BlamesItself: "test_place_that_takes_no_copy_is_not_the_fault_of_the_store",
    SendsTheFileWhole: "test_files_are_not_held_in_memory",
    AbsentIsEmpty: "test_absent_blob_is_no_file",
    SizeInBlocks: "test_file_comes_back_as_it_was_stored",
    TellsNobody: "test_all_bytes_that_are_moved_are_told",
    TellsTheLastChunk: "test_all_bytes_that_are_moved_are_told",
    TakesAnyKey: "test_other_keys_are_refused_for_files_too",
}

RAISED = {LetsErrorsOut: OSError, LooksAtTheFileFirst: FileChanged, BlamesItself: StoreFull}

LAWS = [name for name in dir(SupportsFilesContract) if name.startswith("test_")]


class Suite(SupportsFilesContract):
    """All laws, run by hand."""

    def code_of(self, _store):
        return __file__


@pytest.fixture
def folders(tmp_path):
    folders = tmp_path / "store", tmp_path / "local files"
    for folder in folders:
        folder.mkdir()
    return folders


@pytest.mark.parametrize("law", LAWS)
def test_honest_store_passes(law, folders):
    getattr(Suite(), law)(HonestStore(folders[0]), folders[1])


@pytest.mark.parametrize(("fake", "law"), REJECTED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_broken_store_is_rejected_by_the_law_that_it_breaks(fake, law, folders):
    with pytest.raises(RAISED.get(fake, (AssertionError, pytest.fail.Exception))):
        getattr(Suite(), law)(fake(folders[0]), folders[1])


def test_every_law_rejects_something():
    assert set(LAWS) - set(REJECTED.values()) == {"test_many_threads_store_one_file"}, "which is left to luck"
