"""Commands: what a Shell started for one epoch, and how it fares."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Final

from mops.core.answers import Job
from mops.core.errors import KINDS, MopsError, ShellFailed
from mops.core.ports.shell import Shell, SupportsAttach
from mops.core.remote_output import advice_for

STOPPING: Final[set["Command"]] = set()
"""Commands that were asked to stop, and are not over."""


class Command:
    """One running command.

    Args:
        news: called, from any thread, when ``job()`` has changed.
        ended: called once, from any thread, when the command is over.
    """

    def __init__(self, news: Callable[[], None], ended: Callable[[], None]) -> None:
        self._news = news
        self._ended = ended
        self._future: Future[None] | None = None
        self._over = False
        self._stopped = False
        self._error: BaseException | None = None
        self._lock = threading.Lock()

    @classmethod
    def started(
        cls, shell: Shell, argv: Sequence[str], news: Callable[[], None], ended: Callable[[], None]
    ) -> "Command":  # fmt: skip
        """Start a command."""
        command = cls(news, ended)
        command.start(shell, argv)
        return command

    @classmethod
    def attached(cls, shell: SupportsAttach, argv: Sequence[str], news: Callable[[], None]) -> "Command | None":
        """Find a command that an earlier process started; ``None`` where there is none, or the Shell cannot tell."""
        try:
            future = shell.attach(argv)
        except Exception:  # noqa: BLE001 - whatever an engine says: then the epoch is taken over, as without a Shell
            return None
        if future is None:
            return None
        command = cls(news, _nothing)
        command.follow(future)
        return command

    def start(self, shell: Shell, argv: Sequence[str]) -> None:
        """Have the Shell start it. A Shell that blocks has a thread for it, and never one of the I/O pool."""
        threading.Thread(target=self._start, args=(shell, argv), name="mops-command", daemon=True).start()

    def follow(self, future: Future[None]) -> None:
        """Watch what a Shell has started."""
        with self._lock:
            self._future = future
            stopped = self._stopped
        future.add_done_callback(self._done)
        if stopped:
            future.cancel()

    def fail(self, error: BaseException) -> None:
        """Note that it could not be started, or has failed."""
        self._finish(error)

    @property
    def is_taken(self) -> bool:
        """Whether the Shell has taken it, and sees to it without this process's doing."""
        return self._future is not None

    def job(self) -> Job:
        """How the command fares now."""
        future = self._future
        started = self._over or future is None or future.running()
        return Job(started=started, ended=self._over, error=self._error)

    def stop(self) -> None:
        """Stop the command, where the Shell can."""
        with self._lock:
            self._stopped = True
            future = self._future
            if not self._over:
                STOPPING.add(self)
        if future is not None:
            future.cancel()

    def _start(self, shell: Shell, argv: Sequence[str]) -> None:
        try:
            future = shell(argv)
        except BaseException as error:  # noqa: BLE001 - a Shell may raise anything, and the call must hear of it
            self.fail(error)
            return
        if isinstance(future, Future):
            self.follow(future)
        else:
            self._finish(None)

    def _done(self, future: Future[None]) -> None:
        try:
            self._finish(future.exception())
        except CancelledError:
            self._finish(ShellFailed("the command was cancelled"))

    def _finish(self, error: BaseException | None) -> None:
        self._error = error if error is None or isinstance(error, MopsError) else _foreign(error)
        with self._lock:
            self._over = True
            STOPPING.discard(self)
        self._ended()
        self._news()


def _nothing() -> None:
    pass


def _foreign(error: BaseException) -> ShellFailed:
    """A Shell's own exception as ours, its ``kind`` kept."""
    output = [str(getattr(error, stream, "")) for stream in ("stdout", "stderr")]  # of a CalledProcessError
    failed = ShellFailed(f"{type(error).__name__}: {error}", advice=advice_for("\n".join([str(error), *output])))
    failed.__cause__ = error
    kind = getattr(error, "kind", None)
    if kind in KINDS:
        failed.kind = kind
    return failed
