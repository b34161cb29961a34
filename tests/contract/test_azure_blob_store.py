"""Blobs in Azure keep the contract, on its emulator."""

import os
import uuid
from contextlib import contextmanager

import pytest
from hypothesis import settings
from requests.adapters import HTTPAdapter

from mops.adapters.blob_stores.azure import AzureBlobStore, place_of, retrying
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.locate import locate_blob_store
from mops.testing.blob_store_suite import (
    BlobStoreContract,
    SupportsFilesContract,
    SupportsProbeContract,
    UnreliableBackendContract,
)
from tests.contract.test_stores_agree import StoresAgree
from tests.services.azurite import ACCOUNT, CONTAINER, KEY

NOBODY = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=http://127.0.0.1:1/{ACCOUNT};"


def fresh_store():
    return AzureBlobStore(place_of(f"adls://{ACCOUNT}/{CONTAINER}/{uuid.uuid4()}/root"))


class TestAzureBlobStore(BlobStoreContract, SupportsFilesContract, SupportsProbeContract, UnreliableBackendContract):
    @pytest.fixture
    def store(self, azure):
        return fresh_store()

    @contextmanager
    def answers_lost(self, store):
        send = HTTPAdapter.send

        def send_twice(self, request, **options):  # as a client whose answer was lost on the way
            if "If-None-Match" in request.headers:
                send(self, request, **options)
            return send(self, request, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(HTTPAdapter, "send", send_twice)
            yield

    @contextmanager
    def unreachable(self, store):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AZURE_STORAGE_CONNECTION_STRING", NOBODY)
            patch.setattr(retrying, "_PATIENCE", 0.2)
            yield


REAL = os.environ.get("MOPS_TEST_AZURE", "")


if REAL:

    class TestRealAccount(BlobStoreContract, SupportsFilesContract, SupportsProbeContract):
        """The same laws under the root that ``MOPS_TEST_AZURE`` names, for who is signed in to its account."""

        @pytest.fixture
        def store(self):
            store = locate_blob_store(f"{REAL}/{uuid.uuid4()}")
            yield store
            for info in store.list():
                store.delete(info.key)


class AzureAgrees(StoresAgree):
    """A store in Azure, and one in memory."""

    def stores_to_compare(self):
        return [MemoryBlobStore(str(uuid.uuid4())), fresh_store()]


AzureAgrees.TestCase.settings = settings(StoresAgree.TestCase.settings, max_examples=10)


@pytest.mark.usefixtures("azure")
class TestAzureAgrees(AzureAgrees.TestCase):
    pass
