"""Copies where they should be, and where that cannot be, in a temporary folder."""

import errno
from collections.abc import Callable
from typing import Final, TypeVar

from mops.adapters.local_copies.standing import StandingCopies
from mops.adapters.local_copies.temporary import TemporaryCopies
from mops.core.errors import StoreError
from mops.core.ports.blob_store import Buffer
from mops.core.ports.local_copies import Fill, LocalCopies

FOREIGN: Final = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))
"""Errors of a folder that others may write, and this user may not."""

T = TypeVar("T")


class FallbackCopies(LocalCopies):
    """Standing copies; temporary ones while those cannot be had: a full disk, a folder of others, one without locks.

    Args:
        standing: where copies should be.
        report: tells the user, once, that they are elsewhere.
        expected: errors that are no news.
    """

    def __init__(
        self, standing: StandingCopies, report: Callable[[str], None], expected: frozenset[int] = frozenset()
    ) -> None:
        self._standing = standing
        self._temporary = TemporaryCopies()
        self._report = report
        self._expected = expected
        self._reported = False
        self._given_up = False

    @property
    def caches_content(self) -> bool:
        """See the port."""
        return self._standing.caches_content

    def file(self, digest: bytes, size: int, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._try(lambda copies: copies.file(digest, size, name, fill))

    def directory(self, digest: bytes, name: str, fill: Fill, /) -> str | None:
        """See the port."""
        return self._try(lambda copies: copies.directory(digest, name, fill))

    def content(self, digest: bytes, size: int, fill: Fill, /) -> Buffer | None:
        """See the port."""
        return self._try(lambda copies: copies.content(digest, size, fill))

    def _try(self, ask: Callable[[LocalCopies], T]) -> T:
        if not self._given_up:
            try:
                return ask(self._standing)
            except StoreError:
                raise
            except OSError as error:
                self._tell(error)
                self._given_up = isinstance(error, TimeoutError)  # every other copy would wait as long
        return ask(self._temporary)

    def _tell(self, error: OSError) -> None:
        if not self._reported and error.errno not in self._expected:
            self._reported = True
            self._report(
                f"what is fetched cannot be kept under {self._standing.root}: {error.strerror or error}; until this "
                f"process ends it is kept in a temporary folder"
            )
