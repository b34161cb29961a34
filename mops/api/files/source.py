"""A file that is named, not moved: functions pass it on, and whoever reads it has it brought here."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn, final

from mops.api.file_uris import canonical, file_uri, final_name, in_root, path_of, under
from mops.api.files.runs import running
from mops.api.files.temporary import temporary_folders
from mops.api.locate import locate_file
from mops.core.blob_layout import decode_segment
from mops.core.errors import ConfigurationError, FileChanged, MopsError, SourceNotFound, StoreError, UnserializableError
from mops.core.files import AnyFile, FileIndex, LocalFile, StoredFile
from mops.core.ports.file_location import FileLocation

_ADVICE: Final = "write the file before its source is returned (mops.open_output does), and leave it as it is"

_CHANGED: Final = "name the file by a new source; where the old one was part of a result, compute that anew"


@final
class Source(os.PathLike[str]):
    """A file that a function takes or returns without its bytes: they stay where they are until somebody reads them.

    ``open(source)`` and everything else that takes a path reads it. Its key as an argument is its content; as a value
    it is content and URI: two sources with equal bytes and different URIs are two. Immutable, hashable, and picklable;
    may be used from any number of threads at once.

    Made by ``from_file`` and ``from_uri``, and by ``mops.open_output``.
    """

    __slots__ = ("_digest", "_key", "_name", "_path", "_size", "_uri")

    _digest: bytes
    _key: str
    _name: str
    _path: str
    _size: int
    _uri: str

    def __init__(self, uri: str, name: str, digest: bytes = b"", size: int = -1, path: str = "", key: str = "") -> None:
        put = object.__setattr__
        put(self, "_uri", uri)
        put(self, "_name", name)
        put(self, "_digest", digest)
        put(self, "_size", size)
        put(self, "_path", path)
        put(self, "_key", key)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], uri: str | None = None) -> "Source":
        """Name a file of this machine. Nothing is read or copied before a call takes it along, or returns it.

        Inside of a call, the file will lie among the outputs of that run, and ``uri`` tells where: below ``.out/``, the
        working directory or ``mops.tempdir()``, its path is kept, elsewhere its name. Where no call runs, its URI is
        the one of the file, and as an argument it goes to the root by content.

        Args:
            path: of a file; it has to stay as it is until the call is made, or has returned.
            uri: where the file is to be stored instead. It never replaces a file that stands there.

        Raises:
            SourceNotFound: there is no such file.
            ConfigurationError: it is a directory; or ``uri`` is none.
        """
        absolute = os.path.abspath(os.fspath(path))
        if not os.path.isfile(absolute):
            _refuse(absolute)
        name = os.path.basename(absolute)
        if uri is not None:
            place = canonical(uri)
            locate_file(place)
            return cls(place, name, path=absolute, key=place)
        here = file_uri(absolute)
        if in_root(here) is not None:
            return cls.from_uri(here)  # it was written to its place
        run = running()
        if run is None:
            return cls(here, name, path=absolute)
        key = run.key_of_file(absolute)
        return cls(run.uri(key), name, path=absolute, key=key)

    @classmethod
    def from_uri(cls, uri: str) -> "Source":
        """Name what a URI names. Nothing is read before somebody asks.

        Raises:
            ConfigurationError: it is no URI, or of a scheme that this mops does not know.
        """
        place = canonical(uri)
        path = path_of(place)
        if path and temporary_folders.below(path):
            return cls.from_file(path)  # which ends with this process
        locate_file(place)
        name = final_name(place)
        return cls(place, decode_segment(name) if in_root(place) else name)

    @classmethod
    def _arrived(cls, file: StoredFile) -> "Source":
        """What is pickled, in a stored value, as the maker of a source: its name must not change."""
        return cls(under(file.root, file.key) if file.root else file.key, file.name, file.digest, file.size)

    @property
    def uri(self) -> str:
        """Where the file is, or will be once the call that produces it has returned."""
        return self._uri

    @property
    def digest(self) -> bytes:
        """The 32 bytes of the file's BLAKE3. Reads the file where it is not known yet; from then on it is.

        Raises:
            SourceNotFound: the file has gone.
            FileChanged: it changes while it is read.
            StoreError: it cannot be read.
        """
        if not self._digest:
            self._take(self._location().digest())
        return self._digest

    @property
    def size(self) -> int:
        """Bytes of the file.

        Raises:
            SourceNotFound, StoreError: as ``digest``.
        """
        if self._size >= 0:
            return self._size
        size = self._location().size()
        return self._gone() if size is None else size

    def path(self) -> Path:
        """The file, on this machine. A file of another place is brought here first, verified, once; it is read-only.

        Raises:
            SourceNotFound: it has gone.
            FileChanged: it is not any more what the source was known to hold.
            CorruptBlob: it was damaged in the store.
            StoreError: it cannot be read.
        """
        local = self._local_path()
        if not local:
            return Path(self._fetched())
        if self._digest:
            self._check_standing()
        elif not os.path.isfile(local):
            self._gone()
        return Path(local)

    def __fspath__(self) -> str:
        return str(self.path())

    # ------------------------------------------------------------------------------------------------ as a value
    def __mops_key__(self, meet: Callable[[LocalFile], None] | None = None) -> object:
        """What its key consists of, as an argument. ``meet`` is told of a file that may change meanwhile."""
        digest = self.digest
        if self._local_path():
            self._check_standing()
        if meet is not None and self._has_file():
            meet(LocalFile(self._path, self._name, digest, self._key, "source", self.size))
        return "source", digest

    def __mops_travel__(self, attach: Callable[[AnyFile], FileIndex]) -> tuple[Any, ...]:
        """How it is pickled for a store: the file goes there, unless it is in one.

        Raises:
            UnserializableError: there is no such file, or it cannot be read.
        """
        try:
            digest, size = self.digest, self.size
        except MopsError as error:
            raise UnserializableError(f"{self!r} cannot travel: {error.args[0]}", advice=_ADVICE) from error
        if self._is_here_alone():
            file: AnyFile = LocalFile(self._path, self._name, digest, self._key, "source", size)
        else:
            file = StoredFile(self._uri, digest, size, "source", self._name)
        return Source._arrived, (attach(file),)

    def __reduce__(self) -> tuple[Any, ...]:
        return Source, (self._uri, self._name, self._digest, self._size, self._path, self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and other._uri == self._uri and other.digest == self.digest

    def __hash__(self) -> int:
        return hash((Source, self._uri))

    def __repr__(self) -> str:
        return f"Source({self._uri!r})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Source is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Source is immutable: {name!r} cannot be deleted")

    # ------------------------------------------------------------------------------------------------ its bytes
    def _has_file(self) -> bool:
        """Whether it was made of a file that is still there."""
        return bool(self._path) and os.path.isfile(self._path)

    def _local_path(self) -> str:
        """Where the file itself lies, if it is the user's own."""
        if self._has_file():
            return self._path
        return "" if self._path or in_root(self._uri) else path_of(self._uri)

    def _location(self) -> FileLocation:
        return locate_file(file_uri(self._path) if self._has_file() else self._uri)

    def _is_here_alone(self) -> bool:
        """Whether the file has to be stored yet, as far as one knows: the key that a run gave it is no other file's."""
        if not self._has_file():
            return False
        if not self._key or self._key == self._uri:
            return True
        try:
            return locate_file(self._uri).size() != self.size
        except StoreError:
            return True  # whoever stores it will see, and has the patience

    def _take(self, found: tuple[bytes, int] | None) -> None:
        digest, size = self._gone() if found is None else found
        object.__setattr__(self, "_size", size)
        object.__setattr__(self, "_digest", digest)

    def _fetched(self) -> str:
        from mops.api.files.fetching import fetch

        digest = self.digest
        return fetch(self._uri, digest, self.size, self._name) or self._gone()

    def _check_standing(self) -> None:
        """A file of the user's may be another one by now."""
        digest, _ = self._location().digest() or self._gone()
        if digest != self._digest:
            raise FileChanged(f"{self._local_path()} does not hold any more what it held", advice=_CHANGED)

    def _gone(self) -> NoReturn:
        raise SourceNotFound(f"there is no file {self._path or self._uri}")


Source.__module__ = "mops"  # its name in keys and in stored values, wherever it is defined


def _refuse(path: str) -> NoReturn:
    if not os.path.exists(path):
        raise SourceNotFound(f"there is no file {path}")
    kind = "a directory; as a pathlib.Path, it travels with all its files" if os.path.isdir(path) else "no regular file"
    raise ConfigurationError(f"{path} is {kind}")
