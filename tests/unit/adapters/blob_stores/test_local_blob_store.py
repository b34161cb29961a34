"""What the local store does beyond the contract: forks, sweeping, maps, network file systems, odd roots."""

import errno
import fcntl
import mmap
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from blake3 import blake3

from mops.adapters.blob_stores.local import LocalBlobStore, files, named_draft, syncing
from mops.adapters.files import drafts, reading, verifying
from mops.core.errors import CorruptBlob, StoreUnavailable, UnsupportedStore

LARGE = b"l" * (5 << 20)


@pytest.fixture
def store(tmp_path):
    return LocalBlobStore(str(tmp_path / "root"))


# ------------------------------------------------------------------------------------------------------------- drafts
def test_creating_leaves_no_temporary_folder_where_files_need_no_name(store, tmp_path):
    assert store.put_if_absent("blob", b"x")
    assert os.listdir(tmp_path / "root") == ["blob"]


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS])
def test_file_systems_without_nameless_files_are_asked_once(store, monkeypatch, code):
    asked = []

    def refuse(directory):
        asked.append(directory)
        raise OSError(code, "not here")

    monkeypatch.setattr(files, "AnonymousDraft", refuse)
    for number in range(3):
        assert store.put_if_absent(f"blob/{number}", b"x")
    assert len(asked) == 1


def test_file_systems_without_hard_links_hold_no_blob_store(store, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files, "ANONYMOUS", 0)
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(UnsupportedStore, match="no hard links"):
        store.put_if_absent("blob", b"x")


def test_interrupted_writes_go_on_where_they_stopped(store, monkeypatch):
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, chunks: writev(fd, [b"".join(chunks)[:7]]))
    monkeypatch.setattr(drafts, "_CHUNK", 10)
    parts = [bytes(range(25)), b"", bytes(range(3)), bytes(range(40))]
    assert store.put_if_absent("blob", *parts)
    assert store.get("blob") == b"".join(parts)


def test_name_that_keeps_vanishing_is_no_endless_loop(store, tmp_path):
    store.put_if_absent("other", b"x")
    (tmp_path / "root" / "blob").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreUnavailable, match="appearing and vanishing"):
        store.put_if_absent("blob", b"x")


def test_sweeper_removes_what_nobody_holds_and_nothing_else(tmp_path):
    held, left = tmp_path / "held", tmp_path / "left"
    for path in (held, left):
        path.write_bytes(b"half")
    (tmp_path / "folder").mkdir()
    with held.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        named_draft.sweep(str(tmp_path))
        assert sorted(os.listdir(tmp_path)) == ["folder", "held"]
    named_draft.sweep(str(tmp_path))
    assert os.listdir(tmp_path) == ["folder"]
    named_draft.sweep(str(tmp_path / "missing"))


def test_draft_that_a_sweeper_was_faster_to_lock_gets_another_name(store, tmp_path, monkeypatch):
    flock, losses = fcntl.flock, [1, 1]

    def lose(fd, operation):
        if losses and losses.pop():
            raise BlockingIOError
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", lose)
    store.put("blob", b"whole")
    assert store.get("blob") == b"whole"
    assert len(os.listdir(tmp_path / "root" / "~tmp")) == 2, "the lost names are left to those who lock them"
    monkeypatch.undo()
    named_draft.sweep(str(tmp_path / "root" / "~tmp"))
    assert os.listdir(tmp_path / "root" / "~tmp") == []


def test_draft_that_was_swept_before_it_was_locked_gets_another_name(store, monkeypatch):
    flock, sweeps = fcntl.flock, [True]

    def sweep_first(fd, operation):
        if sweeps:
            sweeps.pop()
            os.unlink(os.readlink(f"/proc/self/fd/{fd}"))
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    store.put("blob", b"whole")
    assert store.get("blob") == b"whole"


