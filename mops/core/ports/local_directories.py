"""The LocalDirectories port: directories of this machine, on their way to and from a store."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from mops.core.files import LocalFile
from mops.core.ports.blob_store import Buffer

PutContent: TypeAlias = Callable[[Sequence[Buffer]], bytes]
"""Stores buffers, one after the other, as one blob by content, and returns the digest."""

PutFile: TypeAlias = Callable[[str, bytes, int], object]
"""Stores a file by content. Is given path, digest and size."""

GetContent: TypeAlias = Callable[[bytes], Buffer | None]
"""The bytes of a digest, verified; ``None`` where they are gone."""

GetFile: TypeAlias = Callable[[str, bytes, int], bool]
"""Writes a file. Is given path, digest and size; ``False`` where its content is gone."""


class LocalDirectories(Protocol):
    """Takes directories apart and builds them again. May be called from any number of threads at once."""

    @abstractmethod
    def store(self, directory: LocalFile, put_content: PutContent, put_file: PutFile, /) -> tuple[bytes, int]:
        """Store a directory.

        Args:
            directory: its path, and what it was keyed by; nothing where nobody has looked yet.
            put_content: takes small files, many at once, and then the manifest.
            put_file: takes each large one.

        Returns:
            The digest of the manifest, and the bytes of all files.

        Raises:
            FileChanged: the directory is not, or did not stay, what its digest says, or cannot be read any more.
            UnserializableError: nobody has looked at it yet, and something in it cannot be read, or is neither a file
                nor a folder.
            Whatever ``put_content`` and ``put_file`` raise. After an error some of it may have been stored.
        """

    @abstractmethod
    def fetch(self, digest: bytes, path: str, get_content: GetContent, get_file: GetFile, /) -> bool:
        """Build a directory as it was stored. Its files are read-only.

        Args:
            digest: of the manifest.
            path: where nothing stands, in a folder that does. After an error, or ``False``, what was built up to then
                is there for the caller to remove.
            get_content: gives the manifest, and small files, many at once.
            get_file: writes a large one.

        Returns:
            ``False`` where some of it is gone.

        Raises:
            CorruptBlob: the manifest is none, or does not fit what it names.
            UndecodableResultError: two names are one here, or one is none.
            OSError: of the file system of the path, which is full, say.
            Whatever ``get_content`` and ``get_file`` raise.
        """
