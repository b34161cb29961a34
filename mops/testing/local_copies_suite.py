"""The contract of LocalCopies as tests: subclass, fill in the fixture ``copies``, and run pytest. The laws are final.

class TestMyCopies(LocalCopiesContract):
    @pytest.fixture
    def copies(self):
        return MyCopies()
"""

import os
import stat
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, final

import pytest
from blake3 import blake3

from mops.adapters.files.directories import PackedDirectories
from mops.core.errors import CorruptBlob
from mops.core.files import LocalFile
from mops.core.ports.blob_store import Buffer
from mops.core.ports.local_copies import LocalCopies
from mops.core.ports.local_directories import PutContent
from mops.testing.large_bytes import LargeBytes

__all__ = ["LocalCopiesContract"]

NAMES: Final = (
    "plain.txt",
    "no suffix",
    "content",
    "seal",
    ".mops",
    "...",
    "~",
    "-rf",
    "a\nb",
    "%2e%2e",
    "ümläut.csv",
    "case",
    "CASE",
    "\udcff not UTF-8",
    "n" * 255,
)
NO_NAMES: Final = ("", ".", "..", "a/b", "/etc", "../up", "nul\0", "\ud800")
SIZES: Final = (0, 1, 5000, (4 << 20) - 1, 5 << 20)
_THREADS: Final = 8
_LONG: Final = 60.0


