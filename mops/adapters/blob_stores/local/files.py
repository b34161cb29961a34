"""How a file comes to its final name: complete, or not at all. Speaks paths and ``OSError``."""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, Union

from mops.adapters.files.drafts import ANONYMOUS, UNSUPPORTED, AnonymousDraft, close, write
from mops.adapters.files.reading import OPENING, regular
from mops.adapters.unforked import UNFORKED
from mops.core.ports.blob_store import Buffer

if TYPE_CHECKING:
    from mops.adapters.blob_stores.local.named_draft import NamedDraft

Draft: TypeAlias = Union[AnonymousDraft, "NamedDraft"]

_COMPARED = 1 << 20
_ATTEMPTS = 8
_REMEMBERED = 1_000


class Files:
    """The files under one root. Thread safe."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._anonymous: bool | None = None
        self._directories: set[str] = set()
        """Some that were there: most files are the second or third in their directory."""

    @property
    def anonymous(self) -> bool:
        """Whether files without a name can be made here; asks the file system once."""
        if self._anonymous is None:
            self.draft().close()
        return bool(self._anonymous)

    def draft(self, purpose: str = "create") -> Draft:
        """Open a file that nobody sees. Where it needs a name, drafts of one purpose wait for each other."""
        if self._anonymous is None and not (ANONYMOUS and os.path.isdir("/proc/self/fd")):
            self._anonymous = False
        if self._anonymous is not False:
            try:
                draft = self._anonymous_draft()
            except OSError as error:
                if error.errno not in UNSUPPORTED:
                    raise
                self._anonymous = False
            else:
                self._anonymous = True
                return draft
        return self._named_draft(purpose)

    def _anonymous_draft(self) -> AnonymousDraft:
        try:
            return AnonymousDraft(self.root)
        except FileNotFoundError:
            self.make_directory(self.root)
            return AnonymousDraft(self.root)

    def _named_draft(self, purpose: str) -> "NamedDraft":
        # Few processes ever need one: most file systems are local, and most calls replace nothing.
        with UNFORKED:
            from mops.adapters.blob_stores.local.named_draft import NamedDraft, directory_of

        self.make_directory(directory_of(self.root))
        return NamedDraft(self.root, purpose)

    def create(self, path: str, parts: Sequence[Buffer]) -> bool:
        """Create a file of the parts; whether the file that stands has their bytes."""
        draft = self.draft()
        try:
            write(draft.fd, parts)
            return self.settle(draft, path, lambda: _holds(path, parts))
        finally:
            draft.close()

    def settle(self, draft: Draft, path: str, is_ours: Callable[[], bool | None]) -> bool:
        """Name a draft, unless a file stands; whether the one that stands in the end ``is_ours``.

        That is asked where the name is taken, since an answer may have been lost on the way from a server. ``None``:
        nothing stands any more.
        """
        for _ in range(_ATTEMPTS):
            if self.publish(draft, path):
                return True
            ours = is_ours()
            if ours is not None:
                return ours
        raise OSError(errno.ESTALE, "it keeps appearing and vanishing")

    def publish(self, draft: Draft, path: str) -> bool:
        """Name a draft, and make the directory for it; ``False`` if the name is taken."""
        directory = os.path.dirname(path)
        try:
            if directory not in self._directories:
                self._make_known(directory)
            try:
                draft.publish(path)
            except FileNotFoundError:  # somebody has removed it
                self._make_known(directory)
                draft.publish(path)
        except FileExistsError:
            if os.path.isdir(path):
                raise IsADirectoryError(errno.EISDIR, "it is a directory", path) from None
            return False
        return True

    def _make_known(self, directory: str) -> None:
        self.make_directory(directory)
        if len(self._directories) >= _REMEMBERED:
            self._directories.clear()
        self._directories.add(directory)

    def replace(self, path: str, parts: Sequence[Buffer]) -> None:
        """Create a file of the parts, in the place of the one that stands."""
        flush = not self.anonymous  # a network file system shows to others what was flushed
        draft = self._named_draft("replace")
        try:
            write(draft.fd, parts)
            try:
                draft.replace(path, flush=flush)
            except FileNotFoundError:
                self.make_directory(os.path.dirname(path))
                draft.replace(path, flush=flush)
        finally:
            draft.close()

    def make_directory(self, path: str) -> None:
        """Make a directory, and what is missing above it. The root is for its owner alone.

        Whether something else has the name shows when the directory is used.
        """
        mode = 0o700 if path == self.root else 0o777
        try:
            os.mkdir(path, mode)
        except FileExistsError:
            return
        except FileNotFoundError:
            self.make_directory(os.path.dirname(path))
            with suppress(FileExistsError):
                os.mkdir(path, mode)


def _holds(path: str, parts: Sequence[Buffer]) -> bool | None:
    """Whether a file consists of the parts; ``None`` if there is none."""
    try:
        fd = os.open(path, OPENING)
    except FileNotFoundError:
        return None
    try:
        size = regular(os.fstat(fd)).st_size
        return size == sum(map(len, parts)) and all(_continues(fd, memoryview(part)) for part in parts)
    finally:
        close(fd)


def _continues(fd: int, part: memoryview) -> bool:
    """Whether the next bytes of a file are those of the part."""
    at = 0
    while at < len(part):
        stored = os.read(fd, min(_COMPARED, len(part) - at))
        if not stored or memoryview(stored) != part[at : at + len(stored)]:
            return False
        at += len(stored)
    return True
