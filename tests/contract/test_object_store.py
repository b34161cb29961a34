"""Blobs in an object store keep the contract, on a server that speaks the protocol of S3."""

import uuid
from contextlib import contextmanager

import pytest

from mops.adapters.blob_stores.object_store import ObjectBlobStore
from mops.testing.blob_store_suite import (
    BlobStoreContract,
    SupportsFilesContract,
    SupportsProbeContract,
    UnreliableBackendContract,
)
from tests.services.s3_process import BUCKET

NOBODY = "http://127.0.0.1:1"


class TestObjectBlobStore(BlobStoreContract, SupportsFilesContract, SupportsProbeContract, UnreliableBackendContract):
    @pytest.fixture
    def store(self, s3):
        self.s3 = s3
        return ObjectBlobStore(f"s3://{BUCKET}/{uuid.uuid4()}/root")

    def answers_lost(self, store):
        return self.s3.answering("twice")

    @contextmanager
    def unreachable(self, store):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", NOBODY)
            patch.setattr(store, "_known", None)
            yield
