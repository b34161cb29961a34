"""A command of a fork server, as its orchestrator sees it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from mops.adapters.forwarding import Output
from mops.core.errors import ShellFailed
from mops.core.remote_output import crashed


class ForkedCommand(Future[None]):
    """Resolves when the command has ended; ``cancel`` stops it.

    Args:
        stop: asks the server to stop it.

    Attributes:
        output: what it prints.
        pid: of its process, once it is known.
    """

    def __init__(self, stop: Callable[[], bool]) -> None:
        super().__init__()
        self.output = Output()
        self.pid = 0
        self._stop = stop
        self._verdict: Callable[[], ShellFailed | None] | None = None
        self._silent = False
        self._lock = threading.Lock()
        self.set_running_or_notify_cancel()

    def cancel(self) -> bool:
        """Ask the command to stop; the server kills it if it does not."""
        return not self.done() and self._stop()

    def ended(self, exit_code: int) -> None:
        """Note how it ended. It resolves with the end of its output, or when nobody waits for that any longer."""
        self._judge(partial(self._by, exit_code))

    def failed(self, error: ShellFailed) -> None:
        """Resolve: what became of it will never be known."""
        self._judge(lambda: error)
        self.fell_silent()

    def fell_silent(self) -> None:
        """Note that there is no more output, or that it is no longer waited for."""
        self._silent = True
        self._resolve()

    def _judge(self, verdict: Callable[[], ShellFailed | None]) -> None:
        self._verdict = self._verdict or verdict
        self._resolve()

    def _resolve(self) -> None:
        with self._lock:
            if self._verdict is None or not self._silent or self.done():
                return
            error = self._verdict()
            if error is None:
                self.set_result(None)
            else:
                self.set_exception(error)

    def _by(self, exit_code: int) -> ShellFailed | None:
        return crashed(exit_code, self.output.last_words()) if exit_code else None
