"""Local copies are safe between processes: one fill, no half copy, nothing evicted that somebody uses, any disk."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from mops.adapters.files.directories import directory_digest
from mops.adapters.local_copies import standing
from mops.adapters.local_copies.fallback import FallbackCopies
from mops.adapters.local_copies.temporary import TemporaryCopies
from mops.core.errors import StoreFull, UnsupportedStore

PROCESS = Path(__file__).with_name("local_copies_process.py")
ROOMY = 1 << 30


class User:
    """Another process that uses the cache."""

    def __init__(self, folder, limit=ROOMY):
        self.process = subprocess.Popen(
            [sys.executable, PROCESS, folder, str(limit)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.children = []

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline().rstrip("\n")
        assert line, "it has ended"
        return line

    def ask(self, *words):
        self.tell(*words)
        return self.hear()

    def child(self, *words):
        """Start a child of it."""
        self.tell(*words)
        lines = [self.hear() for _ in range(1 + (words[0] == "child"))]
        pid = next(int(line) for line in lines if line.isdecimal())
        self.children.append(pid)
        return pid, next((line for line in lines if not line.isdecimal()), None)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def close(self):
        for pid in self.children:
            kill(pid)
        self.process.kill()
        self.process.communicate()


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    until(lambda: not Path(f"/proc/{pid}/stat").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text())


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def user(tmp_path):
    """Starts users of one cache."""
    users = []

    def start(limit=ROOMY):
        users.append(User(tmp_path, limit))
        assert users[-1].hear() == "ready"
        return users[-1]

    yield start
    for each in users:
        each.close()


def cache(folder, limit=ROOMY, report=pytest.fail):
    return FallbackCopies(str(folder / "cache"), lambda: limit, report)


class Blob:
    def __init__(self, data):
        self.data, self.digest, self.fills = data, blake3(data).digest(), 0

    def fill(self, path):
        self.fills += 1
        Path(path).write_bytes(self.data)
        return True

    def file(self, copies, name="name"):
        return Path(copies.file(self.digest, len(self.data), name, self.fill))

    def content(self, copies):
        return bytes(copies.content(self.digest, len(self.data), self.fill)) == self.data


def press(folder, limit, size=1000, count=20):
    """Bring as many bytes into a cache as push everything out that nobody uses."""
    copies = cache(folder, limit)
    for number in range(count):
        assert Blob(os.urandom(size - 10) + b"%10d" % number).content(copies)


def fills(folder):
    return (folder / "fills").read_text().split()


def litter(folder):
    """What stands in a cache beside copies."""
    return [path.name for kind in ("drafts", "locks", "trash") for path in (folder / "cache").glob(f"{kind}/*")]


# ---------------------------------------------------------------------------------------------------------- one fill
def test_eight_processes_that_want_the_same_file_at_once_fetch_it_once(tmp_path, user):
    users = [user() for _ in range(8)]
    for each in users:
        each.tell("file", "wanted", 1_000_000)
    paths = {each.hear() for each in users}
    assert len(paths) == 1
    assert Path(paths.pop()).read_bytes() == b"wanted" * 166_666 + b"want"
    assert fills(tmp_path) == ["wanted"]
    assert litter(tmp_path) == []


def test_nothing_is_seen_of_a_fill_that_was_killed_and_the_next_one_cleans_up(tmp_path, user):
    victims = [user(), user()]
    for each, name in zip(victims, ("first", "second"), strict=True):
        assert each.ask("hang", name, 1_000_000) == "half-way"
        each.kill()
    assert not list((tmp_path / "cache").glob("file/*/*"))
    assert litter(tmp_path)
    path = user().ask("file", "first", 1_000_000)
    assert len(Path(path).read_bytes()) == 1_000_000
    assert fills(tmp_path) == ["first", "second", "first"]
    assert litter(tmp_path) == []


def test_the_lock_of_a_killed_process_does_not_live_on_in_a_child_that_it_forked_meanwhile(tmp_path, user):
    victim = user()
    word, child = victim.ask("fork", "forked", 1000).split()
    victim.children.append(int(child))
    victim.kill()
    assert word == "child"
    assert Path(f"/proc/{child}").exists()
    assert Path(user().ask("file", "forked", 1000)).exists()


def test_a_frozen_process_is_waited_for_in_vain_for_a_while_only(tmp_path, user, monkeypatch):
    frozen = user()
    assert frozen.ask("hang", "frozen", 1000) == "half-way"
    frozen.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(standing, "_PATIENCE", 0.2)
    said = []
    copies = cache(tmp_path, report=said.append)
    blob, other = Blob(b"frozen" * 166 + b"froz"), Blob(b"other")
    assert blob.file(copies).read_bytes() == blob.data
    assert not blob.file(copies).is_relative_to(tmp_path)
    assert len(said) == 1
    assert "another process has held a lock" in said[0]
    assert other.file(copies).read_bytes() == b"other"
    assert not other.file(copies).is_relative_to(tmp_path), "every copy would be waited for as long"
    assert blob.fills == other.fills == 1


# ---------------------------------------------------------------------------------------------------------- eviction
def test_what_a_living_process_was_given_is_not_evicted_and_goes_when_it_has_died(tmp_path, user):
    holder = user(5000)
    path = Path(holder.ask("file", "held", 2000))
    press(tmp_path, 5000)
    assert path.read_bytes() == b"held" * 500
    holder.kill()
    press(tmp_path, 5000)
    assert not path.exists()
    assert litter(tmp_path) == []


def test_a_forked_child_keeps_what_its_parent_was_given(tmp_path, user):
    holder = user(5000)
    path = Path(holder.ask("file", "held", 2000))
    child, _ = holder.child("leave")
    holder.kill()
    press(tmp_path, 5000)
    assert path.exists()
    kill(child)
    press(tmp_path, 5000)
    assert not path.exists()


def test_what_a_forked_child_was_given_goes_with_the_child(tmp_path, user):
    holder = user(5000)
    of_parent = Path(holder.ask("file", "parent", 1000))
    child, of_child = holder.child("child", "child", 1000)
    press(tmp_path, 5000)
    assert of_parent.exists()
    assert Path(of_child).exists()
    kill(child)
    press(tmp_path, 5000)
    assert of_parent.exists()
    assert not Path(of_child).exists()


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    copies = cache(tmp_path, 10_000)
    blobs = [Blob(bytes([number]) * 2000) for number in range(5)]
    for blob in blobs[:4]:
        assert blob.content(copies)
        time.sleep(0.01)  # the clock of the file system is coarse
    assert blobs[0].content(copies)
    assert blobs[4].content(copies), "which still fits"
    assert Blob(b"more" * 500).content(copies)
    for blob in (blobs[0], blobs[3], blobs[4]):
        assert blob.content(copies)
    assert [blob.fills for blob in blobs] == [1, 1, 1, 1, 1]
    assert blobs[1].content(copies)
    assert blobs[1].fills == 2


def test_the_limit_holds_after_processes_used_the_cache_at_once(tmp_path, user):
    users = [user(100_000) for _ in range(4)]
    for number, each in enumerate(users):
        each.tell("many", f"of-{number % 2}", 30, 9000)
    assert [each.hear() for each in users] == ["True"] * 4
    taken = sum(path.stat().st_size for path in (tmp_path / "cache").glob("file/*/*/content"))
    assert 0 < taken <= 100_000
    assert taken <= int((tmp_path / "cache" / "size").read_text())
    assert litter(tmp_path) == []


def test_a_copy_that_alone_is_over_the_limit_is_handed_out_all_the_same(tmp_path):
    copies = cache(tmp_path, 1000)
    large, small = Blob(b"l" * 50_000), Blob(b"s" * 100)
    path = large.file(copies)
    assert small.content(copies)
    assert path.read_bytes() == large.data
    assert large.content(copies)
    assert large.fills == 1


def test_a_cache_that_somebody_removes_is_made_again(tmp_path, user):
    copies = cache(tmp_path, 5000)
    first, second = Blob(b"1" * 1000), Blob(b"2" * 1000)
    first.file(copies)
    shutil.rmtree(tmp_path / "cache")
    paths = [first.file(copies), second.file(copies)]
    assert user(5000).ask("many", "of", 20, 1000) == "True"
    assert [path.exists() for path in paths] == [True, True]


def test_who_was_given_a_copy_that_was_damaged_finds_the_sound_one_in_its_place(tmp_path):
    copies = cache(tmp_path)
    blob = Blob(b"sound")
    first, second = blob.file(copies, "first"), blob.file(copies, "second")
    first.chmod(0o644)
    first.write_bytes(b"never")
    assert blob.file(copies, "second") == second
    assert first.read_bytes() == second.read_bytes() == b"sound"

    def fill(path):
        os.mkdir(path)
        Path(path, "file").write_bytes(b"sound")
        return True

    fill(tmp_path / "folder")
    digest = directory_digest(str(tmp_path / "folder"))
    first, second = (Path(copies.directory(digest, name, fill)) for name in ("first", "second"))
    (first / "file").unlink()
    (second / "file").chmod(0o644)
    (second / "file").write_bytes(b"never")
    assert Path(copies.directory(digest, "second", fill)) == second
    assert [(path / "file").read_bytes() for path in (first, second)] == [b"sound"] * 2


def test_a_lost_count_is_counted_again(tmp_path):
    copies = cache(tmp_path, 5000)
    for number in range(4):
        assert Blob(bytes([number]) * 1000).content(copies)
    (tmp_path / "cache" / "size").write_text("rubbish")
    assert Blob(b"x" * 1000).content(copies)
    assert (tmp_path / "cache" / "size").read_text() == "5000"


# ------------------------------------------------------------------------------------------------- full and read-only
@contextmanager
def disk(folder, size="1m"):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MiB."""
    with disk(tmp_path / "disk") as folder:
        yield folder


