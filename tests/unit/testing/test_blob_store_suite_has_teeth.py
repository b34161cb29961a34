"""The shipped suite rejects stores that break one promise each, by the law that states it."""

import time
from collections import ChainMap
from contextlib import contextmanager, nullcontext, suppress

import pytest

from mops.core.blob_key import check_key
from mops.core.errors import CorruptBlob, StoreUnavailable
from mops.core.ports.blob_store import BlobInfo, BlobStore
from mops.testing.blob_store_suite import (
    BlobStoreContract,
    SupportsContentContract,
    SupportsProbeContract,
    UnreliableBackendContract,
)


class HonestStore(BlobStore):
    """A correct store, which every fake below breaks at one place. A step is a line: another thread may run there."""

    def __init__(self):
        self.blobs = {}
        self.is_down = False

    @property
    def uri(self):
        return "honest://store"

    def get(self, key, /):
        check_key(key)
        self._reach()
        return self.blobs.get(key)

    def put_if_absent(self, key, /, *parts):
        check_key(key)
        self._reach()
        content = b"".join(parts)
        return self.blobs.setdefault(key, content) is content or self.blobs[key] == content

    def put(self, key, /, *parts):
        check_key(key)
        self._reach()
        self.blobs[key] = b"".join(parts)

    def list(self, prefix="", /, *, after=""):
        self._reach()
        for key in sorted(key for key in self.blobs if key.startswith(prefix) and key > after):
            if key in self.blobs:
                yield BlobInfo(key, len(self.blobs[key]), time.time())

    def delete(self, key, /):
        check_key(key)
        self._reach()
        self.blobs.pop(key, None)

    def _reach(self):
        if self.is_down:
            raise StoreUnavailable("down")

    def __eq__(self, other):
        return type(other) is type(self) and other.blobs is self.blobs

    def __hash__(self):
        return id(self.blobs)


class CheckThenSet(HonestStore):
    def put_if_absent(self, key, /, *parts):
        check_key(key)
        content = b"".join(parts)
        if key in self.blobs:
            return self.blobs[key] == content
        self.blobs[key] = content
        return True


class SharedTemporaryName(HonestStore):
    """As a file of one fixed name that every writer opens, writes and renames."""

    def __init__(self):
        super().__init__()
        self.temporary = b""

    def put_if_absent(self, key, /, *parts):
        check_key(key)
        self.temporary = b"".join(parts)
        content = self.temporary
        return self.blobs.setdefault(key, content) is content


class HalfWritten(HonestStore):
    """As a file that is created under its final name, and written then."""

    def put_if_absent(self, key, /, *parts):
        check_key(key)
        if key in self.blobs:
            return self.blobs[key] == b"".join(parts)
        self.blobs[key] = b""
        for part in parts:
            self.blobs[key] += part
        return True


class NotAtomicPut(HonestStore):
    def put(self, key, /, *parts):
        check_key(key)
        self.blobs[key] = b""
        for part in parts:
            self.blobs[key] += part


class RemovesBeforeItPuts(HonestStore):
    def put(self, key, /, *parts):
        self.delete(key)
        self.blobs[key] = b"".join(parts)


class PatchesInPlace(HonestStore):
    """A put that leaves the tail of a longer blob."""

    def put(self, key, /, *parts):
        check_key(key)
        content = b"".join(parts)
        self.blobs[key] = content + self.blobs.get(key, b"")[len(content) :]


class ReadsInSteps(HonestStore):
    def get(self, key, /):
        check_key(key)
        if key not in self.blobs:
            return None
        head = self.blobs[key][:10]
        return head + self.blobs[key][10:]


class LastWriterWins(HonestStore):
    def put_if_absent(self, key, /, *parts):
        is_new = self.get(key) is None
        self.put(key, *parts)
        return is_new


class KeepsTheBuffer(HonestStore):
    def put_if_absent(self, key, /, *parts):
        check_key(key)
        content = parts[0] if len(parts) == 1 else b"".join(parts)
        return self.blobs.setdefault(key, content) is content

    def put(self, key, /, *parts):
        check_key(key)
        self.blobs[key] = parts[0] if len(parts) == 1 else b"".join(parts)


class HandsOutItsMemory(HonestStore):
    def put_if_absent(self, key, /, *parts):
        check_key(key)
        content = memoryview(bytearray(b"".join(parts)))
        return self.blobs.setdefault(key, content) is content


class JoinsTwice(HonestStore):
    def put_if_absent(self, key, /, *parts):
        joined = b"".join(parts)
        return super().put_if_absent(key, joined, b"")


class EscapingKeys(HonestStore):
    def get(self, key, /):
        return self.blobs.get(key)


class ChecksKeysTooLate(HonestStore):
    def put(self, key, /, *parts):
        self.blobs[key] = b"".join(parts)
        check_key(key)


class FoldsCase(HonestStore):
    """As a file system that does not tell some names apart."""

    def get(self, key, /):
        return super().get(key.replace("_", "-"))

    def put_if_absent(self, key, /, *parts):
        return super().put_if_absent(key.replace("_", "-"), *parts)