class LocalCopiesContract:
    """What the runtime asks of whatever keeps copies on this machine. Fill in ``copies``."""

    @pytest.fixture
    def copies(self) -> LocalCopies:
        """Copies of which there is none yet."""
        raise NotImplementedError("a suite needs a fixture named copies, which has none yet")

    # ------------------------------------------------------------------------------------------------------- files
    @final
    def test_a_file_arrives_with_its_content_under_its_name_and_is_read_only(self, copies: LocalCopies) -> None:
        for size in SIZES:
            content = Content(size)
            path = content.file(copies, f"of {size}.bin")
            assert os.path.isabs(path)
            assert Path(path).name == f"of {size}.bin"
            assert _bytes_at(path) == content.data
            assert not Path(path).stat().st_mode & 0o222

    @final
    def test_the_second_use_of_a_file_fills_nothing(self, copies: LocalCopies) -> None:
        content = Content(5000)
        assert content.file(copies) == content.file(copies)
        assert content.fills == 1

    @final
    def test_a_name_may_be_any_component_of_a_path(self, copies: LocalCopies) -> None:
        content = Content(5000)
        paths = [Path(content.file(copies, name)) for name in NAMES]
        assert [path.name for path in paths] == list(NAMES)
        assert all(path.read_bytes() == content.data for path in paths)
        assert len({os.path.normcase(path) for path in paths}) == len(NAMES)

    @final
    def test_what_is_no_name_is_refused_before_anything_is_written(self, copies: LocalCopies) -> None:
        content, tree = Content(5000), Tree()
        for name in NO_NAMES:
            with pytest.raises(CorruptBlob):
                content.file(copies, name)
            with pytest.raises(CorruptBlob):
                tree.directory(copies, name)
        assert content.fills == tree.fills == 0

    @final
    def test_one_content_under_two_names_is_filled_once(self, copies: LocalCopies) -> None:
        content, tree = Content(5000), Tree()
        first, second = content.file(copies, "first"), content.file(copies, "second")
        assert _bytes_at(first) == _bytes_at(second) == content.data
        a, b = tree.directory(copies, "first"), tree.directory(copies, "second")
        assert looks(a) == looks(b) == Tree.LOOKS
        assert (Path(a).name, Path(b).name) == ("first", "second")
        assert content.fills == tree.fills == 1

    @final
    def test_what_is_gone_is_none_and_is_asked_for_again(self, copies: LocalCopies) -> None:
        content, tree = Content(5000), Tree()
        gone = lambda path: False  # noqa: E731
        assert copies.file(content.digest, 5000, "name", gone) is None
        assert copies.directory(tree.digest, "name", gone) is None
        assert copies.content(content.digest, 5000, gone) is None
        assert _bytes_at(content.file(copies)) == content.data
        assert looks(tree.directory(copies)) == Tree.LOOKS
        assert content.content(copies) == content.data

    @final
    def test_a_fill_that_fails_half_way_leaves_nothing_behind(self, copies: LocalCopies) -> None:
        content, tree = Content(5000), Tree()

        def fail(path: str) -> bool:
            Path(path).write_bytes(b"half")
            raise Interrupted

        def fail_inside(path: str) -> bool:
            Path(path).mkdir()
            (Path(path) / "half").write_bytes(b"")
            raise Interrupted

        for _ in range(2):
            with pytest.raises(Interrupted):
                copies.file(content.digest, 5000, "name", fail)
            with pytest.raises(Interrupted):
                copies.directory(tree.digest, "name", fail_inside)
            with pytest.raises(Interrupted):
                copies.content(content.digest, 5000, fail)
        assert _bytes_at(content.file(copies)) == content.data
        assert looks(tree.directory(copies)) == Tree.LOOKS

    @final
    def test_a_copy_that_was_damaged_arrives_sound(self, copies: LocalCopies) -> None:
        content = Content(5000)
        for damage in (_change, _append, _truncate, _remove):
            damage(Path(content.file(copies)))
            path = Path(content.file(copies))
            assert _bytes_at(path) == content.data
            assert not path.stat().st_mode & 0o222

    @final
    def test_threads_that_ask_at_once_fill_once_and_nobody_sees_half_a_copy(self, copies: LocalCopies) -> None:
        content, tree = Content(5000, pause=True), Tree(pause=True)
        barrier = threading.Barrier(_THREADS)

        def ask(number: int) -> bool:
            barrier.wait(_LONG)
            path = content.file(copies, f"name {number % 3}")
            return Path(path).read_bytes() == content.data and looks(tree.directory(copies)) == Tree.LOOKS

        with ThreadPoolExecutor(_THREADS) as pool:
            assert all(pool.map(ask, range(_THREADS)))
        assert content.fills == tree.fills == 1

    @final
    def test_a_fill_may_ask_for_another_copy(self, copies: LocalCopies) -> None:
        inner, outer = Content(100, seed=1), Content(100, seed=2)

        def fill(path: str) -> bool:
            assert _bytes_at(inner.file(copies)) == inner.data
            return outer.fill(path)

        found = copies.file(outer.digest, 100, "outer", fill)
        assert found is not None
        assert _bytes_at(found) == outer.data

    # ------------------------------------------------------------------------------------------------- directories
    @final
    def test_a_directory_arrives_whole_and_its_files_are_read_only(self, copies: LocalCopies) -> None:
        tree = Tree()
        path = Path(tree.directory(copies, "folder"))
        assert path.is_absolute()
        assert path.name == "folder"
        assert looks(path) == Tree.LOOKS
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.rglob("*") if file.is_file()}
        assert len(modes) == 2, "one is a program"
        assert not any(mode & 0o222 for mode in modes)
        assert tree.directory(copies, "folder") == str(path)
        assert tree.fills == 1

    @final
    def test_a_directory_that_was_damaged_arrives_sound(self, copies: LocalCopies) -> None:
        tree = Tree()
        damages = (
            lambda path: _change(path / "file"),
            lambda path: _remove(path / "sub" / "tool"),
            lambda path: (path / "sub" / "more").write_bytes(b""),
            lambda path: (path / "empty").rmdir(),
            lambda path: (path / "file").chmod(0o755),
        )
        for damage in damages:
            damage(Path(tree.directory(copies)))
            path = Path(tree.directory(copies))
            assert looks(path) == Tree.LOOKS
            assert not (path / "file").stat().st_mode & 0o111

    @final
    def test_files_and_directories_of_one_digest_are_apart(self, copies: LocalCopies) -> None:
        content, tree = Content(5000), Tree()
        content.data, content.digest = tree.manifest, tree.digest
        assert looks(tree.directory(copies)) == Tree.LOOKS
        assert _bytes_at(content.file(copies)) == content.data
        assert content.content(copies) == content.data
        assert looks(tree.directory(copies)) == Tree.LOOKS

    # ---------------------------------------------------------------------------------------------------- payloads
    @final
    def test_content_is_the_bytes_and_changing_them_changes_no_copy(self, copies: LocalCopies) -> None:
        for size in SIZES:
            content = Content(size)
            for _ in range(2):
                data = copies.content(content.digest, size, content.fill)
                assert data is not None
                assert LargeBytes(data) == content.data
                if size and isinstance(data, memoryview) and not data.readonly:
                    data[:] = bytes(size)
            assert _bytes_at(content.file(copies)) == content.data

    @final
    def test_content_is_filled_once_where_it_is_cached(self, copies: LocalCopies) -> None:
        content = Content(5 << 20)
        for _ in range(3):
            assert content.content(copies) == content.data
        assert content.fills == 1 or not copies.caches_content

    @final
    def test_content_stays_readable_when_its_copy_is_damaged(self, copies: LocalCopies) -> None:
        content = Content(5 << 20)
        data = copies.content(content.digest, len(content.data), content.fill)
        _remove(Path(content.file(copies)))
        assert content.content(copies) == content.data
        assert data is not None
        assert LargeBytes(data) == content.data


