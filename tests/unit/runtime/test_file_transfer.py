"""Files go to any store and come from any: through its files where it supports them, else through its blobs."""

import os
from pathlib import Path

import pytest
from blake3 import blake3

from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.core.blob_layout import content_key
from mops.core.errors import CorruptBlob, FileChanged
from mops.core.ports.blob_store import BlobStore, SupportsFiles
from mops.runtime.file_transfer import file_size, get_file, put_file
from mops.testing.fault_stores import CountingBlobStore

CONTENT = bytes(range(251)) * 9000
DIGEST = blake3(CONTENT).digest()
KEY = content_key(DIGEST)


@pytest.fixture(params=["with files", "with blobs alone"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    local = LocalBlobStore(str(tmp_path / "root"))
    return local if request.param == "with files" else CountingBlobStore(local)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original"
    path.write_bytes(CONTENT)
    return path


def test_file_goes_and_comes(store: BlobStore, original: Path):
    copy = original.with_name("copy")
    told: list[int] = []
    assert file_size(store, KEY) is None
    assert not get_file(store, KEY, str(copy), DIGEST)
    assert put_file(store, KEY, str(original), DIGEST, advance=told.append)
    assert store.get(KEY) == CONTENT
    assert file_size(store, KEY) == len(CONTENT)
    assert get_file(store, KEY, str(copy), DIGEST, advance=told.append)
    assert copy.read_bytes() == CONTENT
    assert sum(told) == 2 * len(CONTENT)
    assert sorted(os.listdir(original.parent)) == ["copy", "original", "root"]


def test_file_that_stands_is_replaced_whole(store: BlobStore, original: Path):
    copy = original.with_name("copy")
    copy.write_bytes(CONTENT * 2)
    put_file(store, KEY, str(original), DIGEST)
    assert get_file(store, KEY, str(copy), DIGEST)
    assert copy.read_bytes() == CONTENT


def test_second_store_of_a_file_stores_nothing(original: Path, tmp_path: Path):
    store = LocalBlobStore(str(tmp_path / "root"))
    assert isinstance(store, SupportsFiles)
    assert put_file(store, KEY, str(original), DIGEST)
    assert not put_file(store, KEY, str(original), DIGEST)


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"", CONTENT + b"x"])
def test_damaged_content_of_another_size_is_replaced(store: BlobStore, original: Path, damage: bytes):
    store.put(KEY, damage)
    assert put_file(store, KEY, str(original), DIGEST)
    assert store.get(KEY) == CONTENT


def test_sound_content_is_not_replaced_by_a_file_that_has_changed(store: BlobStore, original: Path):
    put_file(store, KEY, str(original), DIGEST)
    original.write_bytes(CONTENT[:-1])
    if isinstance(store, SupportsFiles):
        assert not put_file(store, KEY, str(original), DIGEST)
        original.unlink()
        assert not put_file(store, KEY, str(original), DIGEST)
    else:
        with pytest.raises(FileChanged):
            put_file(store, KEY, str(original), DIGEST)
    assert store.get(KEY) == CONTENT


def test_what_stands_under_another_key_is_somebody_elses(store: BlobStore, original: Path):
    store.put("out/name", b"of another size")
    assert not put_file(store, "out/name", str(original), DIGEST)
    assert store.get("out/name") == b"of another size"


def test_file_that_is_not_the_one_that_was_hashed_is_not_stored(store: BlobStore, original: Path):
    other = blake3(b"other").digest()
    folder = original.parent
    os.mkfifo(folder / "pipe")
    (folder / "empty").touch()
    empty = blake3().digest()
    for path, digest in (
        (original, other),
        (folder / "empty", other),
        (folder / "absent", empty),
        (folder / "pipe", empty),
        (folder, empty),
        (Path("/dev/null"), empty),
    ):
        with pytest.raises(FileChanged) as caught:
            put_file(store, content_key(digest), str(path), digest)
        assert str(path) in str(caught.value)
    assert list(store.list()) == []


def test_blob_that_is_not_what_was_stored_writes_nothing(store: BlobStore, tmp_path: Path):
    store.put(KEY, CONTENT[:-1] + b"x")
    with pytest.raises(CorruptBlob):
        get_file(store, KEY, str(tmp_path / "copy"), DIGEST)
    assert os.listdir(tmp_path) == ["root"]


def test_place_that_cannot_be_written_is_left_as_it_was(store: BlobStore, original: Path):
    put_file(store, KEY, str(original), DIGEST)
    folder = original.with_name("taken")
    folder.mkdir()
    for path in (folder, folder / "absent" / "copy"):
        with pytest.raises(OSError, match=str(folder)):
            get_file(store, KEY, str(path), DIGEST)
    assert sorted(os.listdir(original.parent)) == ["original", "root", "taken"]
    assert os.listdir(folder) == []


def test_memory_holds_files_too(original: Path):
    store = MemoryBlobStore("files")
    assert put_file(store, KEY, str(original), DIGEST)
    assert get_file(store, KEY, str(original.with_name("copy")), DIGEST)
    assert original.with_name("copy").read_bytes() == CONTENT
