"""The FileLocation port: one file that a URI names, wherever that is."""

from abc import abstractmethod
from typing import Protocol


class FileLocation(Protocol):
    """The place that a URI names: a file may stand there or not. All methods may be called from any thread."""

    @abstractmethod
    def size(self) -> int | None:
        """The size of the file in bytes, without reading it; ``None`` if there is none for certain.

        Raises:
            StoreError: that cannot be known.
        """

    @abstractmethod
    def digest(self) -> tuple[bytes, int] | None:
        """The 32 bytes of BLAKE3 of the file, and its size; reads all of it. ``None`` if there is none for certain.

        Raises:
            StoreError: as ``size``; ``FileChanged`` where it changes meanwhile.
        """

    @abstractmethod
    def put(self, path: str, digest: bytes, /) -> bool:
        """Copy a file of this machine to the place, if nothing stands there: all of it or nothing.

        Returns:
            Whether this call did.

        Raises:
            FileChanged: the file has another digest, or has gone; nothing was written.
            StoreError: as ``BlobStore.put_if_absent``.
        """