def test_forked_child_writes_while_a_thread_of_its_parent_was_writing(tmp_path):
    program = f"""
import os, threading
from mops.adapters.blob_stores.local import LocalBlobStore, files, named_draft
store = LocalBlobStore({str(tmp_path)!r})
reached, go_on = threading.Event(), threading.Event()
def stop(fd, parts):
    reached.set()
    go_on.wait()
files.write, write = stop, files.write
thread = threading.Thread(target=store.put, args=("beat", b"parent"))
thread.start()
reached.wait()
files.write = write
child = os.fork()
if not child:
    store.put("beat", b"child")
    os._exit(store.get("beat") != b"child")
status = os.waitpid(child, 0)[1]
go_on.set()
thread.join()
raise SystemExit(status)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# ------------------------------------------------------------------------------------------------------------- reading
def test_large_blobs_are_private_maps_and_small_ones_bytes(store):
    store.put_if_absent("large", LARGE)
    store.put_if_absent("small", LARGE[:1000])
    large = store.get("large")
    assert isinstance(large, memoryview)
    assert isinstance(large.obj, mmap.mmap)
    assert not large.readonly
    assert isinstance(store.get("small"), bytes)


@pytest.mark.parametrize("obstacle", [OSError(errno.EMFILE, "too many open files"), ValueError("no map")])
def test_blob_that_cannot_be_mapped_is_read(store, monkeypatch, obstacle):
    def refuse(*_args, **_kwargs):
        raise obstacle

    store.put_if_absent("large", LARGE)
    monkeypatch.setattr(mmap, "mmap", refuse)
    blob = store.get("large")
    assert blob == LARGE
    assert not memoryview(blob).readonly, "a hit is as writable as a mapped one"


@pytest.mark.parametrize(
    ("kind", "is_local"),
    [("ext4", True), ("tmpfs", True), ("fuseblk", True), ("nfs4", False), ("cifs", False), ("fuse.sshfs", False)],
)
def test_network_file_systems_are_never_mapped(store, monkeypatch, tmp_path, kind, is_local):
    store.put_if_absent("large", LARGE)
    device = os.stat(tmp_path / "root" / "large").st_dev
    mounts = tmp_path / "mountinfo"
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts.write_text(
        f"22 1 0:99 / /proc rw - proc proc rw\n23 1 {number} / / rw,relatime shared:1 - {kind} /dev/x rw\n"
    )
    monkeypatch.setattr(reading, "_MOUNTS", str(mounts))
    reading._is_local.cache_clear()
    try:
        blob = store.get("large")
        assert blob == LARGE
        assert isinstance(memoryview(blob).obj, mmap.mmap) == is_local
    finally:
        reading._is_local.cache_clear()


# ------------------------------------------------------------------------------------------------------------- content
@pytest.fixture
def hashed(monkeypatch):
    """The sizes that were hashed."""
    sizes = []
    digest_of = verifying.digest_of

    def count(parts, *followed):
        sizes.append(sum(map(len, parts)))
        return digest_of(parts, *followed)

    monkeypatch.setattr(verifying, "digest_of", count)
    return sizes


def let_three_seconds_pass(monkeypatch):
    """Since the last change of any file."""
    now = time.time()
    monkeypatch.setattr(verifying.time, "time", lambda: now + 3)


def test_large_content_is_verified_once_while_it_stands_unchanged(store, hashed, monkeypatch):
    digest = store.put_content(lambda _digest: "large", LARGE)
    for _ in range(2):
        assert store.get_content("large", digest) == LARGE
    assert len(hashed) == 2, "a file that changed just now may change again without a trace"
    let_three_seconds_pass(monkeypatch)
    for _ in range(3):
        assert store.get_content("large", digest) == LARGE
    assert len(hashed) == 3


@pytest.mark.parametrize("change", ["write", "write and set the time back", "map", "truncate", "rename"])
def test_changed_content_is_noticed_after_it_was_verified(store, tmp_path, monkeypatch, change):
    path = tmp_path / "root" / "large"
    digest = store.put_content(lambda _digest: "large", LARGE)
    with monkeypatch.context() as patch:
        let_three_seconds_pass(patch)
        assert store.get_content("large", digest) == LARGE
    before = path.stat()
    if change == "truncate":
        os.truncate(path, len(LARGE) - 1)
    elif change == "rename":
        (tmp_path / "other").write_bytes(b"x" * len(LARGE))
        os.utime(tmp_path / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
        (tmp_path / "other").rename(path)
    else:
        with path.open("r+b") as file:
            if change == "map":
                with mmap.mmap(file.fileno(), 0) as view:
                    view[1000] = 0
                    view.flush()
            else:
                file.write(b"\0")
        if change == "write and set the time back":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(CorruptBlob, match="root/large"):
        store.get_content("large", digest)


def test_what_was_verified_is_remembered_within_bounds(monkeypatch):
    monkeypatch.setattr(verifying, "_verified", {})
    for number in range(verifying._REMEMBERED + 10):
        verifying._remember((number,), b"digest")
    assert len(verifying._verified) == verifying._REMEMBERED
    assert (verifying._REMEMBERED + 9,) in verifying._verified
    assert (0,) not in verifying._verified


def test_space_that_cannot_be_reserved_is_written_anyway(store, monkeypatch):
    def refuse(*_args):
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    digest = store.put_content(lambda digest: digest.hex(), LARGE)
    assert digest == blake3(LARGE).digest()
    assert store.get_content(digest.hex(), digest) == LARGE


# ------------------------------------------------------------------------------------------------------------- syncing
def test_sync_flushes_the_file_then_every_directory_up_to_the_root_and_once_above(store, tmp_path, monkeypatch):
    store.put_if_absent("a/b/blob", b"x")
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.readlink(f"/proc/self/fd/{fd}")))
    root = str(tmp_path / "root")
    chain = [f"{root}/a/b/blob", f"{root}/a/b", f"{root}/a", root]
    store.sync("a/b/blob")
    assert flushed[:5] == [*chain, str(tmp_path)]
    assert flushed[-1] == "/"
    flushed.clear()
    store.sync("a/b/blob")
    assert flushed == chain


def test_directories_that_refuse_to_be_flushed_are_safe_already(store, tmp_path, monkeypatch):
    def refuse(fd):
        if os.path.isdir(os.readlink(f"/proc/self/fd/{fd}")):
            raise OSError(errno.EINVAL, "not a directory")

    store.put_if_absent("a/blob", b"x")
    monkeypatch.setattr(os, "fsync", refuse)
    store.sync("a/blob")


def test_blob_that_is_not_there_was_not_synced(store):
    with pytest.raises(StoreUnavailable):
        store.sync("a/blob")


def test_drives_that_need_the_full_flush_get_it(store, monkeypatch):
    store.put_if_absent("blob", b"x")
    asked = []
    monkeypatch.setattr(syncing, "_FULL_SYNC", 51)
    monkeypatch.setattr(syncing, "fcntl", SimpleNamespace(fcntl=lambda _fd, command: asked.append(command)))
    store.sync("blob")
    assert set(asked) == {51}


# --------------------------------------------------------------------------------------------------------------- roots
@pytest.mark.parametrize("name", ["with space", "ünï/côde", "per%cent#?", "new\nline", "\udcff not utf-8", "a" * 200])
def test_any_path_is_a_root_and_its_uri_is_plain(tmp_path, name):
    store = LocalBlobStore(str(tmp_path / name))
    assert store.put_if_absent("blob", b"x")
    assert store.uri.isascii()
    assert store.uri.startswith("file:///")
    assert not set(store.uri) & set(" \n#?")
    assert pickle.loads(pickle.dumps(store)).get("blob") == b"x"


def test_relative_root_is_taken_from_the_working_directory_of_its_construction(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = LocalBlobStore("some/../root/")
    monkeypatch.chdir("/")
    assert store.uri == f"file://{tmp_path}/root"
    assert store == LocalBlobStore(f"{tmp_path}/root")


def test_path_that_is_too_long_says_so(tmp_path):
    store = LocalBlobStore(str(tmp_path / "/".join(["d" * 200] * 19)))
    with pytest.raises(UnsupportedStore, match="too long"):
        store.put_if_absent("s" * 200 + "/" + "t" * 200, b"x")


def test_foreign_files_are_no_blobs(store, tmp_path):
    store.put_if_absent("folder/blob", b"x")
    for name in ("Upper", "with space", ".DS_Store", "~lock"):
        (tmp_path / "root" / name).write_bytes(b"x")
    (tmp_path / "root" / "Folder").mkdir()
    (tmp_path / "root" / "Folder" / "blob").write_bytes(b"x")
    (tmp_path / "root" / "dangling").symlink_to(tmp_path / "nowhere")
    assert [info.key for info in store.list()] == ["folder/blob"]


def named_pipe(path):
    os.mkfifo(path)


def bound_socket(path):
    with socket.socket(socket.AF_UNIX) as bound:
        os.chdir(os.path.dirname(path))  # its path may be longer than a socket's may be
        bound.bind(os.path.basename(path))


def silent_device(path):
    os.symlink("/dev/null", path)


def endless_device(path):
    os.symlink("/dev/zero", path)


FOREIGN = {
    named_pipe: "a named pipe",
    bound_socket: "a socket",
    silent_device: "a device",
    endless_device: "a device",
}


@pytest.mark.parametrize(("make", "kind"), FOREIGN.items(), ids=[make.__name__ for make in FOREIGN])
def test_what_is_no_file_is_refused_by_name_and_nobody_waits_for_it(store, tmp_path, monkeypatch, make, kind):
    monkeypatch.chdir(tmp_path)
    store.put("sibling", b"x")
    make(str(tmp_path / "root" / "blob"))
    for operation in (
        lambda: store.get("blob"),
        lambda: store.get_content("blob", bytes(32)),
        lambda: store.put_if_absent("blob", b"x"),
        lambda: store.put_if_absent("blob"),
        lambda: store.put_content(lambda _: "blob", b"x"),
        lambda: store.sync("blob"),
    ):
        with pytest.raises(UnsupportedStore, match=f"/root/blob: it is {kind}, not a file"):
            operation()
    assert [info.key for info in store.list()] == ["blob", "sibling"]
    store.put("blob", b"replaced")
    assert store.get("blob") == b"replaced"


def test_pipe_that_somebody_writes_to_is_no_blob_either(store, tmp_path):
    store.put("sibling", b"x")
    os.mkfifo(tmp_path / "root" / "blob")
    writer = os.open(tmp_path / "root" / "blob", os.O_RDWR)
    try:
        os.write(writer, b"w" * 60_000)
        with pytest.raises(UnsupportedStore, match="named pipe"):
            store.get("blob")
    finally:
        os.close(writer)


def test_folder_that_vanishes_while_it_is_listed_is_left_out(store, tmp_path):
    store.put_if_absent("a/blob", b"x")
    store.put_if_absent("b/blob", b"x")
    store.put_if_absent("c/blob", b"x")
    keys = []
    for info in store.list():
        keys.append(info.key)
        (tmp_path / "root/b/blob").unlink(missing_ok=True)
        if (tmp_path / "root/b").exists():
            (tmp_path / "root/b").rmdir()
    assert keys == ["a/blob", "c/blob"]


def test_probe_refuses_a_root_where_the_second_writer_wins(store, monkeypatch):
    monkeypatch.setattr(LocalBlobStore, "put_if_absent", lambda self, key, *parts: self.put(key, *parts) or True)
    with pytest.raises(UnsupportedStore, match="created twice"):
        store.probe()
    assert list(store.list()) == []


def test_threads_share_one_temporary_name(store, tmp_path, monkeypatch):
    names = set()
    rename = os.rename

    def note(source, target):
        names.add(source)
        rename(source, target)

    monkeypatch.setattr(os, "rename", note)
    threads = [threading.Thread(target=store.put, args=(f"blob/{n}", b"x")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 1
