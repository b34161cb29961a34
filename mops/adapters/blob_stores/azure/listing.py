"""Listing blobs in the order of their keys."""

from collections.abc import Iterator
from operator import itemgetter

from azure.storage.blob import BlobProperties, ContainerClient

from mops.adapters.blob_stores.azure.reading import is_folder
from mops.core.blob_key import is_key
from mops.core.ports.blob_store import BlobInfo


def list_blobs(container: ContainerClient, root: str, prefix: str, after: str) -> Iterator[BlobInfo]:
    """List the blobs under a root whose key starts with the prefix and is greater than ``after``, in order.

    A hierarchical namespace lists what is in the folder ``a`` before ``a-b``, and each folder before what is in it. So
    what comes before the first folder is in order, and the rest is sorted here.
    """
    if not is_key(prefix) and not is_key(f"{prefix}x"):
        return
    found = iter(container.list_blobs(name_starts_with=root + prefix, include=["metadata"]))
    for blob in found:
        if is_folder(blob.metadata):
            rest = (info for info in _infos(found, root) if info.key > after)
            yield from sorted(rest, key=itemgetter(0))
            return
        yield from (info for info in _infos([blob], root) if info.key > after)


def _infos(blobs: "Iterator[BlobProperties] | list[BlobProperties]", root: str) -> Iterator[BlobInfo]:
    for blob in blobs:
        key = blob.name.removeprefix(root)
        if is_key(key) and not is_folder(blob.metadata):
            yield BlobInfo(key, blob.size, blob.last_modified.timestamp())