def test_a_full_disk_is_said_once_and_copies_are_kept_elsewhere(small_disk):
    said = []
    copies = cache(small_disk, report=said.append)
    for blob in (Blob(b"1" * (2 << 20)), Blob(b"2" * (2 << 20))):
        assert blob.file(copies).read_bytes() == blob.data
        assert not blob.file(copies).is_relative_to(small_disk)
        assert blob.content(copies)
    assert len(said) == 1
    assert str(small_disk) in said[0]
    assert "No space left" in said[0]
    assert litter(small_disk) == []
    fits = Blob(b"x" * 1000)
    assert fits.file(copies).is_relative_to(small_disk), "the failed ones gave their space back"


def test_a_full_disk_is_emptied_of_what_nobody_uses_before_it_is_given_up(small_disk):
    copies = cache(small_disk)
    for number in range(4):
        assert Blob(bytes([number]) * 200_000).content(copies)
    kept, large = Blob(b"kept" * 25_000), Blob(b"l" * 800_000)
    path = kept.file(copies)
    assert large.file(copies).is_relative_to(small_disk)
    assert path.read_bytes() == kept.data


def test_an_error_says_so_where_no_disk_has_room(small_disk, monkeypatch):
    copies = cache(small_disk, report=lambda text: None)
    with disk(small_disk.parent / "tmp") as temporary:
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        blob = Blob(b"1" * (2 << 20))
        for ask in (blob.file, blob.content):
            with pytest.raises(StoreFull, match="no copy can be kept on this machine") as caught:
                ask(copies)
            assert "TMPDIR" in str(caught.value)
        small = Blob(b"small")
        assert small.content(copies)


