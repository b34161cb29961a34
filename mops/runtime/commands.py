"""Commands: what a Shell started for one epoch, and how it fares."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future

from mops.core.effects import Job
from mops.core.errors import ShellFailed
from mops.core.ports.shell import Shell
from mops.core.remote_output import advice_for


class Command:
    """One running command. A Shell that blocks has a thread for it, and never one of the I/O pool.

    Args:
        shell: starts it.
        argv: the complete command.
        news: called, from any thread, when ``job()`` has changed.
        ended: called once, from any thread, when the command is over.
    """

    def __init__(
        self, shell: Shell, argv: Sequence[str], news: Callable[[], None], ended: Callable[[], None]
    ) -> None:  # fmt: skip
        self._shell = shell
        self._argv = argv
        self._news = news
        self._ended = ended
        self._future: Future[None] | None = None
        self._over = False
        self._stopped = False
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._start, name="mops-command", daemon=True).start()

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
        if future is not None:
            future.cancel()

    def _start(self) -> None:
        try:
            future = self._shell(self._argv)
        except BaseException as error:  # noqa: BLE001 - a Shell may raise anything, and the call must hear of it
            self._finish(error)
            return
        if not isinstance(future, Future):
            self._finish(None)
            return
        with self._lock:
            self._future = future
            stopped = self._stopped
        future.add_done_callback(self._done)
        if stopped:
            future.cancel()

    def _done(self, future: Future[None]) -> None:
        try:
            self._finish(future.exception())
        except CancelledError:
            self._finish(ShellFailed("the command was cancelled"))

    def _finish(self, error: BaseException | None) -> None:
        self._error = error if error is None or isinstance(error, ShellFailed) else _foreign(error)
        self._over = True
        self._ended()
        self._news()


def _foreign(error: BaseException) -> ShellFailed:
    """A Shell's own exception as ours, its ``kind`` kept."""
    output = [str(getattr(error, stream, "")) for stream in ("stdout", "stderr")]  # of a CalledProcessError
    failed = ShellFailed(f"{type(error).__name__}: {error}", advice=advice_for("\n".join([str(error), *output])))
    failed.__cause__ = error
    if hasattr(error, "kind"):
        failed.kind = error.kind  # type: ignore[misc]
    return failed
