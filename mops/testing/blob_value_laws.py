"""Laws of single blobs: what is written, read, replaced and removed."""

import tracemalloc
from typing import final

import pytest

from mops.core.errors import InvalidKey
from mops.core.ports.blob_store import BlobStore, Buffer
from mops.testing.blob_store_hooks import BlobStoreHooks, content_of, keys_of
from mops.testing.large_bytes import LargeBytes

KIB, MIB = 1 << 10, 1 << 20

SIZES = (0, 1, 300, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, MIB, 4 * MIB - 1, 4 * MIB, 5 * MIB + 3)

GOOD_KEYS = (
    "a",
    "-",
    "...",
    ".a",
    "a.",
    "=@_-.",
    "abcdefghijklmnopqrstuvwxyz0123456789._=@-",
    "s" * 200,
    "/".join(["t" * 200] * 4 + ["u" * 96]),
    "/".join("v" * 450),
)

BAD_KEYS = (
    *("", "/", "a/", "/a", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "./a"),
    *("A", "a b", "a\n", "a\0b", "é", "\ud800", "~tmp", "a~", "a\\b", "a:b", "a%2fb", "a*", "a?"),
    *("s" * 201, "a/" + "s" * 201, "/".join(["t" * 200] * 4 + ["u" * 97])),
)


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes in which every displacement shows."""
    return (bytes((seed + 7 * i) % 251 for i in range(min(size, 251 * 16 + 1))) * (size // 4000 + 1))[:size]


class BlobValueLaws(BlobStoreHooks):
    """Laws of single blobs."""

    @final
    def test_absent_blob_is_none(self, store: BlobStore) -> None:
        assert store.get("no/such/blob") is None

    @final
    def test_blob_comes_back_as_it_was_created(self, store: BlobStore) -> None:
        for size in SIZES:
            assert store.put_if_absent(f"created/{size}", pattern(size)) is True
            assert content_of(store, f"created/{size}") == pattern(size)

    @final
    def test_blob_comes_back_as_it_was_put(self, store: BlobStore) -> None:
        for size in SIZES:
            store.put(f"put/{size}", pattern(size))
            assert content_of(store, f"put/{size}") == pattern(size)

    @final
    def test_parts_are_stored_one_after_the_other(self, store: BlobStore) -> None:
        many: list[Buffer] = [pattern(i % 7, seed=i) for i in range(3000)]
        mixed: list[Buffer] = [
            b"",
            memoryview(pattern(100)),
            b"",
            pattern(70 * KIB, seed=3),
            memoryview(bytearray(pattern(5))),
        ]
        for name, parts in (("none", list[Buffer]()), ("many", many), ("mixed", mixed)):
            assert store.put_if_absent(f"created/{name}", *parts)
            store.put(f"put/{name}", *parts)
            assert content_of(store, f"created/{name}") == b"".join(parts)
            assert content_of(store, f"put/{name}") == b"".join(parts)

    @final
    def test_second_writer_does_not_replace_the_first(self, store: BlobStore) -> None:
        assert store.put_if_absent("contested", b"the first") is True
        for other in (b"", b"other", b"the other", b"one that is longer", pattern(5 * MIB)):
            assert store.put_if_absent("contested", other) is False
            assert content_of(store, "contested") == b"the first"

    @final
    def test_empty_blob_is_a_blob(self, store: BlobStore) -> None:
        assert store.put_if_absent("empty") is True
        assert content_of(store, "empty") == b""
        assert store.put_if_absent("empty", b"late") is False

    @final
    def test_put_replaces_the_whole_blob(self, store: BlobStore) -> None:
        for content in (b"something long", b"short", b"", pattern(5 * MIB), pattern(4 * MIB, seed=1), b"x"):
            store.put("replaced", content)
            assert content_of(store, "replaced") == content

    @final
    def test_creating_does_not_replace_what_was_put(self, store: BlobStore) -> None:
        store.put("blob", b"put")
        assert store.put_if_absent("blob", b"created") is False
        assert content_of(store, "blob") == b"put"

    @final
    def test_put_replaces_what_was_created(self, store: BlobStore) -> None:
        store.put_if_absent("blob", b"created")
        store.put("blob", b"put")
        assert content_of(store, "blob") == b"put"

    @final
    def test_deleted_blob_is_absent_and_can_be_created_again(self, store: BlobStore) -> None:
        store.put_if_absent("blob", b"first")
        store.put_if_absent("blob.sibling", b"stays")
        store.delete("blob")
        assert store.get("blob") is None
        assert content_of(store, "blob.sibling") == b"stays"
        assert store.put_if_absent("blob", b"second") is True
        assert content_of(store, "blob") == b"second"

    @final
    def test_deleting_an_absent_blob_does_nothing(self, store: BlobStore) -> None:
        store.delete("absent")
        store.put_if_absent("folder/blob", b"stays")
        for key in ("folder", "folder/absent", "folder/blob/absent", "folde"):
            store.delete(key)
        assert keys_of(store) == ["folder/blob"]

    @final
    def test_what_was_read_does_not_change_any_more(self, store: BlobStore) -> None:
        for size in (100, 8 * MIB):
            store.put("blob", pattern(size))
            content = store.get("blob")
            store.put("blob", pattern(size, seed=1))
            store.delete("blob")
            store.put_if_absent("blob", pattern(size, seed=2))
            store.delete("blob")
            assert content is not None
            assert LargeBytes(content) == pattern(size)

    @final
    def test_changing_what_was_read_changes_nothing_stored(self, store: BlobStore) -> None:
        for size in (100, 200 * KIB, 8 * MIB):
            store.put_if_absent(f"blob/{size}", pattern(size))
            content, other = store.get(f"blob/{size}"), store.get(f"blob/{size}")
            if isinstance(content, memoryview) and not content.readonly:
                content[:] = bytes(size)
            assert other is not None
            assert LargeBytes(other) == pattern(size)
            assert content_of(self.reopen(store), f"blob/{size}") == pattern(size)

    @final
    def test_buffers_of_the_caller_are_neither_changed_nor_kept(self, store: BlobStore) -> None:
        for size in (100, 8 * MIB):
            buffer = bytearray(pattern(size))
            store.put_if_absent(f"created/{size}", b"head", memoryview(buffer))
            store.put(f"put/{size}", memoryview(buffer))
            assert LargeBytes(buffer) == pattern(size)
            buffer[:] = bytes(size)
            buffer.clear()  # BufferError if somebody still looks at it
            assert content_of(store, f"created/{size}") == b"head" + pattern(size)
            assert content_of(store, f"put/{size}") == pattern(size)

    @final
    def test_parts_are_not_joined_in_memory(self, store: BlobStore) -> None:
        parts: list[Buffer] = [pattern(8 * MIB, seed=i) for i in range(3)]
        store.put_if_absent("warm/up", *parts)
        tracemalloc.start()
        try:
            store.put_if_absent("parts", *parts)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1.5 * sum(map(len, parts)), "at most one copy, where the store itself is memory"

    @final
    def test_every_key_of_the_grammar_works(self, store: BlobStore) -> None:
        for key in GOOD_KEYS:
            assert store.put_if_absent(key, key.encode()) is True
            assert content_of(store, key) == key.encode()
            store.put(key, b"replaced")
            assert content_of(store, key) == b"replaced"
        assert keys_of(store) == sorted(GOOD_KEYS)
        for key in GOOD_KEYS:
            store.delete(key)
        assert keys_of(store) == []

    @final
    def test_other_keys_are_refused_before_anything_is_touched(self, store: BlobStore) -> None:
        store.put_if_absent("a", b"stays")
        for key in BAD_KEYS:
            with pytest.raises(InvalidKey):
                store.get(key)
            with pytest.raises(InvalidKey):
                store.put_if_absent(key, b"x")
            with pytest.raises(InvalidKey):
                store.put(key, b"x")
            with pytest.raises(InvalidKey):
                store.delete(key)
        assert keys_of(store) == ["a"]
        assert content_of(store, "a") == b"stays"

    @final
    def test_similar_keys_are_different_blobs(self, store: BlobStore) -> None:
        keys = ("a-b", "a.b", "a/b", "a=b", "a@b", "a_b", "ab", "a0b", "c", "cc", "c.c", "c.", ".c")
        for key in keys:
            assert store.put_if_absent(key, key.encode()) is True
        assert {key: content_of(store, key) for key in keys} == {key: key.encode() for key in keys}

    @final
    def test_blob_and_folder_of_one_name_do_not_lose_each_other(self, store: BlobStore) -> None:
        for first, second in (("c", "c/d"), ("e/f", "e"), ("g", "g/h/i"), ("j/k/l", "j")):
            store.put_if_absent(first, b"first")
            for write in (store.put_if_absent, store.put):
                try:
                    write(second, b"second")
                except InvalidKey:
                    assert store.get(second) is None
                    store.delete(second)
                else:
                    assert content_of(store, second) == b"second"
                assert content_of(store, first) == b"first"

    @final
    def test_reopened_store_is_equal_and_sees_the_same_blobs(self, store: BlobStore) -> None:
        other = self.reopen(store)
        assert other == store
        assert hash(other) == hash(store)
        assert other.uri == store.uri
        assert store.put_if_absent("from/here", b"here")
        assert other.put_if_absent("from/there", b"there")
        assert content_of(other, "from/here") == b"here"
        assert content_of(store, "from/there") == b"there"
        assert other.put_if_absent("from/here", b"late") is False

    @final
    def test_uri_names_a_scheme(self, store: BlobStore) -> None:
        scheme, separator, _place = store.uri.partition("://")
        assert separator
        assert scheme.islower()
