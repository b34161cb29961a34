"""Which calls this context is executing: so that none of them waits for itself."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final, final

from mops.core.blob_layout import Memo, describe_folder
from mops.core.errors import RecursiveCallError
from mops.runtime.world import World


@final
class Served:
    """A call that is being executed.

    Attributes:
        folder: of its memo.
        entered: the function itself runs; otherwise, the first call through the decorator is the execution.
        world: the root that it is of, where it is this process that executes it.
        run: what is known of the files that it produces, once it produces any.
    """

    __slots__ = ("entered", "folder", "run", "world")

    def __init__(self, folder: str, *, entered: bool, world: World | None = None) -> None:
        self.folder = folder
        self.entered = entered
        self.world = world
        self.run: Any = None


_of_process: Final[list[Served]] = []
"""What every thread of this process works for, whatever its context: nothing, but in a remote."""

SERVING: Final[ContextVar[Sequence[Served]]] = ContextVar("mops_serving", default=_of_process)
"""Outermost first."""


def serve_throughout(serving: Sequence[Served]) -> None:
    """Have all threads of this process, from here on, execute these calls: it was started for nothing else."""
    _of_process[:] = serving


@final
class _Mode:
    """How this process runs calls.

    Attributes:
        plainly: as if mops were not there.
    """

    plainly = False


def run_everything_plainly() -> None:
    """Have all calls of this process, by whatever thread, run as if mops were not there, from here on."""
    _Mode.plainly = True


def running_call() -> Served | None:
    """The innermost call that this context is executing; ``None`` where there is none, or mops is bypassed."""
    serving = SERVING.get()
    return serving[-1] if serving and not _Mode.plainly else None


def is_being_served(memo: Memo) -> bool:
    """Whether a call is the very execution that this context was started for, and is to be run plainly.

    Raises:
        RecursiveCallError: it is being executed already, and would wait for itself.
    """
    serving = SERVING.get()
    if not serving or _Mode.plainly:
        return _Mode.plainly
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