def test_a_cache_that_cannot_be_written_is_read_and_copies_are_kept_elsewhere(small_disk):
    cached, new = Blob(b"cached" * 100), Blob(b"new" * 100)
    assert cached.content(cache(small_disk))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    said = []
    copies = cache(small_disk, report=said.append)
    assert cached.content(copies)
    assert cached.fills == 1
    assert said == []
    for blob in (new, cached):
        assert blob.file(copies).read_bytes() == blob.data
        assert blob.content(copies)
    assert len(said) == 1
    assert "Read-only file system" in said[0]


def test_beside_a_local_root_that_cannot_be_written_copies_are_used_and_new_ones_are_kept_elsewhere(small_disk):
    there, new = Blob(b"there"), Blob(b"new")
    beside = str(small_disk / "~files")
    path = there.file(FallbackCopies(beside, None, pytest.fail))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    copies = FallbackCopies(beside, None, pytest.fail)
    assert there.file(copies) == path
    assert there.fills == 1
    assert new.file(copies).read_bytes() == b"new"
    assert not new.file(copies).is_relative_to(small_disk)


def test_a_file_system_without_locks_is_said_and_copies_are_kept_elsewhere(tmp_path, monkeypatch):
    import fcntl

    flock = fcntl.flock

    def refuse(fd, operation):
        if os.readlink(f"/proc/self/fd/{fd}").startswith(str(tmp_path)):
            raise OSError(37, "No locks available")
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", refuse)
    said = []
    copies = cache(tmp_path, report=said.append)
    blob = Blob(b"data")
    assert blob.file(copies).read_bytes() == b"data"
    assert not blob.file(copies).is_relative_to(tmp_path)
    assert len(said) == 1
    assert "No locks available" in said[0]


