"""Files that values consist of: on this machine, and in the store.

Written by hand rather than with attrs, as everything that a hit may import.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias, final

FileKind: TypeAlias = Literal["file", "directory", "source", "shared"]
"""How it arrives: as a local file, as a local directory, not before somebody asks for it, or as bytes in memory."""

KINDS: Final[frozenset[str]] = frozenset(("file", "directory", "source", "shared"))


@final
class LocalFile:
    """A file or directory of this machine that has to be stored.

    Attributes:
        path: absolute.
        name: the final name, under which it arrives.
        digest: of its content, 32 bytes. Of a directory, that of its tree; empty where nobody has looked.
        size: bytes; 0 for a directory.
        key: where to store it; empty: by its content.
        kind: how it arrives.
        seen: what whoever took the digest has for whoever stores it, so that it need not be read again.
    """

    __slots__ = ("digest", "key", "kind", "name", "path", "seen", "size")

    def __init__(
        self, path: str, name: str, digest: bytes = b"", key: str = "", kind: FileKind = "file", size: int = 0
    ) -> None:  # fmt: skip
        self.path = path
        self.name = name
        self.digest = digest
        self.key = key
        self.kind = kind
        self.seen: object = None
        self.size = size


@final
class StoredFile:
    """A file or directory in a store.

    Attributes:
        key: under the root that refers to it; an absolute URI where it is of another root.
        digest: of its content, 32 bytes; of a directory, that of its manifest.
        size: bytes; of a directory, those of all its files.
        kind: how it arrives.
        name: the final name, under which it arrives.
        root: URI of the root that the key is under, once that is known; empty for an absolute URI.
    """

    __slots__ = ("digest", "key", "kind", "name", "root", "size")

    def __init__(
        self, key: str, digest: bytes, size: int, kind: FileKind, name: str, root: str = ""
    ) -> None:  # fmt: skip
        self.root = root
        self.key = key
        self.digest = digest
        self.size = size
        self.kind = kind
        self.name = name


@final
class SharedBlob:
    """The blob of one state of one object under one root. Where it is stored is noted by whoever stores it.

    Attributes:
        digest: of its bytes; empty before it was stored.
        size: bytes.
        files: what the object has outside of memory.
    """

    __slots__ = ("digest", "files", "size")

    def __init__(self, files: "Sequence[AnyFile]") -> None:
        self.digest = b""
        self.size = 0
        self.files = files


class SharedObject(NamedTuple):
    """An object of a call that is a blob of its own.

    Attributes:
        blob: the blob.
        pieces: makes its bytes; asked where it is not stored.
        name: what it is called among the files of the call.
    """

    blob: SharedBlob
    pieces: Callable[[], Sequence[bytes | memoryview]]
    name: str = "shared object"


AnyFile: TypeAlias = LocalFile | StoredFile | SharedObject
Arrived: TypeAlias = str | StoredFile | bytes | memoryview
"""A file that was brought to a path; one that stays where it is; the blob of a shared object."""


@final
class FileIndex:
    """Stands in a pickle for a file: its place in the list of files beside it."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __reduce__(self) -> Any:
        return FileIndex, (self.index,)


@final
class AsWritten:
    """Stands for a value when it is pickled: paths in it travel as text, whether they name something or not."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
