"""Large files are mapped, and where the process has no descriptors or maps left for that, they are read."""

import subprocess
import sys

import pytest

PREPARED = """
import mmap, os, resource, sys
from blake3 import blake3
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.local_copies.fallback import FallbackCopies
from mops.core.blob_layout import content_key

data = os.urandom(4 << 20)
digest = blake3(data).digest()
key = content_key(digest)
store = LocalBlobStore(sys.argv[1] + "/root")
store.put_content(content_key, data)
copies = FallbackCopies(sys.argv[1] + "/cache", lambda: 1 << 30, sys.exit)

def fill(path):
    with open(path, "wb") as file:
        file.write(data)
    return True

ways = [
    lambda: store.get(key),
    lambda: store.get_content(key, digest),
    lambda: copies.content(digest, len(data), fill),
]
assert all(way() == data for way in ways)

def is_map(buffer):
    return isinstance(buffer.obj, mmap.mmap)
"""

OUT_OF_DESCRIPTORS = """
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
for way in ways:
    found = [way() for _ in range(100)]
    assert all(each == data for each in found)
    assert is_map(found[0])
    assert is_map(found[-1]) == (sys.version_info >= (3, 13)), "a map has no descriptor then"
    others = [open(sys.executable, "rb") for _ in range(20)]  # there are some left for these
    for each in others:
        each.close()
    del found
    assert is_map(way()), "descriptors that came back are used"
"""

OUT_OF_MAPS = """
maps = []
while True:
    try:  # neighbours that are protected alike would be one map
        maps.append(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | (len(maps) % 2 and mmap.PROT_WRITE)))
    except OSError:
        break
for way in ways:
    found = way()
    assert found == data
    assert not is_map(found)
maps.clear()
assert all(is_map(way()) for way in ways)
"""


@pytest.mark.parametrize("need", [OUT_OF_DESCRIPTORS, OUT_OF_MAPS], ids=["descriptors", "maps"])
def test_more_large_payloads_than_can_be_mapped_are_read(need, tmp_path):
    command = [sys.executable, "-c", PREPARED + need, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
