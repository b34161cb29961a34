"""The shipped suite rejects local copies that break one promise each, by the law that states it."""

import os
import shutil
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from mops.adapters.files.directories import directory_digest
from mops.core.errors import CorruptBlob
from mops.core.ports.local_copies import LocalCopies
from mops.testing.local_copies_suite import LocalCopiesContract


class HonestCopies(LocalCopies):
    """Correct copies of one process, which every fake below breaks at one place."""

    def __init__(self, folder):
        self.folder = folder
        self.seals = {}
        self.locks = defaultdict(threading.Lock)

    @property
    def caches_content(self):
        return True

    def file(self, digest, size, name, fill, /):
        with self.lock(digest, "file"):
            return self.named(f"file-{digest.hex()}", name, fill)

    def directory(self, digest, name, fill, /):
        with self.lock(digest, "directory"):
            return self.named(f"directory-{digest.hex()}", name, fill)

    def content(self, digest, size, fill, /):
        path = self.file(digest, size, "content", fill)
        return None if path is None else Path(path).read_bytes()

    def lock(self, digest, kind):
        return self.locks[digest, kind]

    def named(self, key, name, fill):
        self.check(name)
        path = self.path(key, name)
        if self.is_sound(key, path):
            return path
        for other in self.folder.glob(f"{key}/*/*"):
            if self.is_sound(key, str(other)):
                return self.copy(str(other), path)
        return path if self.filled(key, path, fill) else None

    def check(self, name):
        if name in {"", ".", "..", "\ud800"} or "/" in name or "\0" in name:
            raise CorruptBlob(name)

    def path(self, key, name):
        folder = self.folder / key / os.fsencode(name).hex()[:200]
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder / name)

    def is_sound(self, key, path):
        return os.path.lexists(path) and look(path) == self.seals.get(key)

    def copy(self, source, target):
        self.remove(target)
        shutil.copytree(source, target) if os.path.isdir(source) else shutil.copy(source, target)
        return target

    def filled(self, key, path, fill):
        self.remove(path)
        draft = f"{self.folder}/draft-{os.urandom(8).hex()}"
        try:
            if not fill(draft):
                return False
            self.protect(draft)
            self.seals[key] = look(draft)
            os.rename(draft, path)
            return True
        finally:
            self.remove(draft)

    def protect(self, path):
        for file in (Path(path), *Path(path).rglob("*")):
            if file.is_file():
                file.chmod(0o555 if file.stat().st_mode & 0o100 else 0o444)

    def remove(self, path):
        shutil.rmtree(path) if os.path.isdir(path) else Path(path).unlink(missing_ok=True)


def look(path):
    """What is there, and how it may be used."""
    return directory_digest(path) if os.path.isdir(path) else (os.stat(path).st_mode, Path(path).read_bytes())


class NamesByDigest(HonestCopies):
    def path(self, key, name):
        return str(Path(super().path(key, name)).with_name(key[-16:]))


class RelativePaths(HonestCopies):
    def file(self, digest, size, name, fill, /):
        path = super().file(digest, size, name, fill)
        return path and os.path.relpath(path)


class Writable(HonestCopies):
    def protect(self, path):
        pass


class ForgetsPrograms(HonestCopies):
    def protect(self, path):
        for file in (Path(path), *Path(path).rglob("*")):
            if file.is_file():
                file.chmod(0o444)


class FillsAgain(HonestCopies):
    def is_sound(self, key, path):
        return False


class FillsEachName(HonestCopies):
    def copy(self, source, target):
        raise AssertionError("not reached")

    def named(self, key, name, fill):
        self.check(name)
        path = self.path(key, name)
        return path if self.is_sound(key, path) or self.filled(key, path, fill) else None


class ChangesNames(HonestCopies):
    def path(self, key, name):
        return super().path(key, name.strip("~."))


class OneFolderForAllNames(HonestCopies):
    """As on a file system that does not tell cases apart."""

    def path(self, key, name):
        return str(Path(super().path(key, name.lower())).with_name(name.lower()))


class LeavesTheFolder(HonestCopies):
    def check(self, name):
        pass


class TrustsWhatStands(HonestCopies):
    def is_sound(self, key, path):
        return os.path.exists(path)


class TrustsTimes(HonestCopies):
    def __init__(self, folder):
        super().__init__(folder)
        self.times = {}

    def is_sound(self, key, path):
        if not os.path.exists(path):
            return False
        status = os.stat(path)
        seen = status.st_mtime_ns, status.st_size
        return self.times.setdefault(path, seen) == seen


class LooksAtTheTopAlone(HonestCopies):
    def is_sound(self, key, path):
        return os.path.isdir(path) or super().is_sound(key, path)


class HandsOutNothing(HonestCopies):
    """As who does not listen to what a fill says."""

    def named(self, key, name, fill):
        path = super().named(key, name, fill)
        return path or self.path(key, name)


class RemembersWhatIsGone(HonestCopies):
    def __init__(self, folder):
        super().__init__(folder)
        self.gone = set()

    def filled(self, key, path, fill):
        if key in self.gone:
            return False
        found = super().filled(key, path, fill)
        if not found:
            self.gone.add(key)
        return found


