"""Keys of paths: files and directories by content and final name, and nothing else."""

import os
import pathlib

import pytest

from mops.adapters.files import digests
from mops.api.functions.code import CodeOfProcess
from mops.api.functions.declaration import Declaration
from mops.api.functions.key_registry import registry
from mops.api.functions.target import Target
from mops.core.canonical import Encoder
from mops.core.errors import UnkeyableArgumentError


class Data(type(pathlib.Path())):
    """A path of somebody's own."""


def key(value):
    return Encoder(registry.hooks()).encode(value, "value")


def different(*values):
    keys = [key(value) for value in values]
    assert len(set(keys)) == len(keys)


def refused(path):
    with pytest.raises(UnkeyableArgumentError) as caught:
        key({"path": [path]})
    assert caught.value.path == "value['path'][0]"
    return caught.value


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(path, content=b"content"):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# -------------------------------------------------------------------------------------------------------------- files
def test_a_file_counts_by_content_and_name_not_by_folder(tmp_path):
    one, two = written("one/data.txt"), written("two/data.txt")
    before = key(one)
    assert before == key(two) == key(tmp_path / "one" / "data.txt") == key(pathlib.Path("two/../one/data.txt"))
    different(one, written("one/other.txt"), str(one), pathlib.PurePath(one))
    one.write_bytes(b"changed")
    assert key(one) != before


def test_a_change_in_the_middle_of_a_large_file_counts():
    large = written("large", bytes(9 << 20))
    before = key(large)
    with large.open("r+b") as file:
        file.seek(5 << 20)
        file.write(b"x")
    assert key(large) != before


def test_a_link_to_a_file_counts_by_its_own_name_and_the_content_of_the_file():
    target = written("target")
    pathlib.Path("data.txt").symlink_to(target)
    pathlib.Path("chain.txt").symlink_to("data.txt")
    assert key(pathlib.Path("data.txt")) == key(written("copy/data.txt"))
    different(target, pathlib.Path("data.txt"), pathlib.Path("chain.txt"))


def test_a_subclass_of_path_counts_as_another_class():
    written("file")
    different(pathlib.Path("file"), Data("file"))


def test_a_pure_path_counts_by_its_text():
    written("file")
    before = key(pathlib.PurePath("file"))
    written("file", b"changed")
    assert key(pathlib.PurePath("file")) == before
    different(pathlib.PurePath("file"), pathlib.PurePath("./absent"), pathlib.PureWindowsPath("file"))


def test_a_home_directory_is_not_looked_up(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    written("file")
    assert "~/file names nothing" in refused(pathlib.Path("~/file")).args[0]
    assert key(written("~/file")) == key(pathlib.Path("file"))


def test_a_name_that_is_no_text_counts_byte_by_byte():
    names = [os.fsdecode(b"\xff"), os.fsdecode(b"\xfe"), "ÿ"]
    different(*[written(name) for name in names])


def test_a_long_path_is_followed_as_far_as_the_system_does():
    long = pathlib.Path(*["x" * 200] * 19, "data.txt")
    assert 3_800 < len(str(long)) < 4_000
    assert key(written(long)) == key(written("data.txt"))
    assert "File name too long" in str(refused(pathlib.Path("x" * 4_000)))
    assert "File name too long" in str(refused(pathlib.Path(*["x" * 200] * 25)))


# -------------------------------------------------------------------------------------------------------- directories
def sample(folder):
    written(f"{folder}/a/one.txt")
    written(f"{folder}/two.txt", b"2")
    written(f"{folder}/run").chmod(0o755)
    pathlib.Path(folder, "empty").mkdir()
    return pathlib.Path(folder)


def test_a_directory_counts_by_what_is_below_it_and_its_name():
    one = sample("one/data")
    assert key(one) == key(sample("two/data")) == key(pathlib.Path("two/data/a/.."))
    different(one, sample("one/other"), one / "a")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: written(folder / "a" / "one.txt", b"changed"),
        lambda folder: written(folder / "new.txt", b""),
        lambda folder: (folder / "two.txt").unlink(),
        lambda folder: (folder / "two.txt").rename(folder / "TWO.txt"),
        lambda folder: (folder / "run").chmod(0o644),
        lambda folder: (folder / "empty").rmdir(),
        lambda folder: (folder / "a" / "empty").mkdir(),
    ],
)
def test_every_change_below_a_directory_counts(change):
    folder = sample("data")
    before = key(folder)
    change(folder)
    assert key(folder) != before


def test_times_owners_and_other_permissions_do_not_count():
    folder = sample("data")
    before = key(folder)
    os.utime(folder / "two.txt", (0, 0))
    (folder / "two.txt").chmod(0o600)
    (folder / "a").chmod(0o700)
    assert key(folder) == before


