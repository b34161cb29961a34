"""Blobs as files under one directory, on a local or a network file system.

Each blob is one file, named by its key. Three rules keep the promises of the port:

- A file gets its final name when it is complete, by ``link`` (first writer wins) or ``rename`` (last writer wins).
- A file that has its final name is never written to again: it is replaced or unlinked.
- Directories are made when they are needed and never removed, so that no writer loses the one it is about to use.
"""

from mops.adapters.blob_stores.local.store import LocalBlobStore

__all__ = ["LocalBlobStore"]
