"""What no store took is kept on this machine, for its user alone."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from mops.core.files import LocalFile
from mops.runtime.spool import spool


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_bytes_are_one_file():
    path = spool("name", [b"one", memoryview(b"two")])
    assert Path(path).read_bytes() == b"onetwo"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_files_and_directories_lie_beside_it_under_their_names(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    files = [
        LocalFile(str(tmp_path / "folder"), "folder", kind="directory"),
        LocalFile(str(tmp_path / "b.txt"), "same.txt"),
        LocalFile(str(tmp_path / "b.txt"), "same.txt"),
    ]
    folder = spool("name", [b"value"], files)
    kept = {os.path.relpath(os.path.join(above, name), folder) for above, _, names in os.walk(folder) for name in names}
    assert kept == {"value", "0/folder/a.txt", "1/same.txt", "2/same.txt"}
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