# --------------------------------------------------------------------------------------------------- temporary copies
TEMPORARY = """
import os, sys, time
from blake3 import blake3
from mops.adapters.local_copies.temporary import TemporaryCopies
copies = TemporaryCopies()
def fill(path):
    with open(path, "wb") as file:
        file.write(b"data")
    return True
print(copies.file(blake3(b"data").digest(), 4, "name", fill), flush=True)
"""


def temporary(folder, more=""):
    return subprocess.Popen(
        [sys.executable, "-c", TEMPORARY + more], env={**os.environ, "TMPDIR": str(folder)}, stdout=subprocess.PIPE,
        stdin=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_temporary_copies_go_when_their_process_ends(tmp_path):
    with temporary(tmp_path, "sys.stdin.read()") as process:
        path = Path(process.stdout.readline().rstrip())
        assert path.read_bytes() == b"data"
        process.communicate()
    assert process.returncode == 0
    assert os.listdir(tmp_path) == []


def test_temporary_copies_of_a_killed_process_go_when_another_makes_its_own(tmp_path):
    with temporary(tmp_path, "sys.stdin.read()") as living, temporary(tmp_path, "sys.stdin.read()") as killed:
        path, left = (Path(process.stdout.readline().rstrip()) for process in (living, killed))
        killed.kill()
        killed.wait()
        assert left.exists()
        with temporary(tmp_path) as other:
            other.communicate()
        assert path.exists()
        assert not left.exists()
        living.communicate()
    assert os.listdir(tmp_path) == []


def test_temporary_copies_stay_while_a_forked_child_lives(tmp_path):
    more = "child = os.fork()\nif not child: sys.stdin.read()\n"
    with temporary(tmp_path, more) as process:
        path = Path(process.stdout.readline().rstrip())
        assert process.wait(60) == 0
        assert path.read_bytes() == b"data"
        process.stdin.close()
        until(lambda: os.listdir(tmp_path) == [])


def test_payloads_in_temporary_copies_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    copies = TemporaryCopies()
    for size in (10, 5 << 20):
        assert Blob(b"x" * size).content(copies)
    assert [path.name for path in tmp_path.glob("*/*")] == ["alive"]


@pytest.mark.parametrize("wrecked", ["file", "folder of its name"])
def test_a_copy_in_whose_place_something_else_stands_is_made_anew(tmp_path, wrecked):
    copies, blob = cache(tmp_path), Blob(b"data")
    path = blob.file(copies)
    if wrecked == "file":
        path.unlink()
        path.mkdir()
    else:
        shutil.rmtree(path.parent)
        path.parent.write_text("no folder")
    assert blob.file(copies) == path
    assert path.read_bytes() == b"data"


def test_a_copy_whose_path_is_too_long_anywhere_on_this_machine_is_waited_for_by_nobody(tmp_path):
    def fill(path):
        os.mkdir(os.path.join(path, *["n" * 200] * 21))

    with pytest.raises(UnsupportedStore, match="File name too long"):
        FallbackCopies(str(tmp_path / "cache"), lambda: ROOMY, lambda _: None).directory(bytes(32), "deep", fill)