class Interrupted(Exception):
    """What a fill raises."""


class Content:
    """A file in a store, and how often it was fetched."""

    def __init__(self, size: int, *, seed: int = 0, pause: bool = False) -> None:
        self.data = bytes((seed + 7 * at) % 251 for at in range(min(size, 251 * 16 + 1))) * (size // 4000 + 1)
        self.data = self.data[:size]
        self.digest = blake3(self.data).digest()
        self.fills = 0
        self._pause = pause

    def fill(self, path: str) -> bool:
        """Write it where it is asked for."""
        self.fills += 1
        _check_place(path)
        with open(path, "wb") as file:
            file.write(self.data[:100])
            file.flush()
            if self._pause:
                _let_others_run()
            file.write(self.data[100:])
        return True

    def file(self, copies: LocalCopies, name: str = "name") -> str:
        """Its copy."""
        path = copies.file(self.digest, len(self.data), name, self.fill)
        assert path is not None
        return path

    def content(self, copies: LocalCopies) -> LargeBytes | None:
        """Its bytes."""
        data = copies.content(self.digest, len(self.data), self.fill)
        return None if data is None else LargeBytes(data)


class Tree:
    """A directory in a store, and how often it was fetched."""

    LOOKS: Final[dict[str, bytes | None]] = {
        "empty": None,
        "file": b"content",
        "sub": None,
        "sub/tool": b"#!",
        "sub/\udcff": b"odd",
    }

    def __init__(self, *, pause: bool = False) -> None:
        with tempfile.TemporaryDirectory() as folder:
            _build(f"{folder}/tree", Tree.LOOKS)
            stored: list[bytes] = []
            self.digest, _ = PackedDirectories().store(
                LocalFile(f"{folder}/tree", "tree", kind="directory"), _storing(stored), _leave
            )
        self.manifest = stored[-1]
        self.fills = 0
        self._pause = pause

    def fill(self, path: str) -> bool:
        """Write it where it is asked for."""
        self.fills += 1
        _check_place(path)
        _build(path, Tree.LOOKS, _let_others_run if self._pause else lambda: None)
        return True

    def directory(self, copies: LocalCopies, name: str = "name") -> str:
        """Its copy."""
        path = copies.directory(self.digest, name, self.fill)
        assert path is not None
        return path


def _build(path: str, looks: dict[str, bytes | None], pause: Callable[[], None] = lambda: None) -> None:
    os.mkdir(path)
    for name, content in looks.items():
        if content is None:
            os.mkdir(f"{path}/{name}")
        else:
            Path(f"{path}/{name}").write_bytes(content)
        pause()
    os.chmod(f"{path}/sub/tool", 0o755)  # noqa: S103 - a program


def _storing(stored: list[bytes]) -> PutContent:
    def put(parts: Sequence[Buffer]) -> bytes:
        stored.append(b"".join(parts))
        return blake3(stored[-1]).digest()

    return put


def _leave(_path: str, _digest: bytes, _size: int) -> None:
    raise AssertionError("no file of it is large")


def looks(path: str | Path) -> dict[str, bytes | None]:
    """What is in a directory."""
    found = sorted(Path(path).rglob("*"))
    return {str(each.relative_to(path)): None if each.is_dir() else each.read_bytes() for each in found}


def _check_place(path: str) -> None:
    assert not os.path.lexists(path), "a fill is given a path where nothing stands"
    assert os.path.isdir(os.path.dirname(path)), "in a folder that does"


def _let_others_run() -> None:
    threading.Event().wait(0.02)


def _change(path: Path) -> None:
    """Other bytes, at the same size and time of modification."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(stat.S_IMODE(before.st_mode))


def _append(path: Path) -> None:
    path.chmod(0o644)
    with path.open("ab") as file:
        file.write(b"more")


def _truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, 10)


def _bytes_at(path: str | Path) -> LargeBytes:
    return LargeBytes(Path(path).read_bytes())


def _remove(path: Path) -> None:
    path.unlink()
