"""Blobs in an object store: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage."""

from mops.adapters.blob_stores.object_store.store import ObjectBlobStore

__all__ = ["ObjectBlobStore"]
