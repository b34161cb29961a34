"""Files that are stored durably are synced, each blob that holds some of them; a sync that fails is told."""

import pytest
from blake3 import blake3

from mops.adapters.blob_stores.local import LocalBlobStore
from mops.api.worlds import contents_of
from mops.core.effects import PutFile
from mops.core.errors import StoreUnavailable
from mops.core.files import LocalFile
from mops.runtime.clock import SystemClock
from mops.runtime.world import World


class Syncing(LocalBlobStore):
    """Notes what is synced, and fails if it is told to."""

    fails = False

    def sync(self, key):
        synced.append(key)
        if self.fails:
            raise StoreUnavailable("the disk does not answer")


synced = []


@pytest.fixture
def world(tmp_path):
    synced.clear()
    return World(Syncing(str(tmp_path / "root")), SystemClock(), reports.append, 10.0, contents_of)


reports = []


def file_of(folder):
    folder.mkdir()
    for name, content in (("small.txt", b"s"), ("other.txt", b"o"), ("large.bin", bytes(2 << 20))):
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("durable", [True, False])
def test_every_blob_of_a_directory_is_synced(world, tmp_path, durable):
    folder = file_of(tmp_path / "folder")
    world.perform(PutFile(LocalFile(str(folder), "folder", kind="directory"), durable=durable))
    blobs = [info.key for info in world.store.list("mops1/blob/")]
    assert len(blobs) == 3  # the manifest, one pack, one large file
    assert sorted(synced) == (sorted(blobs) if durable else [])


def test_a_file_is_synced_and_a_sync_that_fails_is_told(world, tmp_path):
    reports.clear()
    world.store.fails = True
    (tmp_path / "a.txt").write_bytes(b"a")
    file = LocalFile(str(tmp_path / "a.txt"), "a.txt", blake3(b"a").digest(), size=1)
    stored = world.perform(PutFile(file, durable=True))
    assert synced == [stored.key]
    assert reports == [f"{stored.key} is stored, but may not survive a power failure: the disk does not answer"]
