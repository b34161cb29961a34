"""Proving the promises of a root on the root itself."""

import os
from contextlib import suppress

from mops.core.errors import StoreError, UnsupportedStore
from mops.core.ports.blob_store import BlobStore


def probe(store: BlobStore) -> None:
    """Write, refuse, replace, list and remove two blobs.

    Raises:
        UnsupportedStore: an answer was not the promised one.
        StoreError: as the store says.
    """
    folder = f"mops1/probe/{os.urandom(16).hex()}"
    first, second = f"{folder}/1", f"{folder}/2"
    try:
        _expect(store.get(first) is None, "a blob that nobody wrote is there")
        _expect(store.put_if_absent(first, b"first", b" writer"), "a blob cannot be created")
        _expect(not store.put_if_absent(first, b"second writer"), "a blob can be created twice")
        _expect(store.get(first) == b"first writer", "the second writer replaced the first, or bytes got lost")
        store.put(second, b"old")
        store.put(second, b"new")
        _expect(store.get(second) == b"new", "a blob cannot be replaced")
        _expect([info.key for info in store.list(f"{folder}/")] == [first, second], "blobs are missing from the list")
    except BaseException:
        with suppress(StoreError):  # who may not create may not remove either, and nothing is there to be removed
            _remove(store, first, second)
        raise
    _remove(store, first, second)
    _expect(store.get(first) is None, "a removed blob is still there")


def _remove(store: BlobStore, *keys: str) -> None:
    for key in keys:
        store.delete(key)


def _expect(kept: bool, failure: str) -> None:
    if not kept:
        raise UnsupportedStore(f"this root does not keep the promises of a blob store: {failure}")