class DeleteComplains(HonestStore):
    def delete(self, key, /):
        check_key(key)
        del self.blobs[key]


class DeletesTheFolder(HonestStore):
    def delete(self, key, /):
        check_key(key)
        for found in [found for found in self.blobs if found == key or found.startswith(f"{key}/")]:
            del self.blobs[found]


class ForgetsToReopen(HonestStore):
    def __reduce__(self):
        return ForgetsToReopen, ()


class PrefixIsFolder(HonestStore):
    def list(self, prefix="", /, *, after=""):
        return (
            info for info in super().list(prefix, after=after) if f"{info.key}/".startswith(prefix.rstrip("/") + "/")
        )


class OrderOfFolders(HonestStore):
    """As a walk that sorts the names of each folder."""

    def list(self, prefix="", /, *, after=""):
        return iter(sorted(super().list(prefix, after=after), key=lambda info: info.key.split("/")))


class ResumesAtTheKey(HonestStore):
    def list(self, prefix="", /, *, after=""):
        yield from (info for info in super().list(prefix) if info.key >= after)


class ResumesByFolder(HonestStore):
    """As a walk that leaves out every folder that sorts before the key where it resumes."""

    def list(self, prefix="", /, *, after=""):
        return (info for info in super().list(prefix, after=after) if info.key.split("/")[0] >= after)


class ListsOnePage(HonestStore):
    def list(self, prefix="", /, *, after=""):
        return iter(list(super().list(prefix, after=after))[:500])


class ListsHalfWrittenBlobs(HonestStore):
    def put(self, key, /, *parts):
        check_key(key)
        size = sum(map(len, parts))
        self.sizes = {**getattr(self, "sizes", {}), key: 0}
        self.blobs[key] = b"".join(parts)
        self.sizes[key] = size

    def list(self, prefix="", /, *, after=""):
        sizes = ChainMap(getattr(self, "sizes", {}))
        return (info._replace(size=sizes.get(info.key, info.size)) for info in super().list(prefix, after=after))


class NoSizes(HonestStore):
    def list(self, prefix="", /, *, after=""):
        return (info._replace(size=0) for info in super().list(prefix, after=after))


class LocalTime(HonestStore):
    def list(self, prefix="", /, *, after=""):
        return (info._replace(modified=info.modified + 3600) for info in super().list(prefix, after=after))


class StopsAtTheDeleted(HonestStore):
    """A listing that ends where a blob has vanished meanwhile."""

    def list(self, prefix="", /, *, after=""):
        for key in sorted(key for key in self.blobs if key.startswith(prefix) and key > after):
            if key not in self.blobs:
                return
            yield BlobInfo(key, len(self.blobs[key]), time.time())


class UnreachableIsAbsent(HonestStore):
    def get(self, key, /):
        check_key(key)
        return None if self.is_down else self.blobs.get(key)


class TakesALostAnswerForALoss(HonestStore):
    def put_if_absent(self, key, /, *parts):
        check_key(key)
        self._reach()
        content = b"".join(parts)
        return self.blobs.setdefault(key, content) is content and not self.loses_answers

    loses_answers = False


class TakesEveryRefusalForALostAnswer(HonestStore):
    def put_if_absent(self, key, /, *parts):
        super().put_if_absent(key, *parts)
        return True


class HonestContentStore(HonestStore):
    """A correct store by content."""

    def put_content(self, key_of, /, *parts, advance=None):
        digest = self._digest(parts)
        self._tell(advance, sum(map(len, parts)))
        self.put_if_absent(key_of(digest), *parts)
        return digest

    def get_content(self, key, digest, /, *, advance=None):
        content = self.get(key)
        if content is not None and self._digest([content]) != digest:
            raise CorruptBlob(key)
        if content is not None:
            self._tell(advance, len(content))
        return content

    @staticmethod
    def _tell(advance, count):
        if advance is not None:
            advance(count)

    def probe(self):
        return None

    @staticmethod
    def _digest(parts):
        from blake3 import blake3

        return blake3(b"".join(parts)).digest()


class TellsTwice(HonestContentStore):
    @staticmethod
    def _tell(advance, count):
        for _ in range(2):
            HonestContentStore._tell(advance, count)


class DoesNotStop(HonestContentStore):
    @staticmethod
    def _tell(advance, count):
        with suppress(Exception):
            HonestContentStore._tell(advance, count)


class StopsTooLate(HonestContentStore):
    def put_content(self, key_of, /, *parts, advance=None):
        digest = super().put_content(key_of, *parts)
        self._tell(advance, sum(map(len, parts)))
        return digest


class TrustsTheName(HonestContentStore):
    def get_content(self, key, digest, /, *, advance=None):
        return self.get(key)


class VerifiesOnce(HonestContentStore):
    """Remembers keys that were verified, and not what stood under them."""

    def __init__(self):
        super().__init__()
        self.verified = set()

    def get_content(self, key, digest, /, *, advance=None):
        if key not in self.verified:
            super().get_content(key, digest)
            self.verified.add(key)
        return self.get(key)


