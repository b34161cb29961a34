"""What the tests of faults start: a process that does to a store what it is told, and one that kills its children."""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from blake3 import blake3

from mops.adapters.blob_stores.local import LocalBlobStore, files
from mops.adapters.files import delivery
from mops.core.errors import StoreError

LARGE = 5 << 20
OLD, NEW = b"old" * 1000, b"new" * 2000
DIGEST = blake3(b"l" * LARGE).digest()


def operations(store, folder):
    """Every operation by its name; each works on keys of its own."""
    return {
        "create": lambda: store.put_if_absent("new/folder/blob", NEW[:1000], NEW[1000:]),
        "create again": lambda: store.put_if_absent("old/blob", OLD),
        "put": lambda: store.put("put/blob", NEW),
        "replace": lambda: store.put("old/replaced", NEW),
        "put file": lambda: store.put_file_if_absent("file/blob", f"{folder}/original", DIGEST),
        "get file": lambda: store.get_file("old/large", f"{folder}/copies/copy", DIGEST),
        "file size": lambda: store.file_size("old/large"),
        "put content": lambda: len(store.put_content(lambda digest: f"blob/{digest.hex()}", b"l" * LARGE)),
        "delete": lambda: store.delete("old/deleted"),
        "sync": lambda: store.sync("old/blob"),
        "get": lambda: bytes(store.get("old/blob")) == OLD,
        "get large": lambda: bytes(store.get("old/large")) == b"l" * LARGE,
        "list": lambda: [info.key for info in store.list("old")],
    }


def prepare(store, folder):
    """What stands before each operation."""
    Path(folder, "original").write_bytes(b"l" * LARGE)
    shutil.rmtree(f"{folder}/copies", ignore_errors=True)
    os.mkdir(f"{folder}/copies")
    for key in ("old/blob", "old/replaced", "old/deleted"):
        store.put(key, OLD)
    store.put("old/large", b"l" * LARGE)


def serve(folder):
    """Do what each line of the input says at SIGUSR1, report the answer or the error, and go on at the next SIGUSR1."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    for line in sys.stdin:
        root, name = line.rstrip("\n").split("\t")
        store = LocalBlobStore(f"{folder}/{root}")
        prepare(store, folder)
        if name == "warm up":
            for operation in operations(store, folder).values():
                operation()
            try:
                LocalBlobStore("/dev/null").put_if_absent("x")
            except StoreError as error:
                os.write(1, f"{error!r}\n".encode())
            continue
        operation = operations(store, folder)[name]
        os.write(1, b"ready\n")
        signal.sigwait({signal.SIGUSR1})
        try:
            report = f"answer {operation()}"
        except StoreError as error:
            report = f"error {type(error).__name__}"
        except OSError as error:
            report = f"local error {os.strerror(error.errno)}"
        except BaseException as error:
            report = f"escaped {error!r}"
        os.write(1, f"{report}\n".encode())
        signal.sigwait({signal.SIGUSR1})  # not even a read before strace is gone


def content_of(key):
    """The bytes that belong under a key, which names their size."""
    size = int(key.rsplit("-", 1)[1])
    return (key.encode() * (size // len(key) + 1))[:size]


def write_for_ever(store, cycle):
    """What a child does until it is killed."""
    dice = random.Random(cycle)
    for number in range(1 << 30):
        size = dice.choice((0, 1, 300, 5000, 70_000, 300_000))
        key = f"cycle/{cycle}/{number}/blob-{size}"
        content = content_of(key)
        store.put_if_absent(key, content[: size // 3], content[size // 3 :])
        store.put("beat", f"{number:08}".encode() * 1000)
        if number % 10 == 0:
            store.put_content(lambda digest, number=number: f"cycle/{cycle}/{number}/large", b"%08d" % number * 250_000)


def look(store, cycle):
    """Read everything that one child has written, and complain about what is not whole."""
    seen = 0
    for info in store.list(f"cycle/{cycle}/"):
        content = bytes(store.get(info.key))
        number = int(info.key.split("/")[2])
        wanted = b"%08d" % number * 250_000 if info.key.endswith("large") else content_of(info.key)
        assert content == wanted, f"{info.key} is torn"
        assert info.size == len(wanted), f"{info.key} is listed with {info.size} bytes"
        seen += 1
    beat = store.get("beat")
    assert beat is None or (len(beat) == 8000 and bytes(beat) == bytes(beat[:8]) * 1000), "the beat is torn"
    return seen


def wait_for(count, store, cycle):
    """Read until a child has written that many blobs."""
    end = time.monotonic() + 60
    while look(store, cycle) < count:
        assert time.monotonic() < end, "the child does not write"
        time.sleep(0.001)


def kill_cycles(root, seed, cycles):
    """Kill a writing child at random moments while this process reads; print what was seen."""
    dice = random.Random(seed)
    store = LocalBlobStore(root)
    seen, least, most = 0, 0, 0
    for cycle in range(cycles):
        child = os.fork()
        if not child:
            try:
                write_for_ever(store, cycle)
            finally:
                os._exit(1)
        awaited = dice.randrange(4)  # on a busy disk, time alone would kill before anything is written
        least += awaited
        try:
            wait_for(awaited, store, cycle)
            time.sleep(dice.uniform(0.0, 0.02))
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        seen += look(store, cycle)
        shutil.rmtree(f"{root}/cycle/{cycle}", ignore_errors=True)
        folder = f"{root}/~tmp"
        most = max(most, len(os.listdir(folder)) if os.path.isdir(folder) else 0)
    print(seen, least, most)


if __name__ == "__main__":
    if "named" in sys.argv:
        files.ANONYMOUS = delivery.ANONYMOUS = 0
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        kill_cycles(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
