"""Files in a local store: full and foreign disks, killed processes, processes that meet, and memory."""

import errno
import os
import random
import re
import subprocess
import sys
import time

import pytest
from blake3 import blake3

from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.files import copying
from mops.adapters.files.digests import file_digest
from mops.core.errors import FileChanged, StoreDenied, StoreFull, StoreReadOnly

MIB = 1 << 20
CONTENT = os.urandom(MIB) * 3 + b"tail"
DIGEST = blake3(CONTENT).digest()

WRITER = """
import sys
from mops.adapters.blob_stores.local import LocalBlobStore, files
from mops.adapters.files import delivery
folder, digest, drafts = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3]
if drafts == "named":
    files.ANONYMOUS = delivery.ANONYMOUS = 0
store = LocalBlobStore(f"{folder}/root")
for number in range(1 << 30):
    assert store.put_file_if_absent(f"blob/{number}", f"{folder}/original", digest)
    assert store.get_file(f"blob/{number}", f"{folder}/copies/{number}", digest)
"""

ONE_OF_TWO = """
import sys
from mops.adapters.blob_stores.local import LocalBlobStore, files
def settle(*args):
    print("copied", flush=True)
    sys.stdin.read()
    return at_once(*args)
files.Files.settle, at_once = settle, files.Files.settle
store, path, digest = LocalBlobStore(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])
print(store.put_file_if_absent("blob/large", path, digest))
"""

