"""Blob stores that count and that fail, around any other: for tests of what stands above a store.

Both offer the six methods of ``BlobStore`` alone, so every request of a caller goes through one of them.
"""

import random
import threading
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from mops.core.errors import StoreUnavailable
from mops.core.ports.blob_store import BlobInfo, BlobStore, Buffer

Answer = TypeVar("Answer")

Fault: TypeAlias = Literal["none", "lost request", "lost answer"]
"""What befalls one operation: nothing; it is not applied; it is applied, but nobody hears of it."""


class Operation(NamedTuple):
    """One call of a store: the name of the method, and the key or prefix."""

    method: str
    key: str


class CountingBlobStore(BlobStore):
    """Notes every operation and hands it on. Thread safe.

    Attributes:
        operations: all operations so far, in the order in which they began; clear it to begin anew.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.operations: list[Operation] = []

    def count(self, method: str = "", prefix: str = "") -> int:
        """How many operations there were, of one method or of all, on keys that start with the prefix."""
        return sum(method in {"", name} and key.startswith(prefix) for name, key in tuple(self.operations))

    @property
    def uri(self) -> str:
        """That of the store inside."""
        return self._store.uri

    def get(self, key: str, /) -> Buffer | None:
        self.operations.append(Operation("get", key))
        return self._store.get(key)

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        self.operations.append(Operation("put_if_absent", key))
        return self._store.put_if_absent(key, *parts)

    def put(self, key: str, /, *parts: Buffer) -> None:
        self.operations.append(Operation("put", key))
        self._store.put(key, *parts)

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        self.operations.append(Operation("list", prefix))
        return self._store.list(prefix, after=after)

    def delete(self, key: str, /) -> None:
        self.operations.append(Operation("delete", key))
        self._store.delete(key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CountingBlobStore) and other._store == self._store

    def __hash__(self) -> int:
        return hash((CountingBlobStore, self._store))


class FlakyBlobStore(BlobStore):
    """Raises ``StoreUnavailable`` where its faults say so, before or after the operation was applied.

    Every operation takes one fault from the iterator, a listing when it begins. Thread safe. Does not pickle.
    """

    def __init__(self, store: BlobStore, faults: Iterator[Fault]) -> None:
        self._store = store
        self._faults = faults
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        """That of the store inside."""
        return self._store.uri

    def get(self, key: str, /) -> Buffer | None:
        return self._befall("get", key, lambda: self._store.get(key))

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        return self._befall("put_if_absent", key, lambda: self._store.put_if_absent(key, *parts))

    def put(self, key: str, /, *parts: Buffer) -> None:
        self._befall("put", key, lambda: self._store.put(key, *parts))

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        yield from self._befall("list", prefix, lambda: self._store.list(prefix, after=after))

    def delete(self, key: str, /) -> None:
        self._befall("delete", key, lambda: self._store.delete(key))

    def _befall(self, method: str, key: str, operation: Callable[[], Answer]) -> Answer:
        with self._lock:
            fault = next(self._faults)
        if fault == "lost request":
            raise StoreUnavailable(f"{fault}: {method} {self.uri}/{key}")
        answer = operation()
        if fault == "lost answer":
            raise StoreUnavailable(f"{fault}: {method} {self.uri}/{key}")
        return answer


def scripted(*faults: Fault) -> Iterator[Fault]:
    """These faults, one an operation, and none after them."""
    yield from faults
    while True:
        yield "none"


def seeded(seed: int, rate: float) -> Iterator[Fault]:
    """Faults of both kinds at random, for that share of the operations, the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - faults need no secrecy, but a seed
    kinds: tuple[Fault, ...] = ("lost request", "lost answer")
    while True:
        yield dice.choice(kinds) if dice.random() < rate else "none"
