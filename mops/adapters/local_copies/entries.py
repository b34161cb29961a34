"""One content as it lies in a folder of copies. Speaks paths and ``OSError``.

    file/<aa>/<digest>/content                   the bytes of a file or a payload
    file/<aa>/<digest>/<of the name>/<name>      the same file under a name that somebody asked for
    directory/<aa>/<digest>/size                 how many bytes the files of the directory have
    directory/<aa>/<digest>/<of the name>/<name>

Each name has a folder of its own, named by its digest: names of users may differ in case only, or be ``content``. An
entry is made elsewhere and comes to its place whole, by one rename.
"""

import errno
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar, Final, Self, final

from blake3 import blake3

from mops.adapters.files.digests import file_digest
from mops.adapters.files.drafts import close
from mops.adapters.files.reading import OPENING, read
from mops.adapters.files.verifying import read_verified
from mops.adapters.local_copies.trees import holds, make_read_only
from mops.core.errors import CorruptBlob, FileChanged
from mops.core.ports.blob_store import Buffer
from mops.core.ports.local_copies import Fill

_OF_NAME: Final = 16
"""Characters of the digest of a name."""
_NO_LINK: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
_ATTEMPTS: Final = 8


class Entry(ABC):
    """A place for one content, whether it is there or not.

    Args:
        root: the folder of copies.
        digest: of the content, in hexadecimal.
        place: where it lies under the root; by default, where everybody finds it.
    """

    kind: ClassVar[str]

    def __init__(self, root: str, digest: str, place: str = "") -> None:
        self.root = root
        self.digest = digest
        self.name = place or f"{self.kind}/{digest[:2]}/{digest}"
        self.path = f"{root}/{self.name}"

    def path_of(self, name: str) -> str:
        """Where the content is under a name.

        Raises:
            CorruptBlob: no file can have that name; who wrote it is no mops.
        """
        try:
            raw = os.fsencode(name)
        except UnicodeEncodeError:
            raw = b""
        if raw in {b"", b".", b".."} or b"/" in raw or b"\0" in raw:
            raise CorruptBlob(f"no file can have the name {name!r}")
        return f"{self.path}/{blake3(raw).hexdigest(_OF_NAME // 2)}/{name}"

    def names(self) -> list[str]:
        """The names that the content has here."""
        with suppress(FileNotFoundError):
            folders = [folder for folder in os.listdir(self.path) if len(folder) == _OF_NAME]
            return [name for folder in folders for name in os.listdir(f"{self.path}/{folder}")]
        return []

    def find(self, name: str) -> str | None:
        """The path under a name, if the content is here under it, and sound."""
        path = self.path_of(name)
        return path if self._is_sound(path) else None

    @abstractmethod
    def _is_sound(self, path: str) -> bool:
        """Whether the content at a path is there, and the one that belongs there."""

    @abstractmethod
    def rename(self, name: str) -> str | None:
        """As ``find``, for a content that is here under another name: it is given this one too."""

    @abstractmethod
    def write(self, name: str, fill: Fill) -> str | None:
        """Let ``fill`` write the content, which then has this name alone; its path."""

    @abstractmethod
    def add(self, name: str) -> str:
        """Give the content another name; its path."""

    @abstractmethod
    def size(self) -> int:
        """Bytes of the content; 0 where what is here is none."""

    def used(self) -> float:
        """When it was last used."""
        return os.stat(self.path).st_mtime

    def touch(self) -> None:
        """It is used now."""
        with suppress(OSError):  # it has gone meanwhile, or is on a file system that is read-only
            os.utime(self.path)

    def draft(self) -> Self:
        """An empty place of the same kind, which nobody looks at."""
        draft = type(self)(self.root, self.digest, f"drafts/{self.kind}.{self.digest}")
        shutil.rmtree(draft.path, ignore_errors=True)  # of a process that was killed
        os.makedirs(draft.path)
        return draft

    def replace_by(self, draft: Self) -> None:
        """Bring a draft here, whatever was here."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        try:
            os.rename(draft.path, self.path)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            self.discard()
            os.rename(draft.path, self.path)

    def discard(self) -> None:
        """Move the entry out of sight; to be removed by whoever empties the trash."""
        trash = f"{self.root}/trash"
        for _ in range(_ATTEMPTS):
            os.makedirs(trash, exist_ok=True)
            try:
                os.rename(self.path, f"{trash}/{os.urandom(8).hex()}")
            except FileNotFoundError:
                if not os.path.lexists(self.path):
                    return  # somebody else did
            else:
                return
        raise OSError(errno.ESTALE, "somebody keeps removing it", trash)


@final
class FileEntry(Entry):
    """A file or a payload."""

    kind = "file"

    @property
    def content(self) -> str:
        """Where the bytes are, whatever their names."""
        return f"{self.path}/content"

    def rename(self, name: str) -> str | None:
        """As the base class says."""
        return self.add(name) if self._is_sound(self.content) else None

    def _is_sound(self, path: str) -> bool:
        try:
            return file_digest(path).digest.hex() == self.digest
        except (OSError, FileChanged):
            return False

    def write(self, name: str, fill: Fill) -> str | None:
        """As the base class says."""
        return self.add(name) if self.write_content(fill) else None

    def write_content(self, fill: Fill) -> bool:
        """Let ``fill`` write the content, which has no name then."""
        if not fill(self.content):
            return False
        os.chmod(self.content, os.stat(self.content).st_mode & 0o444)
        return True

    def add(self, name: str) -> str:
        """As the base class says."""
        path = self.path_of(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with suppress(FileNotFoundError):
            os.unlink(path)
        _link_or_copy(self.content, path)
        return path

    def find_content(self) -> Buffer | None:
        """The bytes, verified; ``None`` if they are not sound."""
        try:
            return read_verified(self.content, bytes.fromhex(self.digest))
        except OSError:
            return None

    def read_content(self) -> Buffer:
        """The bytes, as they were just written."""
        fd = os.open(self.content, OPENING)
        try:
            return read(fd)
        finally:
            close(fd)

    def size(self) -> int:
        """As the base class says."""
        try:
            return os.stat(self.content).st_size
        except FileNotFoundError:
            return 0


@final
class DirectoryEntry(Entry):
    """A directory and all that is in it."""

    kind = "directory"

    def rename(self, name: str) -> str | None:
        """As the base class says."""
        return self.add(name) if any(map(self.find, self.names())) else None

    def _is_sound(self, path: str) -> bool:
        try:
            return holds(path, bytes.fromhex(self.digest))
        except (OSError, FileChanged):
            return False

    def write(self, name: str, fill: Fill) -> str | None:
        """As the base class says."""
        path = self.path_of(name)
        os.mkdir(os.path.dirname(path))
        if not fill(path):
            return None
        with open(f"{self.path}/size", "w", encoding="ascii") as file:
            file.write(str(make_read_only(path)))
        return path

    def add(self, name: str) -> str:
        """As the base class says."""
        path = self.path_of(name)
        shutil.rmtree(path, ignore_errors=True)
        sound = next(filter(None, map(self.find, self.names())))
        shutil.copytree(sound, path, copy_function=_link_or_copy)
        return path

    def size(self) -> int:
        """As the base class says."""
        try:
            with open(f"{self.path}/size", encoding="ascii") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return 0


def entries_under(root: str) -> Iterator[Entry]:
    """All entries of a folder of copies."""
    for entry in (FileEntry, DirectoryEntry):
        for folder in _names_in(f"{root}/{entry.kind}"):
            for digest in _names_in(f"{root}/{entry.kind}/{folder}"):
                yield entry(root, digest)


def _names_in(folder: str) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.listdir(folder)
    return []


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copy(source, target)
    return target
