"""The contract of blob stores as tests: subclass, fill in the fixture ``store``, and run pytest.

    class TestMyBlobStore(BlobStoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return MyBlobStore(str(tmp_path))

``BlobStoreContract`` is for every store. The other suites are for stores that have the capability, and
``UnreliableBackendContract`` for those whose backend can be made to fail. The laws are final: an adapter that cannot
keep one is no blob store.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, final

import pytest
from blake3 import blake3

from mops.core.errors import CorruptBlob, InvalidKey, StoreUnavailable
from mops.core.ports.blob_store import BlobStore, Buffer, SupportsContent, SupportsProbe, SupportsSync
from mops.testing.blob_file_laws import SupportsFilesContract
from mops.testing.blob_listing_laws import BlobListingLaws
from mops.testing.blob_race_laws import BlobRaceLaws
from mops.testing.blob_store_hooks import BlobStoreHooks, content_of, keys_of
from mops.testing.blob_value_laws import BAD_KEYS, SIZES, BlobValueLaws, pattern
from mops.testing.large_bytes import LargeBytes

__all__ = [
    "BlobStoreContract",
    "SupportsContentContract",
    "SupportsFilesContract",
    "SupportsProbeContract",
    "SupportsSyncContract",
    "UnreliableBackendContract",
]


class BlobStoreContract(BlobValueLaws, BlobListingLaws, BlobRaceLaws):
    """What every blob store promises."""


class UnreliableBackendContract(BlobStoreHooks):
    """What a store promises whose backend can fail while it works."""

    def answers_lost(self, store: BlobStore) -> AbstractContextManager[Any]:
        """While the context lasts, creations are applied, and the backend answers as if it had been tried before."""
        raise NotImplementedError("say how to lose the answers of this backend")

    def unreachable(self, store: BlobStore) -> AbstractContextManager[Any]:
        """While the context lasts, the backend gives no answer."""
        raise NotImplementedError("say how to make this backend unreachable")

    @final
    def test_creation_whose_answer_was_lost_is_ours(self, store: BlobStore) -> None:
        for size in (0, 300, 9 << 20):
            with self.answers_lost(store):
                assert store.put_if_absent(f"blob/{size}", b"head", pattern(size)) is True
            assert content_of(store, f"blob/{size}") == b"head" + pattern(size)

    @final
    def test_another_writer_is_told_from_a_lost_answer(self, store: BlobStore) -> None:
        store.put_if_absent("blob", b"the first")
        for other in (b"", b"the other", b"the firsT", b"the first, and more"):
            with self.answers_lost(store):
                assert store.put_if_absent("blob", other) is False
        assert content_of(store, "blob") == b"the first"

    @final
    def test_unreachable_is_not_absent(self, store: BlobStore) -> None:
        store.put_if_absent("blob", b"content")
        with self.unreachable(store):
            for key in ("blob", "other"):
                with pytest.raises(StoreUnavailable):
                    store.get(key)

    @final
    def test_unreachable_is_said_by_every_operation(self, store: BlobStore) -> None:
        store.put_if_absent("blob", b"content")
        operations: tuple[Callable[[], Any], ...] = (
            lambda: store.put_if_absent("other", b"x"),
            lambda: store.put("other", b"x"),
            lambda: store.delete("blob"),
            lambda: keys_of(store),
        )
        for operation in operations:
            with self.unreachable(store), pytest.raises(StoreUnavailable):
                operation()

    @final
    def test_store_is_whole_when_its_backend_is_back(self, store: BlobStore) -> None:
        store.put_if_absent("blob", b"content")
        with self.unreachable(store):
            for write in (store.put_if_absent, store.put):
                with pytest.raises(StoreUnavailable):
                    write("other", b"half", b"whole")
        assert content_of(store, "blob") == b"content"
        assert content_of(store, "other") in {None, b"halfwhole"}
        store.put("other", b"again")
        assert content_of(store, "other") == b"again"


class SupportsContentContract(BlobStoreHooks):
    """What a store promises that hashes what it moves."""

    @final
    def test_content_is_stored_under_its_digest(self, store: BlobStore) -> None:
        for size in SIZES:
            content = pattern(size)
            digest = _content(store).put_content(_key_of, content)
            assert digest == blake3(content).digest()
            assert content_of(store, _key_of(digest)) == content
            assert _verified(store, digest) == content

    @final
    def test_digest_is_that_of_all_parts(self, store: BlobStore) -> None:
        for size in (0, 100, 9 << 20):
            parts: list[Buffer] = [b"head", memoryview(bytearray(pattern(size))), b"", b"tail"]
            digest = _content(store).put_content(_key_of, *parts)
            assert digest == blake3(b"".join(parts)).digest()
            assert _verified(store, digest) == b"".join(parts)

    @final
    def test_content_that_is_absent_is_none(self, store: BlobStore) -> None:
        assert _content(store).get_content("blob/absent", bytes(32)) is None

    @final
    def test_content_that_stands_is_left_as_it_is(self, store: BlobStore) -> None:
        for size in (100, 5 << 20):
            digest = blake3(pattern(size)).digest()
            store.put_if_absent(_key_of(digest), b"what stands")
            assert _content(store).put_content(_key_of, pattern(size)) == digest
            assert content_of(store, _key_of(digest)) == b"what stands"

    @final
    def test_other_bytes_are_never_returned(self, store: BlobStore) -> None:
        for size in (100, 5 << 20):
            content = pattern(size)
            digest = _content(store).put_content(_key_of, content)
            for _ in range(2):
                assert _verified(store, digest) == content
            flipped = bytearray(content)
            flipped[size // 2] ^= 1
            for wrong in (bytes(flipped), content[:-1], b""):
                store.put(_key_of(digest), wrong)
                for _ in range(2):
                    with pytest.raises(CorruptBlob):
                        _content(store).get_content(_key_of(digest), digest)

    @final
    def test_changing_verified_content_changes_nothing_stored(self, store: BlobStore) -> None:
        digest = _content(store).put_content(_key_of, pattern(5 << 20))
        for _ in range(3):
            content = _content(store).get_content(_key_of(digest), digest)
            assert content is not None
            assert LargeBytes(content) == pattern(5 << 20)
            if isinstance(content, memoryview) and not content.readonly:
                content[:] = bytes(5 << 20)

    @final
    def test_buffers_of_the_caller_are_free_afterwards(self, store: BlobStore) -> None:
        for size in (100, 5 << 20):
            buffer = bytearray(pattern(size))
            digest = _content(store).put_content(_key_of, memoryview(buffer))
            assert LargeBytes(buffer) == pattern(size)
            buffer[:] = bytes(size)
            buffer.clear()  # BufferError if somebody still looks at it
            assert _verified(store, digest) == pattern(size)

    @final
    def test_who_follows_a_transfer_is_told_of_no_more_than_its_bytes(self, store: BlobStore) -> None:
        told: list[int] = []
        parts = pattern(100), pattern(5 << 20, 1)
        digest = _content(store).put_content(_key_of, *parts, advance=told.append)
        assert sum(told) <= len(b"".join(parts)), told
        told.clear()
        content = _content(store).get_content(_key_of(digest), digest, advance=told.append)
        assert content is not None
        assert LargeBytes(content) == b"".join(parts)
        assert sum(told) <= len(b"".join(parts)), told

    @final
    def test_who_follows_a_transfer_may_stop_it(self, store: BlobStore) -> None:
        stopped: list[int] = []

        def stop(count: int) -> None:
            stopped.append(count)
            raise _Stop

        with suppress(_Stop):
            _content(store).put_content(_key_of, pattern(5 << 20), advance=stop)
            assert not stopped, "it went on"
        if stopped:
            assert keys_of(store) == []
        stopped.clear()
        digest = _content(store).put_content(_key_of, pattern(5 << 20))
        with suppress(_Stop):
            _content(store).get_content(_key_of(digest), digest, advance=stop)
            assert not stopped, "it went on"

    @final
    def test_other_keys_are_refused_for_content_too(self, store: BlobStore) -> None:
        for key in BAD_KEYS:
            with pytest.raises(InvalidKey):
                _content(store).get_content(key, bytes(32))
            for size in (100, 5 << 20):
                with pytest.raises(InvalidKey):
                    _content(store).put_content(lambda _digest, key=key: key, pattern(size))  # type: ignore[misc]
        assert keys_of(store) == []


class SupportsSyncContract(BlobStoreHooks):
    """What can be tested without a power failure of a store that survives one."""

    @final
    def test_blobs_can_be_synced_again_and_again(self, store: BlobStore) -> None:
        assert isinstance(store, SupportsSync)
        store.put_if_absent("some/deep/folder/blob", b"content")
        store.put("blob", b"content")
        for key in ("some/deep/folder/blob", "blob", "blob"):
            store.sync(key)
            assert content_of(store, key) == b"content"

    @final
    def test_other_keys_are_refused_for_syncing_too(self, store: BlobStore) -> None:
        assert isinstance(store, SupportsSync)
        for key in BAD_KEYS:
            with pytest.raises(InvalidKey):
                store.sync(key)


class SupportsProbeContract(BlobStoreHooks):
    """What a store promises that proves its promises."""

    @final
    def test_probe_of_a_sound_root_passes_and_leaves_nothing(self, store: BlobStore) -> None:
        assert isinstance(store, SupportsProbe)
        store.put_if_absent("mops1/probe/of-another", b"stays")
        for _ in range(2):
            store.probe()
        assert keys_of(store) == ["mops1/probe/of-another"]


class _Stop(Exception):
    """Whoever follows a transfer has seen enough."""


def _key_of(digest: bytes) -> str:
    return f"blob/{digest.hex()}"


def _content(store: BlobStore) -> SupportsContent:
    assert isinstance(store, SupportsContent)
    return store


def _verified(store: BlobStore, digest: bytes) -> LargeBytes | None:
    content = _content(store).get_content(_key_of(digest), digest)
    return None if content is None else LargeBytes(content)
