"""Transfers that nobody follows."""

from contextlib import AbstractContextManager, nullcontext
from typing import Final, final

from mops.core.ports.transfers import Advance, Transfers


@final
class Unwatched(Transfers):
    """Nobody is told. Remotes have it, and whatever has no terminal of its own."""

    def begin(self, _name: str, _total: int | None, /) -> AbstractContextManager[Advance | None]:
        """As the port says."""
        return UNTOLD


UNTOLD: Final[AbstractContextManager[Advance | None]] = nullcontext()
"""A transfer that nobody wants to know of."""
UNWATCHED: Final = Unwatched()
