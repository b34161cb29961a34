"""The local store keeps its promises when processes are killed, system calls fail, and disks are full or read-only."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from mops.adapters.blob_stores.local import LocalBlobStore
from mops.core.errors import StoreDenied, StoreFull, StoreReadOnly, UnsupportedStore

PROCESS = Path(__file__).with_name("local_store_process.py")
NEW, OLD = b"new" * 2000, b"old" * 1000
LARGE = b"l" * (5 << 20)

ERRORS = {
    "ENOSPC": "StoreFull",
    "EIO": "StoreUnavailable",
    "EACCES": "StoreDenied",
    "EROFS": "StoreReadOnly",
    "EMFILE": "StoreUnavailable",
}
CALLS = (
    "openat,close,read,readv,preadv,lseek,writev,copy_file_range,ftruncate,fallocate,linkat,link,rename,unlink,mkdir,"
    "flock,fsync,getdents64,newfstatat,fstat,stat,lstat"
)


# ------------------------------------------------------------------------------------------------------ killed writers
@pytest.mark.parametrize(("drafts", "cycles"), [("nameless", 400), ("named", 100)])
def test_killed_writers_leave_whole_blobs_and_one_temporary_that_the_next_one_sweeps(tmp_path, drafts, cycles):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    command = [sys.executable, PROCESS, "kill", tmp_path, str(seed), str(cycles), drafts]
    seen, least, most = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert seen >= least > cycles, "what was seen before a kill is there after it"
    assert most <= 1
    LocalBlobStore(str(tmp_path)).put("next", b"session")
    assert not os.listdir(tmp_path / "~tmp")


# ------------------------------------------------------------------------------------------------- failing system calls
class Victim:
    """A process that works on one store after the other, while strace makes its system calls fail."""

    def __init__(self, folder, *options):
        strace = shutil.which("strace")
        assert strace, "strace is needed to inject errors: apt-get install strace"
        self.strace, self.folder, self.rounds = strace, folder, 0
        self.process = subprocess.Popen(
            [sys.executable, PROCESS, "serve", folder, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def do(self, operation, *injection):
        """Do one operation under strace; the report, the store that it worked on, and the calls that it made."""
        self.rounds += 1
        root, log = f"root{self.rounds}", self.folder / "strace.log"
        assert self.ask(f"{root}\t{operation}") == "ready"
        command = [self.strace, "-f", "-o", log, "-e", f"trace={CALLS}", *injection, "-p", str(self.process.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert "attached" in tracer.stderr.readline()
            os.kill(self.process.pid, signal.SIGUSR1)
            report = self.process.stdout.readline().rstrip("\n")
            tracer.terminate()
        os.kill(self.process.pid, signal.SIGUSR1)
        calls = Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), flags=re.MULTILINE))
        return report, LocalBlobStore(str(self.folder / root)), calls

    def close(self):
        self.process.kill()
        self.process.communicate()


@contextmanager
def victim(folder, *options):
    process = Victim(folder, *options)
    try:
        assert "UnsupportedStore" in process.ask("warm\twarm up")
        yield process
    finally:
        process.close()


ANSWERS = {
    "create": "True",
    "create again": "True",
    "put": "None",
    "replace": "None",
    "put content": "32",
    "put file": "True",
    "get file": "True",
    "file size": str(len(LARGE)),
    "delete": "None",
    "sync": "None",
    "get": "True",
    "get large": "True",
    "list": "['old/blob', 'old/deleted', 'old/large', 'old/replaced']",
}


def check(name, report, store, expected_error):
    """The report is the right answer or the right error, and the store is whole."""
    elsewhere = {"put file": "error FileChanged", "get file": "local error"}.get(name, "nothing")
    assert report in {f"answer {ANSWERS[name]}", f"error {expected_error}"} or report.startswith(elsewhere)
    succeeded = report.startswith("answer")
    blobs = {info.key: bytes(store.get(info.key)) for info in store.list()}
    assert blobs["old/blob"] == OLD
    assert blobs["old/large"] == LARGE
    written = {"create": "new/folder/blob", "put": "put/blob"}.get(name)
    if written:
        assert blobs.get(written) == NEW if succeeded else blobs.get(written) in {None, NEW}
    if name == "put content":
        contents = [content for key, content in blobs.items() if key.startswith("blob/")]
        assert contents == [LARGE] if succeeded else contents in ([], [LARGE])
    if name == "put file":
        assert blobs.get("file/blob") == LARGE if succeeded else blobs.get("file/blob") in {None, LARGE}
    if name == "get file":
        check_copies(Path(store.uri.removeprefix("file://")).with_name("copies"), succeeded=succeeded)
    if name == "delete":
        assert "old/deleted" not in blobs or not succeeded
    if name == "replace":
        assert blobs["old/replaced"] == NEW if succeeded else blobs["old/replaced"] in {OLD, NEW}
    assert len(os.listdir(Path(store.uri.removeprefix("file://"), "~tmp"))) <= 1
    assert store.put_if_absent("works/again", b"yes")
    store.put("works/too", b"yes")
    shutil.rmtree(store.uri.removeprefix("file://"))


def check_copies(folder, *, succeeded):
    """There is one whole copy, or none. A hidden file is left only where it could not be removed."""
    hidden = [name for name in os.listdir(folder) if name.startswith(".")]
    copies = [path.read_bytes() for path in folder.glob("copy")]
    assert copies == [LARGE] if succeeded else copies in ([], [LARGE])
    assert len(hidden) <= 1


WRITES = ("create", "create again", "put", "replace", "put content", "put file", "get file")


@pytest.mark.parametrize(
    ("name", "drafts"), [*((name, "nameless") for name in ANSWERS), *((name, "named") for name in WRITES)]
)
def test_each_failing_system_call_is_the_right_error_and_leaves_the_store_whole(tmp_path, name, drafts):
    with victim(tmp_path, drafts) as process:
        report, store, calls = process.do(name)
        check(name, report, store, "none at all")
        failures = 0
        for call, count in calls.items():
            for place in range(1, count + 1):
                for error, expected in ERRORS.items():
                    for once in (f"{place}", f"{place}+"):
                        injection = ("-e", f"inject={call}:error={error}:when={once}")
                        report, store, _calls = process.do(name, *injection)
                        check(name, report, store, expected)
                        failures += "error" in report
        assert failures >= 2 * len(ERRORS), "the injected errors arrived"


# ------------------------------------------------------------------------------------------ full, read-only and foreign
@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_full_disk_says_so_and_keeps_what_stands(small_disk):
    store = LocalBlobStore(str(small_disk / "root"))
    assert store.put_if_absent("stands", OLD)
    too_much = b"x" * (2 << 20)
    for write in (
        lambda: store.put_if_absent("new", too_much),
        lambda: store.put("stands", too_much),
        lambda: store.put_content(lambda digest: digest.hex(), too_much),
    ):
        with pytest.raises(StoreFull, match=re.escape(store.uri)):
            write()
    assert [(info.key, info.size) for info in store.list()] == [("stands", len(OLD))]
    assert store.get("stands") == OLD
    assert store.put_if_absent("new", NEW), "the failed writes gave their space back"


def test_read_only_root_can_be_read_and_says_why_it_cannot_be_written(small_disk):
    store = LocalBlobStore(str(small_disk / "root"))
    assert store.put_if_absent("folder/stands", OLD)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for write in (
        lambda: store.put_if_absent("folder/new", NEW),
        lambda: store.put_if_absent("other/new", NEW),
        lambda: store.put("folder/stands", NEW),
        lambda: store.put_content(lambda digest: digest.hex(), LARGE),
        lambda: store.delete("folder/stands"),
        store.probe,
    ):
        with pytest.raises(StoreReadOnly, match=re.escape(store.uri)):
            write()
    assert store.get("folder/stands") == OLD
    assert store.get("folder/new") is None
    assert [info.key for info in store.list()] == ["folder/stands"]


@contextmanager
def as_nobody():
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(tmp_path):
    """A folder that everybody may enter."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path


