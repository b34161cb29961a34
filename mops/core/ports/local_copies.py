"""The LocalCopies port: where what was fetched from a store lies on this machine.

Copies are found by content, so that the second use of the same bytes costs no transfer, and are verified whenever they
are handed out. A file is hashed once a process while it stands unchanged; a copy that was damaged is fetched anew.

A ``fill`` writes one copy: it is given a path where nothing stands, in a folder that does, and answers whether it wrote
the copy there; ``False`` means that the store has lost it. What it writes is the content of the digest. It is called
at most once for a copy, however many threads and processes of this machine ask for it at the same time, as long as
they can wait for each other.

A name is any one component of a path. All methods may be called from any number of threads at once.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeAlias

from mops.core.ports.blob_store import Buffer

Fill: TypeAlias = Callable[[str], bool]
"""Writes one copy to a path; ``False`` if there is nothing to write any more."""


class LocalCopies(Protocol):
    """Copies of files, directories and large payloads on this machine."""

    @property
    @abstractmethod
    def caches_content(self) -> bool:
        """Whether ``content`` saves requests: ``False`` where reading from the store is as good."""

    @abstractmethod
    def file(self, digest: bytes, size: int, name: str, fill: Fill, /) -> str | None:
        """The absolute path of a read-only file with that content, and that final name.

        The file stays for as long as this process, or one that it forked, lives. One content under two names is filled
        once.

        Args:
            digest: 32 bytes, of BLAKE3.
            size: bytes.
            name: the final name.
            fill: writes the copy.

        Returns:
            ``None`` if ``fill`` returned ``False``.

        Raises:
            CorruptBlob: the name is none.
            StoreFull, StoreDenied, StoreReadOnly, StoreUnavailable: this machine has no place for it.
            UnsupportedStore: its file systems cannot have it, since a path is too long, say.
            Whatever ``fill`` raises: nothing is left behind then.
        """

    @abstractmethod
    def directory(self, digest: bytes, name: str, fill: Fill, /) -> str | None:
        """The absolute path of a directory with that content, and that final name. Its files are read-only.

        As ``file``. The digest is that of its manifest, see ``mops.core.directory``.
        """

    @abstractmethod
    def content(self, digest: bytes, size: int, fill: Fill, /) -> Buffer | None:
        """The bytes of that digest, from a local file: a private copy-on-write map where they are many.

        They stay readable whatever becomes of the file. As ``file``.
        """
