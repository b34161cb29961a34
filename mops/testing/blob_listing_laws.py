"""Laws of listing."""

import time
from typing import final

from mops.core.ports.blob_store import BlobStore
from mops.testing.blob_store_hooks import BlobStoreHooks, keys_of

KEYS = tuple(
    sorted(
        (
            *("a", "a-b", "a-b.c/c", "a.b/c", "a0/b", "a=", "a@/b", "a_", "aa/a", "ab", "b-/a", "b.", "b0"),
            *("b/-", "b/-x", "b/.x", "b/0", "b/a/a", "b/a/b", "b/a-a/a", "b/a.a", "b/a0", "b/aa"),
            *(
                "c1",
                "c/d",
                "cc",
                "cc.c/c",
                "mops1/blob/00/aa",
                "mops1/blob/00/ab",
                "mops1/memo/x/r0",
                "mops1/memo/x-/r0",
            ),
        )
    )
)
"""Siblings and folders whose order by name is not their order by key; none is the folder of another."""

PREFIXES = (
    "",
    "a",
    "a-",
    "a-b",
    "a/",
    "a0/",
    "b",
    "b/",
    "b/a",
    "b/a/",
    "b/a-",
    "b/a/a",
    "c",
    "c/",
    "c/d",
    "c/d/",
    "cc",
)
NO_PREFIXES = ("/", "../", "..", "a//", "./", "A", "~", "~tmp/", "zz", "b/../", "é", "\0")
BETWEEN = (
    "",
    "0",
    "a",
    "a-",
    "a/",
    "a/z",
    "b/",
    "b/a",
    "b/a/",
    "b/a/a/",
    "b/a~",
    "b/~",
    "cc",
    "cc~",
    "mops1/z",
    "~",
    "é",
)


class BlobListingLaws(BlobStoreHooks):
    """Laws of listing."""

    @final
    def test_empty_store_lists_nothing(self, store: BlobStore) -> None:
        assert keys_of(store) == []
        assert keys_of(store, "some/prefix") == []
        assert keys_of(store, after="key") == []

    @final
    def test_every_blob_is_listed_once_in_the_order_of_keys(self, store: BlobStore) -> None:
        self._fill(store)
        assert keys_of(store) == list(KEYS)

    @final
    def test_prefix_is_a_string_not_a_folder(self, store: BlobStore) -> None:
        self._fill(store)
        for prefix in PREFIXES:
            assert keys_of(store, prefix) == [key for key in KEYS if key.startswith(prefix)]

    @final
    def test_prefix_that_no_key_can_have_lists_nothing(self, store: BlobStore) -> None:
        self._fill(store)
        for prefix in NO_PREFIXES:
            assert keys_of(store, prefix) == []

    @final
    def test_prefix_may_be_as_long_as_a_segment_or_a_key(self, store: BlobStore) -> None:
        key = "/".join(["t" * 200] * 4 + ["u" * 96])
        store.put_if_absent(key, b"x")
        for prefix in (key[:199], key[:200], key[:201], key[:899], key):
            assert keys_of(store, prefix) == [key]

    @final
    def test_listing_resumes_behind_any_text(self, store: BlobStore) -> None:
        self._fill(store)
        for after in (*KEYS, *BETWEEN):
            assert keys_of(store, after=after) == [key for key in KEYS if key > after]

    @final
    def test_listing_resumes_within_a_prefix(self, store: BlobStore) -> None:
        self._fill(store)
        for prefix in PREFIXES:
            for after in (*KEYS, *BETWEEN):
                wanted = [key for key in KEYS if key.startswith(prefix) and key > after]
                assert keys_of(store, prefix, after) == wanted

    @final
    def test_listing_tells_size_and_time_of_the_last_write(self, store: BlobStore) -> None:
        skew = 300.0  # seconds: the clock may be a server's
        store.put_if_absent("created", b"12345")
        store.put("replaced", b"1")
        store.put("replaced", b"1234567")
        store.put_if_absent("empty")
        infos = list(store.list())
        assert [(info.key, info.size) for info in infos] == [("created", 5), ("empty", 0), ("replaced", 7)]
        assert all(abs(info.modified - time.time()) < skew for info in infos)

    @final
    def test_deleted_blobs_are_not_listed(self, store: BlobStore) -> None:
        self._fill(store)
        for key in KEYS[::2]:
            store.delete(key)
        assert keys_of(store) == list(KEYS[1::2])

    @final
    def test_hundreds_of_blobs_are_listed_once_each(self, store: BlobStore) -> None:
        keys = sorted(f"{'folder/' * (i % 3)}{i:x}.blob" for i in range(600))
        for key in keys:
            store.put_if_absent(key, b"x")
        assert keys_of(store) == keys

    @final
    def test_what_stays_is_listed_once_while_other_blobs_come_and_go(self, store: BlobStore) -> None:
        self._fill(store)
        going, staying = KEYS[1::2], KEYS[::2]
        seen: list[str] = []
        for step, info in enumerate(store.list()):
            seen.append(info.key)
            if step < len(going):
                store.delete(going[-1 - step])
                store.put_if_absent(f"b/new{step}", b"new")
                store.put(staying[step], b"replaced")
        assert seen == sorted(set(seen))
        assert set(staying) <= set(seen)

    @final
    def test_listing_of_another_handle_is_the_same(self, store: BlobStore) -> None:
        self._fill(store)
        assert keys_of(self.reopen(store), "b") == keys_of(store, "b")

    def _fill(self, store: BlobStore) -> None:
        for key in reversed(KEYS):
            store.put_if_absent(key, key.encode())
