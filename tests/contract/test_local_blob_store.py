"""The blob store in a directory keeps the contract, with and without files that have no name."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from mops import adapters
from mops.adapters.blob_stores.local import LocalBlobStore, files
from mops.adapters.files import delivery
from mops.testing.blob_store_suite import (
    BlobStoreContract,
    SupportsContentContract,
    SupportsFilesContract,
    SupportsProbeContract,
    SupportsSyncContract,
    UnreliableBackendContract,
)


class TestLocalBlobStore(
    BlobStoreContract,
    SupportsContentContract,
    SupportsFilesContract,
    SupportsSyncContract,
    SupportsProbeContract,
    UnreliableBackendContract,
):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalBlobStore(str(tmp_path / "root"))

    def code_of(self, store):
        return str(Path(adapters.__file__).parent)  # what reads and copies files is beside the store

    @contextmanager
    def answers_lost(self, store):
        link = os.link

        def link_twice(*args, **kwargs):  # as an NFS client that has to repeat its request
            link(*args, **kwargs)
            link(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "link", link_twice)
            yield

    @contextmanager
    def unreachable(self, store):
        def fail(*_args, **_kwargs):
            raise OSError(errno.ESTALE, "stale file handle")

        with pytest.MonkeyPatch.context() as patch:
            for call in ("open", "scandir", "unlink"):
                patch.setattr(os, call, fail)
            yield


class TestLocalBlobStoreWithNamedDrafts(TestLocalBlobStore):
    @pytest.fixture(autouse=True)
    def _no_nameless_files(self, monkeypatch):
        monkeypatch.setattr(files, "ANONYMOUS", 0)
        monkeypatch.setattr(delivery, "ANONYMOUS", 0)
