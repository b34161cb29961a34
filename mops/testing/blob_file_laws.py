"""Laws of files: what a store promises that moves files without holding them in memory."""

import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, final

import pytest
from blake3 import blake3

from mops.core.errors import CorruptBlob, FileChanged, InvalidKey, StoreError
from mops.core.ports.blob_store import BlobStore, SupportsFiles
from mops.testing.blob_store_hooks import BlobStoreHooks, content_of, keys_of
from mops.testing.blob_value_laws import BAD_KEYS, MIB, SIZES, pattern
from mops.testing.interleaving import interleavings
from mops.testing.large_bytes import LargeBytes

_BEFORE, _AFTER = pattern(MIB + 300_003, seed=1), pattern(MIB + 300_003, seed=2)
_LARGE: Final = 64 * MIB
_MEMORY: Final = 32 * MIB


class SupportsFilesContract(BlobStoreHooks):
    """What a store promises that moves files."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """An empty folder of this machine."""
        folder = tmp_path / "local files"
        folder.mkdir()
        return folder

    @final
    def test_file_comes_back_as_it_was_stored(self, store: BlobStore, folder: Path) -> None:
        for size in SIZES:
            content = pattern(size)
            assert _put(store, f"stored/{size}", _file(folder, content), content) is True
            assert content_of(store, f"stored/{size}") == content
            assert _files(store).file_size(f"stored/{size}") == size
            assert _get(store, f"stored/{size}", folder / "copy", content) is True
            assert LargeBytes((folder / "copy").read_bytes()) == content
        assert sorted(path.name for path in folder.iterdir()) == ["copy", "original"]

    @final
    def test_what_was_stored_as_bytes_is_had_as_a_file(self, store: BlobStore, folder: Path) -> None:
        for write in (store.put_if_absent, store.put):
            write("blob", pattern(300), pattern(5 * MIB))
            content = pattern(300) + pattern(5 * MIB)
            assert _files(store).file_size("blob") == len(content)
            assert _get(store, "blob", folder / "copy", content) is True
            assert LargeBytes((folder / "copy").read_bytes()) == content
            store.delete("blob")

    @final
    def test_absent_blob_is_no_file(self, store: BlobStore, folder: Path) -> None:
        store.put_if_absent("a/folder/blob", b"x")
        for key in ("absent", "a", "a/folder", "a/folder/absent"):
            assert _files(store).file_size(key) is None
            assert _get(store, key, folder / "copy", b"") is False
        assert list(folder.iterdir()) == []

    @final
    def test_blob_that_stands_is_left_and_the_file_not_looked_at(self, store: BlobStore, folder: Path) -> None:
        store.put_if_absent("blob", b"what stands")
        assert _put(store, "blob", folder / "absent", b"anything") is False
        assert _put(store, "blob", _file(folder, _AFTER), _AFTER) is False
        assert content_of(store, "blob") == b"what stands"

    @final
    def test_file_that_stands_is_no_place_for_others(self, store: BlobStore, folder: Path) -> None:
        assert _put(store, "blob", _file(folder, _BEFORE), _BEFORE) is True
        assert _put(store, "blob", _file(folder, _AFTER), _AFTER) is False
        assert store.put_if_absent("blob", b"other") is False
        assert content_of(store, "blob") == _BEFORE

    @final
    def test_file_with_another_digest_is_not_stored(self, store: BlobStore, folder: Path) -> None:
        for content, other in ((_BEFORE, _AFTER), (_BEFORE, _BEFORE[:-1]), (b"", b"x"), (b"x", b"")):
            with pytest.raises(FileChanged):
                _put(store, "blob", _file(folder, content), other)
        assert store.get("blob") is None
        assert keys_of(store) == []

    @final
    def test_time_stamps_are_not_trusted(self, store: BlobStore, folder: Path) -> None:
        path = _file(folder, _BEFORE)
        before = path.stat()
        assert _put(store, "first", path, _BEFORE) is True
        with path.open("r+b") as file:
            file.write(_AFTER)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(FileChanged):
            _put(store, "second", path, _BEFORE)
        assert store.get("second") is None
        assert _put(store, "second", path, _AFTER) is True
        assert content_of(store, "second") == _AFTER

    @final
    def test_what_is_no_file_is_said_to_have_changed(self, store: BlobStore, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to(folder / "loop")
        (folder / "dangling").symlink_to(folder / "absent")
        strange = (*(folder / name for name in ("absent", "absent/file", "pipe", "loop", "dangling")), folder)
        for path in (*strange, Path("/dev/null"), Path("/dev/zero")):
            with pytest.raises(FileChanged):
                _put(store, "blob", path, b"")
        assert keys_of(store) == []

    @final
    def test_what_becomes_of_the_file_afterwards_changes_nothing_stored(self, store: BlobStore, folder: Path) -> None:
        for size in (300, len(_BEFORE)):
            path = _file(folder, _BEFORE[:size])
            assert _put(store, f"blob/{size}", path, _BEFORE[:size]) is True
            for change in (_overwrite, _append, _truncate, os.unlink):
                change(path)
                assert content_of(store, f"blob/{size}") == _BEFORE[:size]

    @final
    def test_what_becomes_of_a_copy_changes_nothing_stored(self, store: BlobStore, folder: Path) -> None:
        for size in (300, len(_BEFORE)):
            _put(store, f"blob/{size}", _file(folder, _BEFORE[:size]), _BEFORE[:size])
            assert _get(store, f"blob/{size}", folder / "copy", _BEFORE[:size]) is True
            for change in (_overwrite, _append, _truncate, os.unlink):
                change(folder / "copy")
                assert content_of(store, f"blob/{size}") == _BEFORE[:size]

    @final
    def test_file_that_changes_while_it_is_stored_is_stored_right_or_not_at_all(
        self, store: BlobStore, folder: Path
    ) -> None:
        path = folder / "original"
        for change in (_overwrite, _append, _truncate, _replace, os.unlink):
            for number, stored, _ in interleavings(
                lambda number: _put_unless_changed(store, f"race/{number}", path, _BEFORE),
                lambda _number, change=change: change(path),  # type: ignore[misc]
                prepare=lambda _number: _rewrite(path, _BEFORE),
                within=self.code_of(store),
            ):
                assert content_of(store, f"race/{number}") == (_BEFORE if stored else None)
                store.delete(f"race/{number}")

    @final
    def test_new_file_is_seen_whole_or_not_at_all(self, store: BlobStore, folder: Path) -> None:
        path = _file(folder, _BEFORE)

        def look(number: int) -> tuple[LargeBytes | None, int | None, list[int]]:
            key = f"race/{number}"
            size = _files(store).file_size(key)
            return content_of(store, key), size, [info.size for info in store.list(key)]

        for number, stored, (content, size, sizes) in interleavings(
            lambda number: _put(store, f"race/{number}", path, _BEFORE), look, within=self.code_of(store)
        ):
            assert stored is True
            assert content in {None, _BEFORE}
            assert size in {None, len(_BEFORE)}
            assert sizes in ([], [len(_BEFORE)])
            store.delete(f"race/{number}")

    @final
    def test_one_of_two_writers_wins_wherever_they_meet(self, store: BlobStore, folder: Path) -> None:
        path, other = _file(folder, _BEFORE), _file(folder, _AFTER, "other")
        seconds: tuple[Callable[[str], bool], ...] = (
            lambda key: _put(store, key, other, _AFTER),
            lambda key: store.put_if_absent(key, _AFTER),
        )
        for second in seconds:
            for number, led, followed in interleavings(
                lambda number: _put(store, f"race/{number}", path, _BEFORE),
                lambda number, second=second: second(f"race/{number}"),  # type: ignore[misc]
                within=self.code_of(store),
            ):
                assert (led, followed) in {(True, False), (False, True)}
                assert content_of(store, f"race/{number}") == (_BEFORE if led else _AFTER)
                store.delete(f"race/{number}")

    @final
    def test_many_threads_store_one_file(self, store: BlobStore, folder: Path) -> None:
        path, writers = _file(folder, _BEFORE), 4
        barrier, answers = threading.Barrier(writers), list[bool]()

        def write() -> None:
            barrier.wait(60)
            answers.append(_put(store, "blob", path, _BEFORE))

        threads = [threading.Thread(target=write, daemon=True) for _ in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(answers) == writers
        assert True in answers, "equal bytes of others may count as ours, but somebody's are stored"
        assert content_of(store, "blob") == _BEFORE

    @final
    def test_copy_is_seen_whole_or_not_at_all(self, store: BlobStore, folder: Path) -> None:
        store.put_if_absent("blob", _BEFORE)
        path = folder / "copy"
        for old in (None, b"old"):

            def prepare(_number: int, old: bytes | None = old) -> None:
                path.unlink(missing_ok=True)
                if old is not None:
                    path.write_bytes(old)

            for _, gotten, seen in interleavings(
                lambda _number: _get(store, "blob", path, _BEFORE),
                lambda _number: path.read_bytes() if path.exists() else None,
                prepare=prepare,
                within=self.code_of(store),
            ):
                assert gotten is True
                assert seen in {old, _BEFORE}
                assert LargeBytes(path.read_bytes()) == _BEFORE
        assert list(folder.iterdir()) == [path]

    @final
    def test_blob_that_goes_while_it_is_copied_is_copied_whole_or_not_at_all(
        self, store: BlobStore, folder: Path
    ) -> None:
        for number, gotten, _ in interleavings(
            lambda number: _get(store, f"race/{number}", folder / f"copy{number}", _BEFORE),
            lambda number: store.delete(f"race/{number}"),
            prepare=lambda number: store.put(f"race/{number}", _BEFORE),
            within=self.code_of(store),
        ):
            path = folder / f"copy{number}"
            assert (LargeBytes(path.read_bytes()) if path.exists() else None) == (_BEFORE if gotten else None)
            path.unlink(missing_ok=True)
        assert list(folder.iterdir()) == []

    @final
    def test_blob_with_another_digest_is_corrupt_and_writes_nothing(self, store: BlobStore, folder: Path) -> None:
        for content, wanted in ((_BEFORE, _AFTER), (_BEFORE[:-1], _BEFORE), (b"", b"x"), (b"x", b"")):
            store.put("blob", content)
            with pytest.raises(CorruptBlob):
                _get(store, "blob", folder / "copy", wanted)
            assert list(folder.iterdir()) == []
            (folder / "copy").write_bytes(b"stays")
            with pytest.raises(CorruptBlob):
                _get(store, "blob", folder / "copy", wanted)
            assert LargeBytes((folder / "copy").read_bytes()) == b"stays"
            (folder / "copy").unlink()

    @final
    def test_place_that_takes_no_copy_is_not_the_fault_of_the_store(self, store: BlobStore, folder: Path) -> None:
        store.put_if_absent("blob", _BEFORE)
        (folder / "taken").mkdir()
        for path in (folder / "absent" / "copy", folder / "taken", folder / ("n" * 300)):
            with pytest.raises(OSError) as caught:  # noqa: PT011 - which one is up to the file system
                _get(store, "blob", path, _BEFORE)
            assert not isinstance(caught.value, StoreError)
        assert [path.name for path in folder.iterdir()] == ["taken"]
        assert list((folder / "taken").iterdir()) == []

    @final
    def test_all_bytes_that_are_moved_are_told(self, store: BlobStore, folder: Path) -> None:
        for size in SIZES:
            path, told = _file(folder, pattern(size)), list[int]()
            digest = blake3(pattern(size)).digest()
            assert _files(store).put_file_if_absent(f"blob/{size}", str(path), digest, advance=told.append) is True
            assert sum(told) == size
            assert _files(store).get_file(f"blob/{size}", str(folder / "copy"), digest, advance=told.append) is True
            assert sum(told) == 2 * size
            assert _files(store).put_file_if_absent(f"blob/{size}", str(path), digest, advance=told.append) is False
            assert sum(told) == 2 * size

    @final
    def test_files_are_not_held_in_memory(self, store: BlobStore, folder: Path) -> None:
        content = pattern(_LARGE)
        path, digest = _file(folder, content), blake3(content).digest()
        del content
        assert _peak(lambda: _files(store).put_file_if_absent("blob", str(path), digest)) < _MEMORY
        assert _peak(lambda: _files(store).get_file("blob", str(folder / "copy"), digest)) < _MEMORY

    @final
    def test_other_keys_are_refused_for_files_too(self, store: BlobStore, folder: Path) -> None:
        path = _file(folder, b"x")
        for key in BAD_KEYS:
            with pytest.raises(InvalidKey):
                _files(store).file_size(key)
            with pytest.raises(InvalidKey):
                _put(store, key, path, b"x")
            with pytest.raises(InvalidKey):
                _get(store, key, folder / "copy", b"x")
        assert keys_of(store) == []
        assert list(folder.iterdir()) == [path]


def _files(store: BlobStore) -> SupportsFiles:
    assert isinstance(store, SupportsFiles)
    return store


def _put(store: BlobStore, key: str, path: Path, content: bytes) -> bool:
    """Store a file that should have that content."""
    return _files(store).put_file_if_absent(key, str(path), blake3(content).digest())


def _get(store: BlobStore, key: str, path: Path, content: bytes) -> bool:
    return _files(store).get_file(key, str(path), blake3(content).digest())


def _file(folder: Path, content: bytes, name: str = "original") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _put_unless_changed(store: BlobStore, key: str, path: Path, content: bytes) -> bool:
    try:
        return _put(store, key, path, content)
    except FileChanged:
        return False


def _rewrite(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"overwritten")


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"appended")


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def _replace(path: Path) -> None:
    other = path.with_name("replacement")
    other.write_bytes(_AFTER)
    other.rename(path)


def _peak(operation: Callable[[], Any]) -> int:
    """The most memory that Python objects take while an operation runs, which has to succeed."""
    tracemalloc.start()
    try:
        assert operation() is True
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
