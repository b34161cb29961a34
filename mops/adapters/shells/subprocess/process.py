"""A command as a child of this process."""

import os
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from mops.adapters.forwarding import Output, path_of_this_process
from mops.core.errors import ShellFailed
from mops.core.remote_output import crashed

_GRACE: float = 5.0
"""Seconds between the request to stop and the kill."""
_LAST_WORDS: float = 1.0
"""Seconds to wait for output after a command has ended: a process that it left behind may hold the pipe open."""


def start(argv: Sequence[str]) -> Future[None]:
    """Start a command as a child of this process, with its ``sys.path`` and working directory.

    Raises:
        ShellFailed: the process could not be started.
    """
    path = os.pathsep.join(path_of_this_process())
    try:
        process = subprocess.Popen(
            [argv[0], "-P", *argv[1:]],  # -P: the working directory comes from our path alone
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path},
            process_group=0,  # Ctrl-C is for the orchestrator, which decides
        )
    except OSError as error:
        raise ShellFailed(f"cannot start {argv[0]}: {error}") from error
    return ProcessFuture(process)


class ProcessFuture(Future[None]):
    """Resolves when the process has ended; ``cancel`` stops it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self._process = process
        self._output = Output()
        self.set_running_or_notify_cancel()
        self._reader = threading.Thread(target=self._forward, name="mops-output", daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, name="mops-process", daemon=True).start()

    def cancel(self) -> bool:
        """Ask the process to stop, and kill it if it does not."""
        if self._process.poll() is not None:
            return False
        self._process.terminate()
        threading.Thread(target=self._kill_late, name="mops-kill", daemon=True).start()
        return True

    def _kill_late(self) -> None:
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _forward(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._output.take(line)
        self._output.end()

    def _watch(self) -> None:
        exit_code = self._process.wait()
        self._reader.join(_LAST_WORDS)
        if exit_code == 0:
            self.set_result(None)
        else:
            self.set_exception(crashed(exit_code, self._output.last_words()))
