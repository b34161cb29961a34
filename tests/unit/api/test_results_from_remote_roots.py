"""What was fetched once from a root elsewhere is not fetched again: files, directories and large values."""

import errno
from pathlib import Path

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.core.ports.blob_store import BlobStore


class RemoteStore(BlobStore):
    """As one across a network, which can do no more than it must, and is asked through this handle."""

    def __init__(self, name):
        self.blobs = MemoryBlobStore(name)
        self.asked = []

    @property
    def uri(self):
        return self.blobs.uri.replace("memory://", "elsewhere://")

    def get(self, key, /):
        self.asked.append(key)
        return self.blobs.get(key)

    def put_if_absent(self, key, /, *parts):
        return self.blobs.put_if_absent(key, *parts)

    def put(self, key, /, *parts):
        self.blobs.put(key, *parts)

    def list(self, prefix="", /, *, after=""):
        return self.blobs.list(prefix, after=after)

    def delete(self, key, /):
        self.blobs.delete(key)

    def downloads(self):
        """The blobs by content that were asked for since the last look."""
        asked = [key for key in self.asked if "/blob/" in key]
        self.asked.clear()
        return asked


@pytest.fixture
def store(request, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return RemoteStore(f"remote-{request.node.name.partition('[')[0][:40].lower()}")


def large(folder: str):
    return b"large" * (1 << 20)


def file(folder: str):
    path = Path(folder) / "file.txt"
    path.write_text("content")
    return path


def tree(folder: str):
    path = Path(folder) / "tree"
    path.mkdir()
    (path / "one").write_text("1")
    return path


def content_of(value):
    if isinstance(value, Path):
        return {found.name: found.read_bytes() for found in (value, *value.glob("*")) if found.is_file()}
    return bytes(value)


@pytest.mark.parametrize("make", [large, file, tree])
def test_a_second_hit_of_the_same_bytes_costs_no_download(make, store, tmp_path):
    remembered = use_runner(MemoizingPicklingRunner(blob_root=store))(make)
    made = remembered(str(tmp_path))
    store.downloads()
    first = remembered(str(tmp_path))
    assert store.downloads(), "it was fetched"
    second = remembered(str(tmp_path))
    assert store.downloads() == []
    assert content_of(first) == content_of(second) == content_of(made)


def test_a_result_whose_blob_has_gone_is_served_from_its_copy(store, tmp_path):
    remembered = use_runner(MemoizingPicklingRunner(blob_root=store))(file)
    remembered(str(tmp_path))
    first = remembered(str(tmp_path))
    (blob,) = [info.key for info in store.list("mops1/blob/")]
    store.delete(blob)
    assert remembered(str(tmp_path)) == first
    assert first.read_text() == "content"


def test_a_large_value_that_no_disk_here_has_room_for_is_read_into_memory(store, tmp_path, monkeypatch):
    remembered = use_runner(MemoizingPicklingRunner(blob_root=store))(large)
    made = remembered(str(tmp_path))

    def refuse(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.mkdir", refuse)
    for _ in range(2):
        store.downloads()
        assert remembered(str(tmp_path)) == made
        assert store.downloads()
    assert not list(tmp_path.rglob("content"))
