"""Which calls this context is executing: so that none of them waits for itself."""

from contextvars import ContextVar
from typing import Final, final

from mops.core.blob_layout import Memo, describe_folder
from mops.core.errors import RecursiveCallError


@final
class Served:
    """A call that is being executed.

    Attributes:
        folder: of its memo.
        entered: the function itself runs; otherwise, the first call through the decorator is the execution.
    """

    __slots__ = ("entered", "folder")

    def __init__(self, folder: str, *, entered: bool) -> None:
        self.folder = folder
        self.entered = entered


SERVING: Final[ContextVar[tuple[Served, ...]]] = ContextVar("mops_serving", default=())
"""Outermost first."""


def is_being_served(memo: Memo) -> bool:
    """Whether a call is the very execution that this context was started for, and is to be run plainly.

    Raises:
        RecursiveCallError: it is being executed already, and would wait for itself.
    """
    serving = SERVING.get()
    if not serving:
        return False
    # Another process may fingerprint the same code differently; function, pipeline and arguments say enough.
    function, _, digest = _identity(memo.folder)
    for served in serving:
        if (function, digest) == _identity(served.folder)[::2]:
            if served.entered:
                raise RecursiveCallError(
                    "the call is inside of itself: it would wait for its own result",
                    function=describe_folder(memo.folder)[1],
                )
            served.entered = True
            return True
    return False


def _identity(folder: str) -> tuple[str, str, str]:
    function, fingerprint, digest = folder.rsplit("/", 2)
    return function, fingerprint, digest
