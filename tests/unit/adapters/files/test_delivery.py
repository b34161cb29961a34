"""A file comes to its path complete, or not at all, with and without nameless files."""

import errno
import os

import pytest

from mops.adapters.files import delivery
from mops.adapters.files.delivery import delivery as delivered


@pytest.fixture(params=["nameless", "hidden"])
def drafts(request, monkeypatch):
    if request.param == "hidden":
        monkeypatch.setattr(delivery, "ANONYMOUS", 0)
    return request.param


@pytest.mark.parametrize("old", [None, b"a longer old file"])
def test_file_appears_when_it_is_complete(tmp_path, drafts, old):
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    with delivered(str(path)) as (fd, can_reserve):
        os.write(fd, b"half, ")
        assert (path.read_bytes() if path.exists() else None) == old
        os.write(fd, b"whole")
    assert path.read_bytes() == b"half, whole"
    assert os.listdir(tmp_path) == ["file"]
    assert can_reserve == (drafts == "nameless")


@pytest.mark.usefixtures("drafts")
@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_what_fails_changes_nothing(tmp_path, old, failure):
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(type(failure)), delivered(str(path)) as (fd, _):
        os.write(fd, b"half")
        raise failure
    assert (path.read_bytes() if path.exists() else None) == old
    assert os.listdir(tmp_path) == ["file"] * (old is not None)


@pytest.mark.usefixtures("drafts")
def test_directory_is_not_replaced(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError), delivered(str(tmp_path / "taken")) as (fd, _):
        os.write(fd, b"whole")
    assert os.listdir(tmp_path) == ["taken"]


@pytest.mark.usefixtures("drafts")
def test_names_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("n" * 255)
    for content in (b"new", b"replaced"):
        with delivered(str(path)) as (fd, _):
            os.write(fd, content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS])
def test_file_systems_without_nameless_files_get_hidden_ones(tmp_path, monkeypatch, code):
    def refuse(_directory):
        raise OSError(code, "not here")

    monkeypatch.setattr(delivery, "_Nameless", refuse)
    with delivered(str(tmp_path / "file")) as (fd, _):
        os.write(fd, b"whole")
        assert len(os.listdir(tmp_path)) == 1
    assert os.listdir(tmp_path) == ["file"]


def test_place_where_nothing_can_be_made_says_so(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError), delivered(str(tmp_path / "absent" / "file")):
        pytest.fail("there is no folder")

    def refuse(_directory):
        raise PermissionError(errno.EACCES, "not yours")

    monkeypatch.setattr(delivery, "_Nameless", refuse)
    with pytest.raises(PermissionError), delivered(str(tmp_path / "file")):
        pytest.fail("nothing may be made here")
    assert os.listdir(tmp_path) == []


def test_permissions_are_those_that_the_umask_leaves(tmp_path, drafts):
    before = os.umask(0o027)
    try:
        with delivered(str(tmp_path / drafts)):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / drafts).stat().st_mode & 0o777 == 0o640
