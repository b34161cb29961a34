"""Digests of files: what is read, what is refused, and what is remembered."""

import fcntl
import mmap
import os
import threading
import time

import pytest
from blake3 import blake3

from mops.adapters.files import digests
from mops.adapters.files.digests import SMALL, file_digest
from mops.core.errors import FileChanged


@pytest.fixture
def settled(monkeypatch):
    """Make every file look as if nobody had changed it for a while."""
    monkeypatch.setattr(digests.time, "time", lambda now=time.time: now() + 60)


@pytest.fixture
def hashed(monkeypatch):
    """The sizes of the files that were hashed, and not remembered."""
    sizes, hash_ = [], digests._hash
    monkeypatch.setattr(digests, "_known", {})
    monkeypatch.setattr(digests, "_hash", lambda fd, size: sizes.append(size) or hash_(fd, size))
    return sizes


def while_hashing(monkeypatch, change):
    """Have a file changed when the first of its bytes are hashed."""

    def blake3_of_first(*content):
        if change is not None:
            change()
        return blake3(*content)

    monkeypatch.setattr(digests, "blake3", blake3_of_first)


@pytest.mark.parametrize("size", [0, 1, (64 << 10) - 1, 64 << 10, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 3 << 20])
def test_the_digest_of_a_file_is_the_blake3_of_its_bytes(tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert file_digest(str(tmp_path / "file")) == (blake3(content).digest(), size)


def test_a_symbolic_link_counts_as_what_it_leads_to_and_names_are_any_bytes(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\n"
    with open(name, "wb") as file:
        file.write(b"content")
    os.symlink(name, os.fsencode(tmp_path) + b"/link")
    assert file_digest(name) == file_digest(str(tmp_path / "link")) == file_digest(os.fsdecode(name))


def test_a_file_is_hashed_once_as_long_as_it_stays(tmp_path, settled, hashed):
    path = str(tmp_path / "file")
    tmp_path.joinpath("file").write_bytes(bytes(SMALL))
    assert file_digest(path) == file_digest(path)
    assert hashed == [SMALL]


def test_a_change_whose_time_was_put_back_is_seen(tmp_path, settled, hashed):
    file = tmp_path / "file"
    file.write_bytes(b"1" * SMALL)
    before, status = file_digest(str(file)), file.stat()
    file.write_bytes(b"2" * SMALL)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file_digest(str(file)).digest == blake3(b"2" * SMALL).digest() != before.digest


def test_a_file_that_was_changed_just_now_is_hashed_again(tmp_path, hashed):
    file = tmp_path / "file"
    file.write_bytes(bytes(SMALL))
    file_digest(str(file))
    file_digest(str(file))
    assert hashed == [SMALL, SMALL]


def test_a_small_file_is_hashed_again_which_takes_no_longer_than_asking(tmp_path, settled, hashed):
    file = tmp_path / "file"
    file.write_bytes(bytes(SMALL - 1))
    file_digest(str(file))
    file_digest(str(file))
    assert hashed == [SMALL - 1, SMALL - 1]


def test_a_change_through_a_memory_map_is_seen_although_it_sets_no_time(tmp_path, settled, hashed):
    file = tmp_path / "file"
    file.write_bytes(bytes(SMALL))
    with file.open("r+b") as opened:
        mapped = mmap.mmap(opened.fileno(), 0)
    mapped[0] = 1
    before, status = file_digest(str(file)), file.stat()
    mapped[0] = 2
    assert file.stat() == status, "this system does set the time"
    assert file_digest(str(file)).digest == blake3(mapped).digest() != before.digest
    mapped.close()


def test_a_file_whose_writers_cannot_be_known_is_hashed_again(tmp_path, settled, hashed, monkeypatch):
    (tmp_path / "file").write_bytes(bytes(SMALL))
    monkeypatch.delattr(fcntl, "F_SETLEASE")
    file_digest(str(tmp_path / "file"))
    file_digest(str(tmp_path / "file"))
    assert hashed == [SMALL, SMALL]


def test_a_file_that_somebody_has_open_for_writing_is_not_a_quiet_one(tmp_path):
    (tmp_path / "file").write_bytes(b"one")
    with (tmp_path / "file").open("rb") as file:
        assert digests._nobody_writes(file.fileno())
        assert fcntl.fcntl(file.fileno(), fcntl.F_GETLEASE) == fcntl.F_UNLCK
        with (tmp_path / "file").open("ab"):
            assert not digests._nobody_writes(file.fileno())


def test_who_opens_a_file_while_it_is_leased_waits_for_a_moment_and_no_signal_ends_anybody(tmp_path, monkeypatch):
    path, control, writers = tmp_path / "file", fcntl.fcntl, []
    path.write_bytes(b"one")

    def open_while_leased(fd, command, argument=0):
        if argument == fcntl.F_UNLCK:
            writers.append(threading.Thread(target=lambda: path.open("ab").close()))
            writers[0].start()
            while control(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK:
                time.sleep(0.001)
        return control(fd, command, argument)

    monkeypatch.setattr(fcntl, "fcntl", open_while_leased)
    with path.open("rb") as file:
        assert digests._nobody_writes(file.fileno())
    writers[0].join()


def test_no_more_files_are_remembered_than_fit(tmp_path, settled, hashed, monkeypatch):
    monkeypatch.setattr(digests, "_REMEMBERED", 2)
    for name in "abc":
        (tmp_path / name).write_bytes(bytes(SMALL))
        file_digest(str(tmp_path / name))
    assert len(digests._known) == 1


@pytest.mark.parametrize("size", [100, 1 << 20])
@pytest.mark.parametrize("change", ["shorter", "longer", "other bytes"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, size, change):
    file = tmp_path / "file"
    file.write_bytes(bytes(size))
    os.utime(file, (0, 0))

    def happen():
        with file.open("r+b") as opened:
            if change == "other bytes":
                opened.write(b"x")
            else:
                opened.truncate(size // 2 if change == "shorter" else size * 2)

    while_hashing(monkeypatch, happen)
    with pytest.raises(FileChanged, match="file changed while it was read"):
        file_digest(str(file))
    while_hashing(monkeypatch, None)
    assert file_digest(str(file)).size == file.stat().st_size


def test_what_is_made_up_while_it_is_read_is_refused():
    with pytest.raises(FileChanged):
        file_digest("/proc/self/status")


def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(digests.os, "open", lambda *_: pytest.fail("was opened"))
    for path in (tmp_path / "pipe", tmp_path, "/dev/null", tmp_path / "absent"):
        with pytest.raises(OSError):
            file_digest(str(path))


def test_what_becomes_a_pipe_when_it_is_opened_is_refused_at_once(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    look = os.stat
    monkeypatch.setattr(digests.os, "stat", lambda _: look(tmp_path / "file"))
    with pytest.raises(OSError, match="Invalid argument"):
        file_digest(str(tmp_path / "pipe"))
