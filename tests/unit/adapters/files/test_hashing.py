"""Hashing in a process of its own: the same digest, or a word that it has to be read."""

import os
import sys

import blake3
import pytest

from mops.adapters.files import digests, hashing
from mops.adapters.files.digests import file_digest
from mops.adapters.files.hashing import hash_in_process
from mops.core.errors import FileChanged


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(hashing, "_WINDOW", 1 << 16)


@pytest.fixture
def file(tmp_path):
    """A file that is in memory: it has just been written."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300_000))
    return path


def hashed(file, size=None, advance=None):
    with file.open("rb") as opened:
        return hash_in_process(opened.fileno(), size or file.stat().st_size, advance)


@pytest.mark.parametrize("size", [1, 100, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 300_000])
def test_the_digest_is_the_blake3_of_the_bytes(file, size):
    os.truncate(file, size)
    assert hashed(file) == blake3.blake3(file.read_bytes()).digest()


def test_whoever_follows_it_is_told_of_each_byte_once(file):
    told = []
    hashed(file, advance=told.append)
    assert sum(told) == 300_000


def test_a_file_that_is_truncated_ends_that_process_alone(file, monkeypatch):
    update = "hasher.update(content)"
    assert update in hashing._PROGRAM
    truncated = hashing._PROGRAM.replace(update, f"os.truncate({str(file)!r}, 5); {update}")
    monkeypatch.setattr(hashing, "_PROGRAM", truncated)
    assert hashed(file) is None
    assert file.stat().st_size == 5


def test_a_file_that_is_shorter_than_it_was_has_to_be_read(file):
    assert hashed(file, 400_000) is None


@pytest.mark.parametrize("executable", ["", None, "/usr/bin/uwsgi", "/absent/python3"])
def test_a_program_without_an_interpreter_starts_none(file, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    assert hashed(file) is None


def test_a_frozen_program_does_not_start_itself(file, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert hashed(file) is None


def test_a_file_that_is_not_in_memory_has_to_be_read(file, monkeypatch):
    def would_wait(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "preadv", would_wait)
    assert hashed(file) is None


def test_a_process_that_says_nothing_sensible_is_not_believed(file, monkeypatch):
    monkeypatch.setattr(hashing, "_PROGRAM", "import os; os.write(1, bytes(100))")
    assert hashed(file) is None


def test_an_interrupt_leaves_no_process(file, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(hashing, "_PROGRAM", hashing._PROGRAM + "import time; time.sleep(600)\n")
    with pytest.raises(KeyboardInterrupt):
        hashed(file, advance=interrupted)


def test_large_files_are_hashed_there_and_read_where_that_fails(file, monkeypatch):
    monkeypatch.setattr(digests, "WORTH_A_PROCESS", 100)
    monkeypatch.setattr(digests, "_FOLLOWED", 100)
    expected, asked = (blake3.blake3(file.read_bytes()).digest(), 300_000), []
    monkeypatch.setattr(digests, "_hash", lambda *_: pytest.fail("was read"))
    assert file_digest(str(file)) == expected
    monkeypatch.undo()
    monkeypatch.setattr(digests, "WORTH_A_PROCESS", 100)
    monkeypatch.setattr(digests, "_FOLLOWED", 100)
    monkeypatch.setattr(digests, "hash_in_process", lambda *_: asked.append(1))
    assert file_digest(str(file)) == expected
    assert asked == [1]


def test_a_file_that_changes_while_it_is_hashed_there_is_refused(file, monkeypatch):
    def change_behind(fd, size, advance):
        digest = hash_in_process(fd, size, advance)
        file.write_bytes(b"x" * size)
        return digest

    monkeypatch.setattr(digests, "WORTH_A_PROCESS", 100)
    monkeypatch.setattr(digests, "_FOLLOWED", 100)
    monkeypatch.setattr(digests, "hash_in_process", change_behind)
    os.utime(file, (0, 0))
    with pytest.raises(FileChanged):
        file_digest(str(file))
