"""What copies on this machine do beyond the contract: what is hashed when, and what they do with what is no copy."""

import os
import time
from pathlib import Path

import pytest
from blake3 import blake3

from mops.adapters.files import digests
from mops.adapters.files.directories import directory_digest
from mops.adapters.local_copies import trees
from mops.adapters.local_copies.fallback import FallbackCopies
from mops.adapters.local_copies.leases import Leases
from mops.adapters.local_copies.temporary import TemporaryCopies
from mops.core.errors import StoreDenied, StoreUnavailable


@pytest.fixture
def copies(tmp_path):
    return FallbackCopies(str(tmp_path / "cache"), lambda: 1 << 30, pytest.fail)


@pytest.fixture
def hashed(monkeypatch):
    """How often a directory was read whole, in a process whose clock has moved on since anything was changed."""
    calls = []

    def count(path):
        calls.append(path)
        return directory_digest(path)

    monkeypatch.setattr(trees, "directory_digest", count)
    monkeypatch.setattr(trees, "SETTLED", -60.0)
    return calls


def write(data):
    return lambda path: bool(Path(path).write_bytes(data))


def build(path):
    (Path(path) / "sub").mkdir(parents=True)
    (Path(path) / "sub" / "file").write_bytes(b"content")
    return True


def change(path):
    """Other bytes, and the time put back."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"CONTENT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(0o444)


def rename(path):
    path.rename(path.with_name("other"))


def add(path):
    path.with_name("more").touch()


def link(path):
    path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent.parent / "elsewhere")


def test_a_directory_is_read_once_while_nothing_in_it_changes(copies, hashed, tmp_path):
    build(tmp_path / "tree")
    digest = directory_digest(str(tmp_path / "tree"))
    path = copies.directory(digest, "name", build)
    assert hashed == [], "what was just written is known"
    for _ in range(3):
        assert copies.directory(digest, "name", build) == path
    assert len(hashed) == 1


@pytest.mark.parametrize("damage", [change, rename, add, lambda path: path.chmod(0o555)])
def test_a_directory_that_changed_is_read_again(copies, hashed, tmp_path, damage):
    build(tmp_path / "tree")
    digest = directory_digest(str(tmp_path / "tree"))
    path = Path(copies.directory(digest, "name", build))
    assert copies.directory(digest, "name", build)
    damage(path / "sub" / "file")
    assert copies.directory(digest, "name", build) == str(path)
    assert {found.name for found in path.rglob("*")} == {"sub", "file"}
    assert (path / "sub" / "file").read_bytes() == b"content"


def test_a_directory_with_a_link_is_read_each_time_for_what_it_leads_to_may_change_unseen(copies, hashed, tmp_path):
    build(tmp_path / "tree")
    digest = directory_digest(str(tmp_path / "tree"))
    path = Path(copies.directory(digest, "name", build))
    link(path / "sub" / "file")
    for _ in range(2):
        assert copies.directory(digest, "name", build)
    (path.parent / "elsewhere").chmod(0o644)
    (path.parent / "elsewhere").write_bytes(b"CONTENT")
    assert copies.directory(digest, "name", build)
    assert (path / "sub" / "file").read_bytes() == b"content"


def test_what_was_changed_a_moment_ago_is_not_remembered(copies, hashed, tmp_path, monkeypatch):
    monkeypatch.undo()
    calls = []
    monkeypatch.setattr(trees, "directory_digest", lambda path: calls.append(path) or directory_digest(path))
    build(tmp_path / "tree")
    digest = directory_digest(str(tmp_path / "tree"))
    for _ in range(3):
        assert copies.directory(digest, "name", build)
    assert len(calls) == 2


def test_a_file_is_hashed_once_a_process_while_it_stands_unchanged(copies, monkeypatch):
    data = b"d" * 100_000
    digest = blake3(data).digest()
    path = Path(copies.file(digest, len(data), "name", write(data)))
    counted = []
    monkeypatch.setattr(digests, "SETTLED", -60.0)
    plain = digests._hash
    monkeypatch.setattr(digests, "_hash", lambda *args: counted.append(args) or plain(*args))
    for _ in range(3):
        assert copies.file(digest, len(data), "name", write(data)) == str(path)
    assert len(counted) == 1


def test_nothing_that_stands_where_a_copy_belongs_is_taken_for_one(copies, tmp_path):
    data = b"data"
    digest = blake3(data).digest()
    path = Path(copies.file(digest, 4, "name", write(data)))
    for put in (path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("/dev/zero")):
        for name in (path, path.parent.parent / "content"):
            name.unlink()
        put()
        assert Path(copies.file(digest, 4, "name", write(data))).read_bytes() == data
        assert bytes(copies.content(digest, 4, write(data))) == data


def test_what_others_put_into_the_cache_is_left_alone(tmp_path):
    copies = FallbackCopies(str(tmp_path / "cache"), lambda: 3, pytest.fail)
    for number in range(3):
        data = b"%4d" % number
        assert copies.content(blake3(data).digest(), 4, write(data)) == data
        for folder in ((tmp_path / "cache" / "file"), next((tmp_path / "cache" / "file").glob("*/"))):
            (folder / ".DS_Store").write_bytes(b"of a file manager")
    assert len(list((tmp_path / "cache").glob("file/*/*/content"))) == 1


def test_who_exceeds_the_limit_makes_some_room_for_those_who_follow(tmp_path):
    copies = FallbackCopies(str(tmp_path / "cache"), lambda: 10_000, pytest.fail)
    for number in range(11):
        data = b"%1000d" % number
        assert copies.content(blake3(data).digest(), 1000, write(data)) == data
    assert len(list((tmp_path / "cache").glob("file/*/*"))) == 9


def test_a_lease_that_a_full_disk_has_cut_off_is_none(tmp_path, monkeypatch):
    mine, other = Leases(str(tmp_path)), Leases(str(tmp_path))
    mine.take("whole")
    plain = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: plain(fd, data[:3]))
    with pytest.raises(OSError, match="No space left"):
        mine.take("cut")
    monkeypatch.undo()
    assert not mine.has("cut")
    mine.take("next")
    assert {"whole", "next"} <= other.living()
    assert "cut" not in other.living()


def test_temporary_folders_of_other_users_are_left_to_them(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("mops-copies-foreign", "mops-copies-own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "alive").touch()
    os.chown(tmp_path / "mops-copies-foreign", 65534, 65534)
    assert TemporaryCopies().file(blake3(b"x").digest(), 1, "name", write(b"x"))
    assert (tmp_path / "mops-copies-foreign").exists()
    assert not (tmp_path / "mops-copies-own").exists()


def test_a_process_has_one_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    paths = {TemporaryCopies().file(blake3(b"x").digest(), 1, name, write(b"x")) for name in ("a", "b")}
    assert len(paths) == 2
    assert len(os.listdir(tmp_path)) == 1


def test_errors_of_the_store_are_no_reason_to_look_for_another_place(copies):
    for error in (StoreDenied("no"), StoreUnavailable("down")):

        def fail(path, error=error):
            raise error

        for ask in (
            lambda fail=fail: copies.file(bytes(32), 1, "name", fail),
            lambda fail=fail: copies.content(bytes(32), 1, fail),
        ):
            with pytest.raises(type(error)) as caught:
                ask()
            assert caught.value is error


def test_copies_that_were_made_are_private_to_their_owner_where_he_wants_it(tmp_path, copies):
    before = os.umask(0o077)
    try:
        path = Path(copies.file(blake3(b"x").digest(), 1, "name", write(b"x")))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_a_copy_that_is_used_counts_as_used_now(copies, tmp_path):
    digest = blake3(b"x").digest()
    for ask in (
        lambda: copies.file(digest, 1, "name", write(b"x")),
        lambda: copies.content(digest, 1, write(b"x")),
    ):
        ask()
        (entry,) = (tmp_path / "cache").glob("file/*/*")
        os.utime(entry, (0, 0))
        ask()
        assert time.time() - entry.stat().st_mtime < 3600
