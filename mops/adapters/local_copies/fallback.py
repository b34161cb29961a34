"""Copies where they should be, and where that cannot be, in a temporary folder.

Whoever reads a large value from a local root has one of these, and uses it for nothing: what it needs is imported late.
"""

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from mops.core.errors import StoreError
from mops.core.ports.blob_store import Buffer
from mops.core.ports.local_copies import Fill, LocalCopies

if TYPE_CHECKING:
    from mops.adapters.local_copies.standing import StandingCopies
    from mops.adapters.local_copies.temporary import TemporaryCopies

_FOREIGN: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
"""Errors of a folder that others may write, and this user may not."""

T = TypeVar("T")


class FallbackCopies(LocalCopies):
    """Standing copies; temporary ones while those cannot be had: a full disk, a folder of others, one without locks.

    Args:
        root: the folder where copies should be, absolute.
        limit: makes it a cache, and gives the bytes that it may take, see ``Bound``; ``None``: it lies beside a local
            root, which is as good to read from, and which this user may have to leave as it is.
        report: tells the user, once, that copies are elsewhere.
    """

    def __init__(self, root: str, limit: Callable[[], int | None] | None, report: Callable[[str], None]) -> None:
        self._root = root
        self._limit = limit
        self._report = report
        self._reported = False
        self._given_up = False
        self._standing: dict[str, StandingCopies] = {}  # one at most, as the next: a fork could find a lock locked
        self._temporary: dict[str, TemporaryCopies] = {}

    @property
    def caches_content(self) -> bool:
        """See the port."""
        return self._limit is not None

    def file(self, digest: bytes, size: int, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._try(lambda copies: copies.file(digest, size, name, fill))

    def directory(self, digest: bytes, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._try(lambda copies: copies.directory(digest, name, fill))

    def content(self, digest: bytes, size: int, fill: Fill, /) -> Buffer | None:
        """See the port."""
        return self._try(lambda copies: copies.content(digest, size, fill))

    def _try(self, ask: "Callable[[StandingCopies | TemporaryCopies], T]") -> T:
        if not self._given_up:
            try:
                return ask(self._where_they_should_be())
            except StoreError:
                raise  # some of which are an OSError, too
            except OSError as error:
                self._tell(error)
                self._given_up = isinstance(error, TimeoutError)  # every other copy would wait as long
        return ask(self._elsewhere())

    def _where_they_should_be(self) -> "StandingCopies":
        from mops.adapters.local_copies.standing import StandingCopies

        return self._standing.get("") or self._standing.setdefault("", StandingCopies(self._root, self._limit))

    def _elsewhere(self) -> "TemporaryCopies":
        from mops.adapters.local_copies.temporary import TemporaryCopies

        return self._temporary.get("") or self._temporary.setdefault("", TemporaryCopies())

    def _tell(self, error: OSError) -> None:
        if self._reported or (self._limit is None and error.errno in _FOREIGN):
            return
        self._reported = True
        self._report(
            f"what is fetched cannot be kept under {self._root}: {error.strerror or error}; until this process ends it "
            f"is kept in a temporary folder"
        )
