"""Layers of which some are in Azure and in S3: what is found where, what is written where, and a layer that is dead."""

import uuid

import pytest

from mops.adapters.blob_stores.azure import retrying
from mops.adapters.blob_stores.object_store import client
from mops.api.locate import locate_blob_store
from mops.core.errors import StoreUnavailable
from mops.testing.blob_store_suite import BlobStoreContract
from tests.services.azurite import ACCOUNT, CONTAINER, KEY
from tests.services.s3_process import BUCKET

NOBODY = "http://127.0.0.1:1"
LAYERS = [("file", "adls"), ("file", "s3"), ("adls", "s3"), ("s3", "adls")]
STAGE = """
    def note(x):
        with open("runs", "a") as file:
            print(x, file=file)

    @use_runner(MemoizingPicklingRunner(SubprocessShell()))
    def work(x):
        note(x)
        path = tempdir() / "data.txt"
        path.write_text(f"{x} by {os.getpid()}")
        return path, bytes(2_000_000)
"""
CALL = "from stage import *\npath, data = work({})\nprint(path.read_text(), len(data))"


@pytest.fixture
def roots(project, azure, s3):
    """A new root of each kind."""
    name = str(uuid.uuid4())
    return {
        "file": project.root.as_uri(),
        "adls": f"adls://{ACCOUNT}/{CONTAINER}/{name}",
        "s3": f"s3://{BUCKET}/{name}",
    }


@pytest.mark.parametrize("kinds", [("adls", "s3"), ("s3", "adls")])
class TestLayersInObjectStores(BlobStoreContract):
    @pytest.fixture
    def store(self, roots, kinds):
        return locate_blob_store([roots[kind] for kind in kinds])


@pytest.mark.parametrize(("first", "behind"), LAYERS)
def test_remotes_find_what_lies_behind_and_write_to_the_first(project, roots, first, behind):
    project.write("stage.py", STAGE)

    def call(x, *kinds):
        root = " | ".join(roots[kind] for kind in kinds)
        return project.run("-c", CALL.format(x), env=project.environment(MOPS_ROOT=root)).stdout

    theirs = call(1, behind)
    before = sorted(locate_blob_store(roots[behind]).list())
    assert call(1, first, behind) == theirs
    assert list(locate_blob_store(roots[first]).list()) == []
    ours = call(2, first, behind)
    assert call(2, first, behind) == call(2, first) == ours
    assert sorted(locate_blob_store(roots[behind]).list()) == before
    assert project.lines("runs") == ["1", "2"]


@pytest.mark.parametrize("behind", ["adls", "s3"])
def test_a_layer_that_is_dead_costs_misses_and_no_hit(roots, behind, monkeypatch):
    store = locate_blob_store([roots["file"], roots[behind]])
    key = f"mops1/memo/default/m--f/any/{'ab' * 32}/r"
    store.put_if_absent(f"{key}0", b"mine")
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING", f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={NOBODY}/{ACCOUNT};"
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOBODY)
    monkeypatch.setattr(retrying, "_PATIENCE", 0.2)
    monkeypatch.setattr(client, "_RETRIES", {**client._RETRIES, "max_retries": 1})
    dead = locate_blob_store(store.uri)
    assert dead.get(f"{key}0") == b"mine"
    with pytest.raises(StoreUnavailable):
        dead.get(f"{key}1")