class FillsInPlace(HonestCopies):
    def filled(self, key, path, fill):
        if not fill(path):
            return False
        self.protect(path)
        self.seals[key] = look(path)
        return True


class SwallowsErrors(HonestCopies):
    def filled(self, key, path, fill):
        try:
            return super().filled(key, path, fill)
        except Exception:
            return False


class NobodyWaits(HonestCopies):
    def lock(self, digest, kind):
        return threading.Lock()


class OneLockForAll(HonestCopies):
    """So that a fill which asks for another copy waits for itself: told here rather than waited for."""

    def lock(self, digest, kind):
        lock = self.locks["all"]
        if threading.current_thread() is threading.main_thread():
            assert not lock.locked(), "it would wait for ever"
        return lock


class OneDigestOneCopy(HonestCopies):
    def directory(self, digest, name, fill, /):
        with self.lock(digest, "file"):
            return self.named(f"file-{digest.hex()}", name, fill)


class HandsOutItsMemory(HonestCopies):
    def __init__(self, folder):
        super().__init__(folder)
        self.memory = {}

    def content(self, digest, size, fill, /):
        if digest not in self.memory:
            content = super().content(digest, size, fill)
            if content is None:
                return None
            self.memory[digest] = memoryview(bytearray(content))
        return self.memory[digest]


class CachesNothing(HonestCopies):
    def content(self, digest, size, fill, /):
        path = self.path("content", os.urandom(4).hex())
        return Path(path).read_bytes() if fill(path) else None


class ReadsWhenItIsUsed(HonestCopies):
    """Bytes that are lost with their copy."""

    def content(self, digest, size, fill, /):
        content = super().content(digest, size, fill)
        return None if content is None else Late(self.file(digest, size, "name", fill), content)


class Late:
    def __init__(self, path, content):
        self.made, self.path, self.content = os.stat(path).st_ctime_ns, path, content

    def __bytes__(self):
        return self.content if os.stat(self.path).st_ctime_ns == self.made else b"lost"


REJECTED = {
    NamesByDigest: "test_a_file_arrives_with_its_content_under_its_name_and_is_read_only",
    RelativePaths: "test_a_file_arrives_with_its_content_under_its_name_and_is_read_only",
    Writable: "test_a_file_arrives_with_its_content_under_its_name_and_is_read_only",
    FillsAgain: "test_the_second_use_of_a_file_fills_nothing",
    ChangesNames: "test_a_name_may_be_any_component_of_a_path",
    OneFolderForAllNames: "test_a_name_may_be_any_component_of_a_path",
    LeavesTheFolder: "test_what_is_no_name_is_refused_before_anything_is_written",
    FillsEachName: "test_one_content_under_two_names_is_filled_once",
    HandsOutNothing: "test_what_is_gone_is_none_and_is_asked_for_again",
    RemembersWhatIsGone: "test_what_is_gone_is_none_and_is_asked_for_again",
    FillsInPlace: "test_a_fill_that_fails_half_way_leaves_nothing_behind",
    SwallowsErrors: "test_a_fill_that_fails_half_way_leaves_nothing_behind",
    TrustsWhatStands: "test_a_copy_that_was_damaged_arrives_sound",
    TrustsTimes: "test_a_copy_that_was_damaged_arrives_sound",
    NobodyWaits: "test_threads_that_ask_at_once_fill_once_and_nobody_sees_half_a_copy",
    OneLockForAll: "test_a_fill_may_ask_for_another_copy",
    ForgetsPrograms: "test_a_directory_arrives_whole_and_its_files_are_read_only",
    LooksAtTheTopAlone: "test_a_directory_that_was_damaged_arrives_sound",
    OneDigestOneCopy: "test_files_and_directories_of_one_digest_are_apart",
    HandsOutItsMemory: "test_content_is_the_bytes_and_changing_them_changes_no_copy",
    CachesNothing: "test_content_is_filled_once_where_it_is_cached",
    ReadsWhenItIsUsed: "test_content_stays_readable_when_its_copy_is_damaged",
}
LAWS = [name for name in dir(LocalCopiesContract) if name.startswith("test_")]


@pytest.mark.parametrize("broken", REJECTED, ids=lambda broken: broken.__name__)
def test_broken_copies_are_rejected_by_their_law(broken, tmp_path):
    with pytest.raises((AssertionError, OSError, pytest.fail.Exception)):
        getattr(LocalCopiesContract(), REJECTED[broken])(broken(tmp_path))


@pytest.mark.parametrize("law", LAWS)
def test_copies_that_keep_their_promises_are_not_rejected(law, tmp_path):
    getattr(LocalCopiesContract(), law)(HonestCopies(tmp_path))


def test_every_law_rejects_somebody():
    assert set(REJECTED.values()) == set(LAWS)


def test_a_suite_without_its_copies_says_so():
    with pytest.raises(NotImplementedError, match="fixture named copies"):
        LocalCopiesContract.copies.__wrapped__(LocalCopiesContract())