class HashesTheFirstPart(HonestContentStore):
    def put_content(self, key_of, /, *parts, advance=None):
        digest = self._digest(parts[:1])
        self.put_if_absent(key_of(digest), *parts)
        return digest


class ReplacesContent(HonestContentStore):
    def put_content(self, key_of, /, *parts, advance=None):
        digest = self._digest(parts)
        self.put(key_of(digest), *parts)
        return digest


class LeavesItsProbes(HonestContentStore):
    def probe(self):
        self.put("mops1/probe/mine", b"x")


REJECTED = {
    CheckThenSet: "test_one_of_two_creators_wins_wherever_they_meet",
    SharedTemporaryName: "test_writers_of_different_blobs_do_not_meet",
    HalfWritten: "test_new_blob_is_seen_whole_or_not_at_all",
    NotAtomicPut: "test_replaced_blob_is_seen_old_or_new",
    RemovesBeforeItPuts: "test_replaced_blob_is_seen_old_or_new",
    PatchesInPlace: "test_put_replaces_the_whole_blob",
    ReadsInSteps: "test_blob_replaced_while_it_is_read_is_the_old_one_or_the_new_one",
    LastWriterWins: "test_second_writer_does_not_replace_the_first",
    KeepsTheBuffer: "test_buffers_of_the_caller_are_neither_changed_nor_kept",
    HandsOutItsMemory: "test_changing_what_was_read_changes_nothing_stored",
    JoinsTwice: "test_parts_are_not_joined_in_memory",
    EscapingKeys: "test_other_keys_are_refused_before_anything_is_touched",
    ChecksKeysTooLate: "test_other_keys_are_refused_before_anything_is_touched",
    FoldsCase: "test_similar_keys_are_different_blobs",
    DeleteComplains: "test_deleting_an_absent_blob_does_nothing",
    DeletesTheFolder: "test_deleting_an_absent_blob_does_nothing",
    ForgetsToReopen: "test_reopened_store_is_equal_and_sees_the_same_blobs",
    PrefixIsFolder: "test_prefix_is_a_string_not_a_folder",
    OrderOfFolders: "test_every_blob_is_listed_once_in_the_order_of_keys",
    ResumesAtTheKey: "test_listing_resumes_behind_any_text",
    ResumesByFolder: "test_listing_resumes_behind_any_text",
    ListsOnePage: "test_hundreds_of_blobs_are_listed_once_each",
    ListsHalfWrittenBlobs: "test_new_blob_is_seen_whole_or_not_at_all",
    NoSizes: "test_listing_tells_size_and_time_of_the_last_write",
    LocalTime: "test_listing_tells_size_and_time_of_the_last_write",
    StopsAtTheDeleted: "test_what_stays_is_listed_once_while_other_blobs_come_and_go",
    UnreachableIsAbsent: "test_unreachable_is_not_absent",
    TakesALostAnswerForALoss: "test_creation_whose_answer_was_lost_is_ours",
    TakesEveryRefusalForALostAnswer: "test_another_writer_is_told_from_a_lost_answer",
    TellsTwice: "test_who_follows_a_transfer_is_told_of_no_more_than_its_bytes",
    DoesNotStop: "test_who_follows_a_transfer_may_stop_it",
    StopsTooLate: "test_who_follows_a_transfer_may_stop_it",
    TrustsTheName: "test_other_bytes_are_never_returned",
    VerifiesOnce: "test_other_bytes_are_never_returned",
    HashesTheFirstPart: "test_digest_is_that_of_all_parts",
    ReplacesContent: "test_content_that_stands_is_left_as_it_is",
    LeavesItsProbes: "test_probe_of_a_sound_root_passes_and_leaves_nothing",
}


class Suite(BlobStoreContract, UnreliableBackendContract, SupportsContentContract, SupportsProbeContract):
    """All laws, run by hand."""

    def reopen(self, store):
        return super().reopen(store) if type(store) is ForgetsToReopen else store

    def code_of(self, store):
        return __file__

    @contextmanager
    def unreachable(self, store):
        store.is_down = True
        yield
        store.is_down = False

    def answers_lost(self, store):
        if isinstance(store, TakesALostAnswerForALoss):
            store.loses_answers = True
        return nullcontext()

    @classmethod
    def laws(cls, *contracts):
        return [name for contract in contracts for name in dir(contract) if name.startswith("test_")]


@pytest.mark.parametrize("law", Suite.laws(BlobStoreContract, UnreliableBackendContract))
def test_honest_store_passes(law):
    getattr(Suite(), law)(HonestStore())


@pytest.mark.parametrize("law", Suite.laws(SupportsContentContract, SupportsProbeContract))
def test_honest_content_store_passes(law):
    getattr(Suite(), law)(HonestContentStore())


@pytest.mark.parametrize(("fake", "law"), REJECTED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_broken_store_is_rejected_by_the_law_that_it_breaks(fake, law):
    with pytest.raises(KeyError if fake is DeleteComplains else (AssertionError, BufferError, pytest.fail.Exception)):
        getattr(Suite(), law)(fake())
