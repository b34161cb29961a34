"""Files are copied right in every way that a machine offers, and what fails says on which side."""

import errno
import fcntl
import os
import threading
from contextlib import contextmanager

import pytest
from blake3 import blake3

from mops.adapters.files import copying
from mops.adapters.files.copying import UnreadableSource, copy, source

LARGE = os.urandom(5000) * 300 + b"tail"
SIZES = (0, 1, 5000, len(LARGE))


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch):
    """So that files of few MiB take many."""
    monkeypatch.setattr(copying, "_COPIED_AT_ONCE", 300_000)
    monkeypatch.setattr(copying, "_READ_AT_ONCE", 100_000)


@pytest.fixture
def original(tmp_path):
    path = tmp_path / "original"
    path.write_bytes(LARGE)
    return path


@contextmanager
def opened(path, target):
    with source(str(path)) as fd, target.open("x+b") as file:
        yield fd, file.fileno()


def copied(path, *, reserving=True, advance=None):
    """The digest of a copy, and its bytes."""
    target = path.with_name("copy")
    target.unlink(missing_ok=True)
    with opened(path, target) as (fd, target_fd):
        digest = copy(fd, target_fd, reserving=reserving, advance=advance)
    return digest, target.read_bytes()


def no_kernel_copies(monkeypatch, code=errno.EXDEV):
    def refuse(*_args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "copy_file_range", refuse)


# ------------------------------------------------------------------------------------------------------------ ways
@pytest.mark.parametrize("way", ["kernel", "memory", "no such call", "clone"])
@pytest.mark.parametrize("size", SIZES)
def test_every_way_copies_and_hashes_all_bytes(original, monkeypatch, way, size):
    os.truncate(original, size)
    if way == "memory":
        no_kernel_copies(monkeypatch)
    if way == "no such call":
        monkeypatch.delattr(os, "copy_file_range")
    if way == "clone":
        monkeypatch.setattr(fcntl, "ioctl", lambda target, _code, fd: os.sendfile(target, fd, 0, size))
        monkeypatch.setattr(copying, "reserve", None)
    told = []
    assert copied(original, advance=told.append) == (blake3(LARGE[:size]).digest(), LARGE[:size])
    assert sum(told) == size


def test_kernel_that_gives_up_on_the_way_is_followed_by_reading_and_writing(original, monkeypatch):
    through_the_kernel, calls = os.copy_file_range, []

    def give_up(*args):
        calls.append(args)
        if len(calls) > 2:
            raise OSError(errno.EIO, "no more")
        return through_the_kernel(*args)

    monkeypatch.setattr(os, "copy_file_range", give_up)
    assert copied(original) == (blake3(LARGE).digest(), LARGE)
    assert len(calls) == 3


def test_kernel_that_sees_nothing_where_there_is_something_is_followed_by_reading(original, monkeypatch):
    monkeypatch.setattr(os, "copy_file_range", lambda *_args: 0)
    assert copied(original) == (blake3(LARGE).digest(), LARGE)


def test_interrupted_writes_go_on_where_they_stopped(original, monkeypatch):
    no_kernel_copies(monkeypatch)
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: writev(fd, [parts[0][:70_000]]))
    assert copied(original) == (blake3(LARGE).digest(), LARGE)


@pytest.mark.parametrize("reserving", [True, False])
def test_space_is_reserved_where_that_can_be_done(original, monkeypatch, reserving):
    reserved = []
    monkeypatch.setattr(copying, "reserve", lambda _fd, size: reserved.append(size))
    copied(original, reserving=reserving)
    assert reserved == [len(LARGE)] * reserving


