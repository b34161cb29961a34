"""A directory that is an argument is read as often as it has to be: once for the key, once after the function ran."""

from pathlib import Path

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.adapters.files import directories


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def reads(monkeypatch):
    """The directories that were read."""
    found, read_tree = [], directories.read_tree
    monkeypatch.setattr(directories, "read_tree", lambda path: found.append(path) or read_tree(path))
    return found


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    for number in range(3):
        (tmp_path / "data" / f"{number}.txt").write_text(str(number))
    return tmp_path / "data"


def test_a_miss_that_stores_its_arguments_reads_a_directory_for_its_key_alone(tmp_path, folder, reads):
    function = use_runner(MemoizingPicklingRunner(blob_root=tmp_path / "root", keep_arguments=True))(names)
    assert function(folder) == ["0.txt", "1.txt", "2.txt"]
    assert reads == [str(folder)] * 2  # the second time to see whether the function changed it
    assert function(folder) == ["0.txt", "1.txt", "2.txt"]
    assert reads == [str(folder)] * 3


def test_a_submitted_call_looks_again_before_it_runs(tmp_path, folder, reads):
    function = use_runner(MemoizingPicklingRunner(blob_root=tmp_path / "root", keep_arguments=True))(names)
    assert function.submit(folder).result() == ["0.txt", "1.txt", "2.txt"]
    assert reads == [str(folder)] * 3
