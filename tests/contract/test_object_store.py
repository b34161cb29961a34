"""Blobs in an object store keep the contract, on a server that speaks the protocol of S3, and some of Google's."""

import os
import uuid
from contextlib import contextmanager

import pytest
from hypothesis import settings

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.adapters.blob_stores.object_store import ObjectBlobStore
from mops.testing.blob_store_suite import (
    BlobStoreContract,
    SupportsFilesContract,
    SupportsProbeContract,
    UnreliableBackendContract,
)
from tests.contract.test_stores_agree import StoresAgree
from tests.services.azurite import ACCOUNT, CONTAINER
from tests.services.s3_process import BUCKET

NOBODY = "http://127.0.0.1:1"


class TestBlobsInS3(BlobStoreContract, SupportsFilesContract, SupportsProbeContract, UnreliableBackendContract):
    scheme = "s3"

    @pytest.fixture
    def store(self, s3):
        self.s3 = s3
        return ObjectBlobStore(f"{self.scheme}://{BUCKET}/{uuid.uuid4()}/root")

    def answers_lost(self, store):
        return self.s3.answering("twice")

    @contextmanager
    def unreachable(self, store):
        with pytest.MonkeyPatch.context() as patch:
            for variable in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL"):
                patch.setenv(variable, NOBODY)
            patch.setattr(store, "_known", None)
            yield


class TestBlobsInGoogleStorage(TestBlobsInS3):
    scheme = "gs"


class TestBlobsInAzureForComparison(BlobStoreContract):
    @pytest.fixture
    def store(self, azure, monkeypatch):
        monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
        monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", azure.url.removesuffix(f"/{ACCOUNT}"))
        return ObjectBlobStore(f"az://{ACCOUNT}/{CONTAINER}/{uuid.uuid4()}")


class InAnAccount(BlobStoreContract, SupportsFilesContract, SupportsProbeContract):
    """A bucket of a real account, which a variable names."""

    variable = ""

    @pytest.fixture
    def store(self):
        store = ObjectBlobStore(f"{os.environ[self.variable]}/{uuid.uuid4()}")
        yield store
        for info in store.list():
            store.delete(info.key)


if os.environ.get("MOPS_TEST_S3"):

    class TestAccountOfS3(InAnAccount):
        variable = "MOPS_TEST_S3"


if os.environ.get("MOPS_TEST_GCS"):

    class TestAccountOfGoogle(InAnAccount):
        variable = "MOPS_TEST_GCS"


class ObjectStoresAgree(StoresAgree):
    """Two object stores, and one in memory."""

    def stores_to_compare(self):
        place = f"{BUCKET}/{uuid.uuid4()}"
        return [MemoryBlobStore(place), ObjectBlobStore(f"s3://{place}"), ObjectBlobStore(f"gs://{place}-too")]


ObjectStoresAgree.TestCase.settings = settings(StoresAgree.TestCase.settings, max_examples=10)


@pytest.mark.usefixtures("s3")
class TestObjectStoresAgree(ObjectStoresAgree.TestCase):
    pass