@pytest.mark.parametrize("failing", [False, True])
def test_large_copy_is_on_its_way_to_the_disk_before_it_is_complete(original, monkeypatch, failing):
    advised, done = [], threading.Event()

    def advise(fd, at, length, _advice):
        advised.append((os.fstat(fd).st_ino, at, length))
        if failing:
            raise OSError(errno.EINVAL, "not here")

    def close_and_tell(fd):
        os.close(fd)
        done.set()

    monkeypatch.setattr(copying, "_WRITTEN_BACK", len(LARGE))
    monkeypatch.setattr(copying, "_WRITTEN_BACK_AT_ONCE", 500_000)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    target = original.with_name("copy")
    with opened(original, target) as (fd, target_fd):
        monkeypatch.setattr(copying, "close", close_and_tell)
        assert copy(fd, target_fd, reserving=True) == blake3(LARGE).digest()
        assert done.wait(60), "the thread ends"
        assert advised == [(os.fstat(target_fd).st_ino, at, 600_000) for at in (0, 600_000)][: 2 - failing]
    assert target.read_bytes() == LARGE


# --------------------------------------------------------------------------------------------- a source that changes
@pytest.mark.parametrize("way", ["kernel", "memory"])
@pytest.mark.parametrize("size", [0, 10, 400_000, 1_400_000])
def test_source_that_shrinks_on_the_way_gives_a_copy_of_what_was_left(original, monkeypatch, way, size):
    if way == "memory":
        no_kernel_copies(monkeypatch)
    reserve = copying.reserve

    def shrink(fd, wanted):
        reserve(fd, wanted)
        os.truncate(original, size)

    monkeypatch.setattr(copying, "reserve", shrink)
    assert copied(original) == (blake3(LARGE[:size]).digest(), LARGE[:size])


@pytest.mark.parametrize("way", ["kernel", "memory"])
def test_source_that_grows_on_the_way_is_copied_as_far_as_it_reached_in_the_beginning(original, monkeypatch, way):
    if way == "memory":
        no_kernel_copies(monkeypatch)
    reserve = copying.reserve

    def grow(fd, wanted):
        reserve(fd, wanted)
        with original.open("ab") as file:
            file.write(LARGE)

    monkeypatch.setattr(copying, "reserve", grow)
    assert copied(original) == (blake3(LARGE).digest(), LARGE)


@pytest.mark.parametrize("way", ["copy_file_range", "readv"])
def test_digest_is_that_of_the_copy_when_the_source_changes_between_two_steps(original, monkeypatch, way):
    if way == "readv":
        no_kernel_copies(monkeypatch)
    step, steps = getattr(os, way), []

    def change(*args):
        steps.append(args)
        if len(steps) == 3:
            with original.open("r+b") as file:
                file.write(b"behind")
                file.seek(1_400_000)
                file.write(b"ahead")
        return step(*args)

    monkeypatch.setattr(os, way, change)
    digest, content = copied(original)
    assert content == LARGE[:1_400_000] + b"ahead" + LARGE[1_400_005:]
    assert digest == blake3(content).digest()


# ---------------------------------------------------------------------------------------------------------- failures
def test_source_that_cannot_be_read_on_the_way_is_told_from_a_target_that_cannot_be_written(original, monkeypatch):
    no_kernel_copies(monkeypatch)

    def fail(*_args):
        raise OSError(errno.EIO, "broken")

    for call, expected in (("readv", UnreadableSource), ("writev", OSError), ("preadv", OSError)):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(expected) as caught:
                copied(original)
            assert getattr(caught.value, "reason", caught.value).errno == errno.EIO


def test_copy_that_cannot_be_read_back_stops_the_copying(original, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "preadv", lambda *_args: 0)
        with pytest.raises(OSError, match="cannot be read back"):
            copied(original)


def test_full_target_is_said_by_the_write_that_fails(original, monkeypatch):
    no_kernel_copies(monkeypatch, errno.ENOSPC)

    def full(*_args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(OSError, match="full"):
        copied(original)


def test_what_is_no_file_is_not_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setattr(os, "open", None)
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "loop", tmp_path / "absent", "/dev/null", "/" + "x" * 4000):
        with pytest.raises(UnreadableSource) as caught, source(str(path)):
            pytest.fail("it was opened")
        assert isinstance(caught.value.reason, OSError)


def test_what_became_something_else_before_it_was_opened_is_no_source(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    target = (tmp_path / "copy").open("x+b")
    pipe = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with target, pytest.raises(UnreadableSource):
            copy(pipe, target.fileno(), reserving=True)
    finally:
        os.close(pipe)