def test_root_that_this_user_may_not_make_or_read_is_denied(open_folder):
    own, foreign = LocalBlobStore(str(open_folder / "own")), LocalBlobStore(str(open_folder / "missing"))
    own.put_if_absent("blob", OLD)
    with as_nobody():
        for operation in (
            lambda: foreign.put_if_absent("blob", NEW),
            lambda: foreign.put("blob", NEW),
            lambda: own.put_if_absent("blob", NEW),
            lambda: own.put("blob", NEW),
            lambda: own.get("blob"),
            lambda: list(own.list()),
            lambda: own.delete("blob"),
            lambda: own.sync("blob"),
        ):
            with pytest.raises(StoreDenied) as caught:
                operation()
            assert "file:///" in str(caught.value)
            assert isinstance(caught.value.__cause__, PermissionError)
        assert foreign.get("blob") is None, "a root that nobody made yet is empty"
    assert own.get("blob") == OLD


def test_root_that_is_no_directory_explains_itself(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    for root in ("file", "file/below"):
        store = LocalBlobStore(str(tmp_path / root))
        for operation in (
            lambda store=store: store.get("blob"),
            lambda store=store: store.put_if_absent("blob", NEW),
            lambda store=store: store.put("folder/blob", NEW),
            lambda store=store: store.put_content(lambda digest: digest.hex(), LARGE),
            lambda store=store: store.delete("blob"),
            lambda store=store: list(store.list()),
            lambda store=store: store.probe(),
        ):
            with pytest.raises(UnsupportedStore, match="is not a directory"):
                operation()
    assert (tmp_path / "file").read_text() == "not a directory"


def test_reading_makes_nothing_and_writing_makes_the_root_for_its_owner_alone(tmp_path):
    store = LocalBlobStore(str(tmp_path / "a" / "root"))
    assert store.get("blob") is None
    assert list(store.list()) == []
    store.delete("blob")
    assert os.listdir(tmp_path) == []
    store.put_if_absent("folder/blob", NEW)
    assert (tmp_path / "a" / "root").stat().st_mode & 0o777 == 0o700
