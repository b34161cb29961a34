"""The BlobStore port: where bytes live.

A blob store is a flat map from key to bytes under one root, shared by any number of processes and machines. The
protocol of single flight rests on ``put_if_absent`` alone; there is no compare-and-swap, because POSIX file systems
have none.

Keys are segments of ``[a-z0-9._=@-]`` joined by ``/``: no empty, ``.`` or ``..`` segment, at most 200 bytes a segment
and 900 in all. Every method raises ``InvalidKey`` for another key before it touches anything. A store may be made of
folders: where ``c`` stands, writing ``c/d`` may raise ``InvalidKey`` too, and the other way round; what stands is not
lost.

Adapters raise the subclasses of ``StoreError`` in ``mops.core.errors`` and nothing else; ``UnsupportedStore``, from any
method, means that no blob store can be at that root. All methods may be called from any number of threads at once.
Adapters pickle, and compare equal after it.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

from mops.core.ports.transfers import Advance

Buffer: TypeAlias = bytes | memoryview
"""Contiguous bytes. A ``memoryview`` has format ``B`` and one dimension."""


class BlobInfo(NamedTuple):
    """What a listing knows of one blob: key, size in bytes, time of its last write in seconds since the epoch, UTC."""

    key: str
    size: int
    modified: float


class BlobStore(Protocol):
    """A flat map from key to bytes under one root."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """The canonical root URI, from which another process opens the same store."""

    @abstractmethod
    def get(self, key: str, /) -> Buffer | None:
        """Read one blob whole.

        Returns:
            The bytes, possibly a private copy-on-write memory map: changing it changes nothing stored, and what is
            stored later does not change it. ``None`` means *absent for certain*, never *unreachable*.
            Every write that completed before the call began is seen; a write in progress is seen whole or not at all.

        Raises:
            InvalidKey, StoreDenied, StoreUnavailable, BlobArchived.
        """

    @abstractmethod
    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        """Create one blob from the parts, one after the other, atomically: all bytes or none, first writer wins.

        The parts are not joined in memory, not modified and not kept.

        Returns:
            ``True`` if and only if the stored bytes are the ones of *this* call, even when an answer was lost on the
            way (the adapter reads back and compares); ``False`` if another write stands. Equal bytes of another call
            may count as ours: callers that must know put something unique into them.

        Raises:
            InvalidKey, StoreDenied, StoreFull, StoreReadOnly: nothing was applied.
            StoreUnavailable: it may have been applied.
        """

    @abstractmethod
    def put(self, key: str, /, *parts: Buffer) -> None:
        """Create or replace one blob atomically: a reader sees the old bytes or the new ones, never a mixture.

        For heartbeats and tombstones only. Buffers that an earlier ``get`` returned do not change.

        Raises:
            As ``put_if_absent``.
        """

    @abstractmethod
    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        """List the blobs whose key starts with the prefix, in the order of their keys, resuming behind ``after``.

        The prefix is a string prefix, not a folder: ``c`` lists ``c/d`` and ``cc``. Blobs written or deleted
        while the listing runs may be missing or present; all others are there exactly once. For people, explanations
        and garbage collection, never for coordination. An empty store lists nothing.

        Raises:
            StoreDenied, StoreUnavailable: at any step of the iteration.
        """

    @abstractmethod
    def delete(self, key: str, /) -> None:
        """Remove one blob. Removing an absent one does nothing. Buffers that an earlier ``get`` returned stay readable.

        Raises:
            As ``put_if_absent``.
        """


@runtime_checkable
class SupportsContent(Protocol):
    """A store that hashes what it stores by content while it moves the bytes, and remembers what it has verified.

    Stores without it are read and written through ``get`` and ``put_if_absent``, and the caller hashes. ``advance``,
    where given, is called as ``SupportsFiles`` says.
    """

    @abstractmethod
    def put_content(
        self, key_of: Callable[[bytes], str], /, *parts: Buffer, advance: Callable[[int], None] | None = None
    ) -> bytes:
        """Store the parts under ``key_of(digest)``, digest being the 32 bytes of their BLAKE3, and return the digest.

        A blob that stands under the key already is left as it is. ``key_of`` is pure.

        Raises:
            As ``put_if_absent``.
        """

    @abstractmethod
    def get_content(self, key: str, digest: bytes, /, *, advance: Callable[[int], None] | None = None) -> Buffer | None:
        """As ``get``, and the bytes are known to have that BLAKE3 digest.

        Raises:
            CorruptBlob: the stored bytes have another digest.
            As ``get``.
        """


@runtime_checkable
class SupportsFiles(Protocol):
    """A store that moves files without holding them in memory, and hashes them while it moves them.

    Stores without it are read and written through ``get`` and ``put_if_absent``, and the caller hashes. Paths are
    absolute. ``digest`` is the 32 bytes of the file's BLAKE3. ``advance`` is told of all bytes that are moved, bit by
    bit, by any thread; it must not raise.
    """

    @abstractmethod
    def put_file_if_absent(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """Create one blob from a file whose digest the caller took, atomically: all bytes or none.

        What is stored is a copy: nothing that happens to the file afterwards changes it. Where a blob stands under the
        key, nothing is moved, and the file is not looked at. Time stamps are not trusted: the bytes that are stored
        were hashed.

        Returns:
            As ``put_if_absent``: ``True`` if and only if the stored bytes are the ones of *this* call; ``False`` if
            another write stands.

        Raises:
            FileChanged: the file has another digest, has gone, cannot be read, or is no regular file; nothing was
                applied.
            As ``put_if_absent``.
        """

    @abstractmethod
    def get_file(self, key: str, path: str, digest: bytes, /, *, advance: Advance | None = None) -> bool:
        """Write one blob to a local file, whose directory exists, and which nobody sees before it is complete.

        A file that stands there is replaced whole; one that cannot be is left as it is. The new file is nobody else's:
        changing it changes nothing stored.

        Returns:
            ``False`` if the blob is absent for certain: then nothing was written.

        Raises:
            CorruptBlob: the blob has another digest; nothing was written.
            OSError: of the file system of the path, which is full, say; nothing was written. The store is not to blame.
            As ``get``.
        """

    @abstractmethod
    def file_size(self, key: str, /) -> int | None:
        """The size of a blob in bytes, without reading it; ``None`` if it is absent for certain.

        Raises:
            As ``get``.
        """


LAYERS: Final = "layers:"
"""What the URI of a store of several layers begins with."""
BETWEEN_LAYERS: Final = "|"
"""What stands between the URIs of the layers, none of which contains it."""


@runtime_checkable
class SupportsLayers(Protocol):
    """A store that shows several others as one: everything is written to the first."""

    @property
    @abstractmethod
    def layers(self) -> Sequence[BlobStore]:
        """The others, in the order in which they are searched."""


@runtime_checkable
class SupportsSync(Protocol):
    """A store whose completed writes may be lost in a power failure, unless asked not to be."""

    @abstractmethod
    def sync(self, key: str, /) -> None:
        """Return when the blob under the key, which exists, survives a power failure, its name included.

        Raises:
            StoreUnavailable, StoreFull: it may not survive.
        """


@runtime_checkable
class SupportsProbe(Protocol):
    """A store that can prove its promises on its very root."""

    @abstractmethod
    def probe(self) -> None:
        """Prove the promises of ``put_if_absent`` once, with blobs under ``mops1/probe/`` that it removes.

        Raises:
            UnsupportedStore: the root does not keep them.
            As ``put_if_absent``.
        """


@runtime_checkable
class SupportsExpiry(Protocol):
    """A store that may be opened with what ends by itself, as a signed URL does."""

    @property
    @abstractmethod
    def expires(self) -> float | None:
        """From when on the store cannot be used any more, in seconds since the epoch; ``None`` if nothing says so."""