MEASURED = """
import re, sys
from mops.adapters.blob_stores.local import LocalBlobStore
store, path, digest = LocalBlobStore(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])
assert getattr(store, sys.argv[4])("blob/large", path, digest)
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


@pytest.fixture
def original(tmp_path):
    path = tmp_path / "original"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MiB, which is less than a file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def large(tmp_path):
    """A file of 1 GiB, which is removed after the test with all that became of it."""
    path = tmp_path / "large"
    block = os.urandom(16 * MIB)
    with path.open("wb") as file:
        for _ in range(64):
            file.write(block)
    yield path
    for each in [path, *tmp_path.glob("root/blob/*"), *tmp_path.glob("copy*")]:
        each.unlink()


# ------------------------------------------------------------------------------------------------- full and foreign
@pytest.mark.parametrize("way", ["reserving", "half-way", "half-way, in memory"])
def test_full_disk_under_the_store_says_so_and_keeps_nothing(small_disk, original, monkeypatch, way):
    if way != "reserving":
        monkeypatch.setattr(copying, "reserve", lambda *_args: None)
    if way == "half-way, in memory":
        monkeypatch.delattr(os, "copy_file_range")
    store = LocalBlobStore(str(small_disk / "root"))
    store.put("stands", b"stands")
    with pytest.raises(StoreFull, match=re.escape(store.uri)):
        store.put_file_if_absent("blob", str(original), DIGEST)
    assert [info.key for info in store.list()] == ["stands"]
    assert store.put_if_absent("blob", CONTENT[:MIB]), "the failed write gave its space back"


@pytest.mark.parametrize("way", ["reserving", "half-way"])
def test_full_disk_under_the_copy_is_not_the_fault_of_the_store(small_disk, original, tmp_path, monkeypatch, way):
    store = LocalBlobStore(str(tmp_path / "root"))
    store.put_file_if_absent("blob", str(original), DIGEST)
    if way == "half-way":
        monkeypatch.setattr(copying, "reserve", lambda *_args: None)
    with pytest.raises(OSError) as caught:
        store.get_file("blob", str(small_disk / "copy"), DIGEST)
    assert type(caught.value) is OSError
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(small_disk) == []


def test_files_come_from_other_file_systems_and_go_there(small_disk, tmp_path):
    (small_disk / "original").write_bytes(CONTENT[:MIB])
    digest = blake3(CONTENT[:MIB]).digest()
    store = LocalBlobStore(str(tmp_path / "root"))
    assert store.put_file_if_absent("blob", str(small_disk / "original"), digest)
    (small_disk / "original").unlink()
    assert store.get_file("blob", str(small_disk / "copy"), digest)
    assert (small_disk / "copy").read_bytes() == CONTENT[:MIB]


def test_read_only_root_gives_files_and_takes_none(small_disk, original, tmp_path):
    store = LocalBlobStore(str(small_disk / "root"))
    store.put_if_absent("folder/blob", CONTENT[:MIB])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    digest = blake3(CONTENT[:MIB]).digest()
    assert store.get_file("folder/blob", str(tmp_path / "copy"), digest)
    assert (tmp_path / "copy").read_bytes() == CONTENT[:MIB]
    assert store.put_file_if_absent("folder/blob", str(original), DIGEST) is False
    with pytest.raises(StoreReadOnly, match=re.escape(store.uri)):
        store.put_file_if_absent("folder/other", str(original), DIGEST)


def test_unreadable_file_and_unreadable_root_are_told_apart(tmp_path, original):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    store = LocalBlobStore(str(tmp_path / "root"))
    store.put_file_if_absent("blob", str(original), DIGEST)
    original.chmod(0o600)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    os.seteuid(65534)
    try:
        with pytest.raises(FileChanged, match="Permission denied"):
            LocalBlobStore(str(shared / "root")).put_file_if_absent("blob", str(original), DIGEST)
        for operation in (
            lambda: store.get_file("blob", str(shared / "copy"), DIGEST),
            lambda: store.put_file_if_absent("other", str(original), DIGEST),
            lambda: store.file_size("blob"),
        ):
            with pytest.raises(StoreDenied):
                operation()
        assert "copy" not in os.listdir(shared)
    finally:
        os.seteuid(0)


def test_any_name_that_a_file_can_have_will_do(tmp_path):
    store = LocalBlobStore(str(tmp_path / "root"))
    deep = tmp_path.joinpath(*["d" * 200] * 18)
    deep.mkdir(parents=True)
    for number, path in enumerate((tmp_path / os.fsdecode(b"\xff\n"), tmp_path / ("n" * 255), deep / "original")):
        path.write_bytes(CONTENT)
        assert store.put_file_if_absent(f"blob/{number}", str(path), DIGEST)
        path.write_bytes(b"old")
        assert store.get_file(f"blob/{number}", str(path), DIGEST)
        assert path.read_bytes() == CONTENT
        path.write_bytes(b"changed")
        with pytest.raises(FileChanged) as caught:
            store.put_file_if_absent("other", str(path), DIGEST)
        str(caught.value).encode()


def test_stored_file_survives_a_power_failure_if_asked_to(tmp_path, original, monkeypatch):
    store, synced, fsync = LocalBlobStore(str(tmp_path / "root")), [], os.fsync

    def note(fd):
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    store.put_file_if_absent("mops1/blob/aa/bb", str(original), DIGEST)
    monkeypatch.setattr(os, "fsync", note)
    store.sync("mops1/blob/aa/bb")
    root = tmp_path / "root"
    assert synced[:4] == [str(root / path) for path in ("mops1/blob/aa/bb", "mops1/blob/aa", "mops1/blob", "mops1")]


# ----------------------------------------------------------------------------------------------------- killed processes
@pytest.mark.parametrize("drafts", ["nameless", "named"])
def test_killed_process_leaves_whole_files_and_litter_that_is_bounded(tmp_path, original, drafts):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    store, copies = LocalBlobStore(str(tmp_path / "root")), tmp_path / "copies"
    copies.mkdir()
    for _ in range(30):
        command = [sys.executable, "-c", WRITER, tmp_path, DIGEST.hex(), drafts]
        awaited = dice.randrange(4)  # on a busy disk, time alone would kill before anything is stored
        with subprocess.Popen(command) as process:
            while len(list(store.list("blob/"))) < awaited:
                assert process.poll() is None
                time.sleep(0.001)
            time.sleep(dice.uniform(0.0, 0.03))
            process.kill()
        stored, copied = [info.key for info in store.list()], [path for path in copies.iterdir() if path.suffix == ""]
        assert len(stored) >= awaited
        assert all(store.get(key) == CONTENT for key in stored), "what is stored is whole"
        assert all(path.read_bytes() == CONTENT for path in copied), "what was copied is whole"
        hidden = [path for path in copies.iterdir() if path.suffix]
        assert len(hidden) <= (drafts == "named")
        for path in (*copied, *hidden):
            path.unlink()
        for key in stored:
            store.delete(key)
    litter = tmp_path / "root" / "~tmp"
    assert len(os.listdir(litter) if litter.exists() else []) <= (drafts == "named")
    store.put("next", b"session")
    assert not litter.exists() or os.listdir(litter) == []


def test_two_processes_that_store_one_large_file_at_once_store_it_once(large, tmp_path):
    digest = file_digest(str(large)).digest
    command = [sys.executable, "-c", ONE_OF_TWO, tmp_path / "root", large, digest.hex()]
    first, second = (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    with first, second:
        assert [process.stdout.readline() for process in (first, second)] == ["copied\n"] * 2
        answers = [process.communicate()[0] for process in (first, second)]
    assert answers == ["True\n", "False\n"]
    stored = tmp_path / "root" / "blob" / "large"
    assert file_digest(str(stored)) == (digest, large.stat().st_size)
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["blob"]
    assert os.listdir(stored.parent) == ["large"]


def test_large_file_takes_little_memory(large, tmp_path):
    digest = file_digest(str(large)).digest
    for path, operation in ((large, "put_file_if_absent"), (tmp_path / "copy", "get_file")):
        command = [sys.executable, "-c", MEASURED, tmp_path / "root", path, digest.hex(), operation]
        peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) * 1024
        assert peak < 64 * MIB
    assert file_digest(str(tmp_path / "copy")).digest == digest
