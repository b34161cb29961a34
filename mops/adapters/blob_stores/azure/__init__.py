"""Blobs in one container of Azure Blob Storage, with or without a hierarchical namespace.

Four rules keep the promises of the port:

- Only the Blob endpoint is spoken to: its writes are atomic, while a file that is created, appended to and flushed
  through the DFS endpoint is empty for those who read in between.
- A blob is created on the condition that none stands, by one Put Blob, or by blocks that nobody sees and the one
  conditional commit of their list.
- The digest of its content is stored with every blob. Who is refused asks for that of the blob that stands: the answer
  to an earlier attempt may have been lost, even one of an earlier call that was given up, and the blob be ours.
- A blob that is read in ranges is read under its ETag, and from the beginning again if it was replaced meanwhile.
"""

from mops.adapters.blob_stores.azure.place import place_of
from mops.adapters.blob_stores.azure.store import AzureBlobStore

__all__ = ["AzureBlobStore", "place_of"]
