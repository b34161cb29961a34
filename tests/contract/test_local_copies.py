"""All local copies keep the contract: in a cache, beside a local root, of one process, and where they fell back."""

import errno
import fcntl
import os
import tempfile

import pytest

from mops.adapters.local_copies.fallback import FallbackCopies
from mops.adapters.local_copies.temporary import TemporaryCopies
from mops.testing.local_copies_suite import LocalCopiesContract


def never(text):
    raise AssertionError(text)


class TestCache(LocalCopiesContract):
    @pytest.fixture
    def copies(self, tmp_path):
        return FallbackCopies(str(tmp_path / "cache"), lambda: 1 << 30, never)


class TestCacheWithoutRoom(LocalCopiesContract):
    """What this process was given stays even where nothing may."""

    @pytest.fixture
    def copies(self, tmp_path):
        return FallbackCopies(str(tmp_path / "cache"), lambda: 0, never)


class TestCopiesBesideALocalRoot(LocalCopiesContract):
    @pytest.fixture
    def copies(self, tmp_path):
        return FallbackCopies(str(tmp_path / "~files"), None, never)


@pytest.fixture(autouse=True)
def _temporary_directory(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


class TestTemporaryCopies(LocalCopiesContract):
    @pytest.fixture
    def copies(self):
        return TemporaryCopies()


class TestCopiesThatFellBack(LocalCopiesContract):
    @pytest.fixture
    def copies(self, tmp_path):
        (tmp_path / "file").touch()
        return FallbackCopies(str(tmp_path / "file" / "~files"), None, lambda text: None)


class TestCacheOnAFileSystemWithoutLinks(TestCache):
    @pytest.fixture(autouse=True)
    def _no_links(self, monkeypatch):
        def refuse(*_args, **_kwargs):
            raise PermissionError(errno.EPERM, "no links here")

        monkeypatch.setattr("os.link", refuse)


class TestCopiesOnAFileSystemWithoutLocks(LocalCopiesContract):
    @pytest.fixture
    def copies(self, tmp_path, monkeypatch):
        root = str(tmp_path / "~files")
        flock = fcntl.flock

        def refuse(fd, operation):
            if os.readlink(f"/proc/self/fd/{fd}").startswith(root):
                raise OSError(errno.ENOLCK, "No locks available")
            flock(fd, operation)

        monkeypatch.setattr(fcntl, "flock", refuse)
        return FallbackCopies(root, None, lambda text: None)