@pytest.mark.parametrize("path", [".", "", "a/..", "../data"])
def test_a_directory_that_is_named_by_its_place_has_the_name_that_it_has(monkeypatch, path):
    expected = key(sample("data"))
    monkeypatch.chdir("data")
    assert key(pathlib.Path(path)) == expected


def test_the_root_has_no_name():
    assert "no name" in str(refused(pathlib.Path("/")))


# ---------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize("path", ["absent", "/absent/file", "file/below", "dangling"])
def test_a_path_to_nothing_is_refused_and_told_what_to_do(path):
    written("file")
    pathlib.Path("dangling").symlink_to("absent")
    error = refused(pathlib.Path(path))
    assert f"{path} names nothing" in error.args[0]
    for way in ("mops.open_output", "str(path)", "ignore="):
        assert way in error.advice


def test_what_is_neither_a_file_nor_a_directory_is_refused_at_once():
    os.mkfifo("pipe")
    pathlib.Path("loop").symlink_to("loop")
    for path, reason in (
        ("pipe", "neither a file nor a directory"),
        ("/dev/null", "neither a file nor a directory"),
        ("\0", "null byte"),
        ("loop", "symbolic links"),
        ("/proc/self/mem", "cannot be read"),
    ):
        assert reason in str(refused(pathlib.Path(path)))


def test_a_file_that_cannot_be_read_is_refused(monkeypatch):
    def denied(path, *_):
        raise PermissionError(13, "Permission denied", path)

    written("secret")
    monkeypatch.setattr(digests.os, "open", denied)  # root may read anything
    assert "secret cannot be read: [Errno 13] Permission denied" in str(refused(pathlib.Path("secret")))


def test_a_file_that_changes_while_it_is_read_is_refused(monkeypatch):
    written("file")
    hash_ = digests._hash
    monkeypatch.setattr(digests, "_hash", lambda fd, size: (hash_(fd, size), written("file", b"longer content"))[0])
    assert "file changed while it was read" in str(refused(pathlib.Path("file")))


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("pipe", os.mkfifo, "neither a file nor a folder"),
        ("dangling", lambda path: path.symlink_to("absent"), "below data, names nothing"),
        ("loop", lambda path: path.symlink_to(path.name), "symbolic links"),
        ("up", lambda path: path.symlink_to("."), "leads back"),
        ("out", lambda path: path.symlink_to("/usr"), "outside of the directory"),
    ],
)
def test_what_cannot_travel_with_a_directory_is_named(name, make, reason):
    make(sample("data") / "a" / name)
    error = refused(pathlib.Path("data"))
    assert reason in error.args[0]
    assert f"data/a/{name}" in error.args[0]


# -------------------------------------------------------------------------------------------------- what is collected
def function(value, other=None):
    return value, other


def target_of(plain, **options):
    return Target(Declaration(plain, **options), CodeOfProcess(), None, None)


def files_of(target, *args):
    _, extras, _ = target.memo(args, {})
    return [(file.path, file.name, file.kind, file.digest) for file in target.files(extras)]


def test_a_call_knows_which_files_it_is_keyed_by(tmp_path):
    file, folder, target = written("file"), sample("data"), target_of(function)
    found = files_of(target, [file, {"x": folder}], tmp_path / "file")
    assert [each[:3] for each in found] == [
        (str(tmp_path / "file"), "file", "file"),
        (str(tmp_path / "data"), "data", "directory"),
        (str(tmp_path / "file"), "file", "file"),
    ]
    assert found[0][3] == digests.file_digest("file").digest
    assert all(len(each[3]) == 32 for each in found)


def test_files_of_one_call_are_not_those_of_the_next():
    written("file")
    target = target_of(function)
    target.memo((pathlib.Path("file"),), {})
    assert files_of(target, 1) == files_of(target, pathlib.PurePath("file")) == []
    with pytest.raises(UnkeyableArgumentError):
        target.memo((pathlib.Path("file"), pathlib.Path("absent")), {})
    assert files_of(target, 1) == files_of(target, Declaration) == []
    assert len(files_of(target, pathlib.Path("file"))) == 1


def test_a_default_and_a_captured_path_count_too(tmp_path):
    file = written("file")

    def with_default(value, path=pathlib.Path("file")):
        return value, path

    def captures(value):
        return value, file

    for plain in (with_default, captures):
        target = target_of(plain)
        before, *_ = target.memo((1,), {})
        assert files_of(target, 1)[0][0] == str(tmp_path / "file")
        written("file", f"changed for {plain.__name__}".encode())
        assert target.memo((1,), {})[0].folder != before.folder


def test_an_ignored_path_may_name_nothing():
    target = target_of(function, ignore=("other",))
    assert target.memo((1, pathlib.Path("absent")), {})[0].folder == target.memo((1,), {})[0].folder
