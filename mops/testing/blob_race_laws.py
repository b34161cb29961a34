"""Laws of concurrency: wherever two operations meet, both keep their promises."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, final

from mops.core.ports.blob_store import BlobStore, Buffer
from mops.testing.blob_store_hooks import BlobStoreHooks, content_of, keys_of
from mops.testing.interleaving import interleavings
from mops.testing.large_bytes import LargeBytes

OLD = (b"old" * 1000, b"", b"old" * 1000)
NEW = (b"new" * 2000, memoryview(b"er" * 1000))
OLD_BYTES, NEW_BYTES = b"".join(OLD), b"".join(NEW)


class BlobRaceLaws(BlobStoreHooks):
    """Laws of concurrency."""

    @final
    def test_one_of_two_creators_wins_wherever_they_meet(self, store: BlobStore) -> None:
        def check(key: str, first: bool, second: bool) -> None:
            assert (first, second) in {(True, False), (False, True)}
            assert content_of(store, key) == (OLD_BYTES if first else NEW_BYTES)

        self._everywhere(
            store, lambda key: store.put_if_absent(key, *OLD), lambda key: store.put_if_absent(key, *NEW), check
        )

    @final
    def test_writers_of_different_blobs_do_not_meet(self, store: BlobStore) -> None:
        writes: tuple[Callable[..., Any], ...] = (store.put_if_absent, store.put)

        def check(key: str, _first: Any, _second: Any) -> None:
            assert content_of(store, f"{key}.1") == OLD_BYTES
            assert content_of(store, f"{key}.2") == NEW_BYTES

        for first in writes:
            for second in writes:
                self._clear(store)
                self._everywhere(store, partial(_write, first, ".1", OLD), partial(_write, second, ".2", NEW), check)

    @final
    def test_new_blob_is_seen_whole_or_not_at_all(self, store: BlobStore) -> None:
        def look(key: str) -> tuple[LargeBytes | None, list[int]]:
            return content_of(store, key), [info.size for info in store.list(key)]

        def check(key: str, _first: Any, seen: tuple[LargeBytes | None, list[int]]) -> None:
            content, sizes = seen
            assert content in {None, NEW_BYTES}
            assert sizes in ([], [len(NEW_BYTES)])
            assert content_of(store, key) == NEW_BYTES

        for write in (store.put_if_absent, store.put):
            self._clear(store)
            self._everywhere(store, partial(_write, write, "", NEW), look, check)

    @final
    def test_replaced_blob_is_seen_old_or_new(self, store: BlobStore) -> None:
        def check(key: str, _first: Any, seen: bytes | None) -> None:
            assert seen in {OLD_BYTES, NEW_BYTES}
            assert content_of(store, key) == NEW_BYTES

        self._everywhere(store, lambda key: store.put(key, *NEW), lambda key: content_of(store, key), check, before=OLD)

    @final
    def test_blob_replaced_while_it_is_read_is_the_old_one_or_the_new_one(self, store: BlobStore) -> None:
        def check(_key: str, seen: bytes | None, _second: Any) -> None:
            assert seen in {OLD_BYTES, NEW_BYTES}

        self._everywhere(store, lambda key: content_of(store, key), lambda key: store.put(key, *NEW), check, before=OLD)

    @final
    def test_blob_deleted_while_it_is_read_is_whole_or_absent(self, store: BlobStore) -> None:
        def check(key: str, seen: bytes | None, _second: Any) -> None:
            assert seen in {OLD_BYTES, None}
            assert store.get(key) is None

        self._everywhere(store, lambda key: content_of(store, key), store.delete, check, before=OLD)

    @final
    def test_creator_that_meets_a_deletion_knows_whether_its_blob_stands(self, store: BlobStore) -> None:
        def check(key: str, created: bool, _second: Any) -> None:
            assert content_of(store, key) == (NEW_BYTES if created else None)

        self._everywhere(store, lambda key: store.put_if_absent(key, *NEW), store.delete, check, before=OLD)

    @final
    def test_replacing_outlasts_a_creation_at_the_same_time(self, store: BlobStore) -> None:
        def check(key: str, _created: bool, _second: Any) -> None:
            assert content_of(store, key) == NEW_BYTES

        self._everywhere(store, lambda key: store.put_if_absent(key, *OLD), lambda key: store.put(key, *NEW), check)
        self._clear(store)
        self._everywhere(store, lambda key: store.put(key, *NEW), lambda key: store.put_if_absent(key, *OLD), check)

    @final
    def test_many_threads_create_one_winner_a_blob(self, store: BlobStore) -> None:
        writers, rounds = 8, 25
        barrier = threading.Barrier(writers)
        wins: list[tuple[str, int]] = []

        def write(writer: int) -> None:
            for number in range(rounds):
                barrier.wait(60)
                if store.put_if_absent(f"round/{number}", b"%d" % writer):
                    wins.append((f"round/{number}", writer))
                store.put(f"own/{writer}", b"%d" % number)

        threads = [threading.Thread(target=write, args=(writer,), daemon=True) for writer in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(key for key, _writer in wins) == sorted(f"round/{number}" for number in range(rounds))
        assert all(content_of(store, key) == b"%d" % writer for key, writer in wins)
        assert all(content_of(store, f"own/{writer}") == b"%d" % (rounds - 1) for writer in range(writers))

    def _everywhere(
        self,
        store: BlobStore,
        first: Callable[[str], Any],
        second: Callable[[str], Any],
        check: Callable[[str, Any, Any], None],
        *,
        before: tuple[bytes, ...] | None = None,
    ) -> None:
        """Let the second operation run at each line of the first, every time on another key, and check every time."""

        def prepare(number: int) -> None:
            if before is not None:
                store.put(f"race/{number}", *before)

        for number, led, followed in interleavings(
            lambda number: first(f"race/{number}"),
            lambda number: second(f"race/{number}"),
            prepare=prepare,
            within=self.code_of(store),
        ):
            check(f"race/{number}", led, followed)

    def _clear(self, store: BlobStore) -> None:
        for key in keys_of(store):
            store.delete(key)


def _write(write: Callable[..., Any], suffix: str, parts: tuple[Buffer, ...], key: str) -> Any:
    return write(key + suffix, *parts)
