"""The fork server: one thread that forks a process for each command, and says how it ended.

It runs nothing of the user's: what it has imported is what every command finds imported, and no more. It ends when its
orchestrator is gone and its last command has ended.
"""

import os
import select
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from mops.adapters.shells.fork_server.wire import ENDED, REFUSED, STARTED, Report, Start, Stop, receive, report

_GRACE: Final = 5.0
"""Seconds between the request to stop and the kill."""
_CHUNK: Final = 65_536


class ForkServer:
    """Forks on request.

    Args:
        connection: to the orchestrator.
        serve: runs what follows ``python -m mops remote`` in the forked process; returns its exit status.
    """

    def __init__(self, connection: socket.socket, serve: Callable[[Sequence[str]], int]) -> None:
        self._connection = connection
        self._serve = serve
        self._wakeup, self._waker = os.pipe()
        self._numbers: dict[int, int] = {}
        """Process ids of the commands that run, and what the orchestrator calls them."""
        self._variables: dict[str, str] = {}
        self._kills: dict[int, float] = {}
        """Process ids of the commands that were asked to stop, and when that request runs out."""
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        self._own_path = [entry for entry in sys.path if entry not in inherited]

    def run(self) -> None:
        """Serve until the orchestrator is gone and the last command has ended."""
        os.set_blocking(self._waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        sources: list[int | socket.socket] = [self._wakeup, self._connection]
        while self._connection in sources or self._numbers:
            ready, _, _ = select.select(sources, [], [], self._until_next_kill())
            if self._wakeup in ready:
                os.read(self._wakeup, _CHUNK)
                self._reap()
            if self._connection in ready and not self._obey(receive(self._connection)):
                sources.remove(self._connection)
            self._kill_late()

    # ------------------------------------------------------------------------------------------------ the server
    def _obey(self, request: Start | Stop | None) -> bool:
        """Do what was asked for; ``False`` where the orchestrator is gone."""
        if isinstance(request, Start):
            self._fork(request)
        elif isinstance(request, Stop):
            self._stop(request.number)
        return request is not None

    def _fork(self, request: Start) -> None:
        pid = -1
        try:
            self._move_to(request)
            pid = _fork()
        except OSError as error:
            report(self._connection, Report(request.number, REFUSED, error.errno or 0))
        if pid == 0:
            self._become(request)
        os.close(request.output)
        os.close(request.folder)
        os.chdir("/")  # a server stays for longer than a folder may
        if pid > 0:
            self._numbers[pid] = request.number
            report(self._connection, Report(request.number, STARTED, pid))

    def _move_to(self, request: Start) -> None:
        """Be where the orchestrator was when it asked: its folder, its variables, its ``sys.path``.

        The server has no use for any of them itself, and what it has done, its forks need not do.
        """
        os.fchdir(request.folder)
        variables = {**request.environment, "PYTHONPATH": os.pathsep.join(request.path)}
        if variables != self._variables:
            os.environ.clear()
            os.environ.update(variables)
            time.tzset()
            self._variables = variables
        sys.path[:] = [*request.path, *(entry for entry in self._own_path if entry not in request.path)]

    def _stop(self, number: int) -> None:
        for pid, known in self._numbers.items():
            if known == number:
                os.kill(pid, signal.SIGTERM)
                self._kills[pid] = time.monotonic() + _GRACE

    def _until_next_kill(self) -> float | None:
        return max(0.0, min(self._kills.values()) - time.monotonic()) if self._kills else None

    def _kill_late(self) -> None:
        for pid, due in list(self._kills.items()):
            if time.monotonic() >= due:
                del self._kills[pid]
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid in list(self._numbers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._kills.pop(pid, None)
                number = self._numbers.pop(pid)
                report(self._connection, Report(number, ENDED, os.waitstatus_to_exitcode(status)))

    # ------------------------------------------------------------------------------------------------ its forks
    def _become(self, request: Start) -> NoReturn:
        """In the forked process: run the command, and never return."""
        status = 1
        try:
            os.setpgid(0, 0)  # Ctrl-C is for the orchestrator, which decides
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (self._connection.detach(), self._wakeup, self._waker):
                os.close(descriptor)
            for target in (1, 2):
                os.dup2(request.output, target)
            for descriptor in (request.output, request.folder):
                os.close(descriptor)
            numpy_random = sys.modules.get("numpy.random")
            if numpy_random is not None:
                numpy_random.seed()  # `random` does this by itself
            status = self._execute(request.argv)
        except BaseException:  # noqa: BLE001 - whatever it is, its traceback is the last words of the command
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)

    def _execute(self, argv: list[str]) -> int:
        """Run a remote in this very process; anything else takes its place."""
        if argv[:4] == [sys.orig_argv[0], "-m", "mops", "remote"]:
            sys.argv[1:] = argv[3:]
            return self._serve(argv[4:])
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, for itself alone
            signal.signal(ignored, signal.SIG_DFL)
        # -P: the working directory comes from our path alone
        return os.execvp(argv[0], [argv[0], "-P", *argv[1:]])  # noqa: S606 - a command, no shell


def _fork() -> int:
    """Fork, and let a library have threads that see to forks themselves."""
    if sys.version_info >= (3, 12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()
    return os.fork()
