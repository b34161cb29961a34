"""Functions of these tests run in this process, on a root of their own in memory."""

import itertools

import pytest

from mops import MemoizingPicklingRunner

ROOTS = itertools.count()


@pytest.fixture
def root():
    """Roots in memory live as long as somebody holds their store."""
    from mops.api.locate import locate_blob_store

    return locate_blob_store(f"memory://files-{next(ROOTS)}")


@pytest.fixture
def runner(root):
    return MemoizingPicklingRunner(blob_root=root)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
