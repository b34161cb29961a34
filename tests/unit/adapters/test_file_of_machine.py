"""The place that a ``file://`` URI names: any name, all of a file or nothing, and never over another."""

import os

import pytest
from blake3 import blake3

from mops.adapters import file_of_machine
from mops.adapters.file_of_machine import FileOfMachine
from mops.core.errors import FileChanged, StoreDenied, StoreError, StoreUnavailable
from mops.core.ports.file_location import FileLocation

CONTENT = b"content"
DIGEST = blake3(CONTENT).digest()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return str(path)


def place(tmp_path, name="new/Any Näme.TXT") -> FileLocation:
    return FileOfMachine(str(tmp_path / name))


def test_an_absent_file_is_absent_for_certain(tmp_path, source):
    assert place(tmp_path).size() is None
    assert place(tmp_path).digest() is None
    assert place(tmp_path, "source/below").size() is None
    assert place(tmp_path, "source/below").digest() is None


def test_a_file_is_put_whole_and_read_only(tmp_path, source):
    assert place(tmp_path).put(source, DIGEST)
    assert place(tmp_path).size() == 7
    assert place(tmp_path).digest() == (DIGEST, 7)
    assert (tmp_path / "new" / "Any Näme.TXT").stat().st_mode & 0o777 == 0o444
    assert os.listdir(tmp_path / "new") == ["Any Näme.TXT"]


def test_what_stands_is_left_as_it_is(tmp_path, source):
    (tmp_path / "taken").write_text("mine")
    assert not place(tmp_path, "taken").put(source, DIGEST)
    assert (tmp_path / "taken").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["source", "taken"]


def test_what_is_put_is_a_copy(tmp_path, source):
    assert place(tmp_path).put(source, DIGEST)
    with open(source, "ab") as file:
        file.write(b" and more")
    assert place(tmp_path).digest() == (DIGEST, 7)


def test_a_file_with_another_digest_or_without_any_is_not_put(tmp_path, source):
    with pytest.raises(FileChanged, match="changed"):
        place(tmp_path).put(source, bytes(32))
    with pytest.raises(FileChanged, match="has gone"):
        place(tmp_path).put(source + "-absent", DIGEST)
    assert place(tmp_path).size() is None
    assert os.listdir(tmp_path / "new") == []


def test_what_the_system_refuses_is_an_error_of_stores(tmp_path, source, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file_of_machine.os, "link", refuse)
    with pytest.raises(StoreDenied, match="cannot write"):
        place(tmp_path).put(source, DIGEST)
    assert os.listdir(tmp_path / "new") == []


def test_what_is_no_regular_file_cannot_be_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreUnavailable, match="cannot read"):
        place(tmp_path, "pipe").digest()
    with pytest.raises(StoreError):
        place(tmp_path, "a" * 300).size()
