"""The fork server: one thread that has forks of itself run the commands, and says how they ended.

It runs nothing of the user's: what it has imported is what every command finds imported, and no more. A fork that has
run a command, and was changed by nothing, is kept for the next one. The server ends when its orchestrator is gone and
its last command has ended.
"""

import os
import selectors
import signal
import socket
import sys
import time
import warnings
from contextlib import suppress
from typing import Final, NoReturn

import attrs

from mops.adapters.shells.fork_server.wire import (
    ENDED,
    REFUSED,
    STARTED,
    Report,
    Start,
    Stop,
    hear,
    receive,
    report,
    send,
)
from mops.adapters.shells.fork_server.worker import Serve, work

_GRACE: Final = 5.0
"""Seconds between the request to stop and the kill."""
_MOST_IDLE: Final = max(4, os.cpu_count() or 1)
"""Workers that wait for a command: as many as can be busy at once, and some whose functions wait for something."""
_CHUNK: Final = 65_536


@attrs.define(eq=False)
class _Worker:
    """A process that runs commands.

    Attributes:
        pid: of the process.
        connection: to it.
        path: the ``sys.path`` that it was forked with.
        environment: its variables.
        number: what the orchestrator calls its command; ``None`` while it is idle.
        kill_at: when it is killed, where it was asked to stop: then it is no more asked for anything else.
    """

    pid: int
    connection: socket.socket
    path: list[str]
    environment: dict[str, str]
    number: int | None = None
    kill_at: float | None = None


class ForkServer:
    """Forks on request.

    Args:
        connection: to the orchestrator.
        serve: what workers run remotes with.
    """

    def __init__(self, connection: socket.socket, serve: Serve) -> None:
        self._connection = connection
        self._serve = serve
        self._wakeup, self._waker = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, _Worker] = {}
        """Those whose end is not known yet, by their process ids."""
        self._idle: list[_Worker] = []
        """Those that wait for a command; last, the one that ran one last."""
        self._listens = True
        """Somebody may ask for something."""
        self._variables: dict[str, str] = {}
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        self._own_path = [entry for entry in sys.path if entry not in inherited]

    def run(self) -> None:
        """Serve until the orchestrator is gone and the last command has ended."""
        os.set_blocking(self._waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for source, attend in ((self._wakeup, self._reap), (self._connection, self._obey)):
            self._selector.register(source, selectors.EVENT_READ, attend)
        while self._listens or self._workers:
            for key, _ in self._selector.select(self._until_next_kill()):
                key.data()
            self._kill_late()

    # ------------------------------------------------------------------------------------------------ its orchestrator
    def _obey(self) -> None:
        """Do what is asked for; at the end of the orchestrator, wait for nothing but commands."""
        request = receive(self._connection)
        if isinstance(request, Start):
            self._start(request)
        elif isinstance(request, Stop):
            self._stop(request.number)
        else:
            self._listens = False
            self._selector.unregister(self._connection)
            for worker in self._idle[:]:
                self._dismiss(worker)

    def _start(self, request: Start) -> None:
        try:
            os.fchdir(request.folder)
            worker = self._hand_over(request)
        except OSError as error:
            report(self._connection, Report(request.number, REFUSED, error.errno or 0))
        else:
            report(self._connection, Report(request.number, STARTED, worker.pid))
        finally:
            os.close(request.output)
            os.close(request.folder)
            os.chdir("/")  # a server stays for longer than a folder may

    def _hand_over(self, request: Start) -> _Worker:
        """Have a worker run the command: one that is idle and was forked in the same place, or else a new one.

        Raises:
            OSError: the system refuses another process.
        """
        short = request._replace(path=[], environment={})  # of which the worker is there already
        for worker in reversed(self._idle):
            if worker.path == request.path and worker.environment == request.environment:
                self._idle.remove(worker)
                with suppress(OSError):  # it has died while it was idle
                    send(worker.connection, short)
                    worker.number = request.number
                    return worker
        worker = self._fork(request)
        worker.number = request.number
        with suppress(OSError):  # it has died already, which is said in a moment
            send(worker.connection, short)
        return worker

    def _stop(self, number: int) -> None:
        for worker in self._workers.values():
            if worker.number == number:
                os.kill(worker.pid, signal.SIGTERM)
                worker.kill_at = time.monotonic() + _GRACE

    def _until_next_kill(self) -> float | None:
        due = min((worker.kill_at for worker in self._workers.values() if worker.kill_at is not None), default=None)
        return None if due is None else max(0.0, due - time.monotonic())

    def _kill_late(self) -> None:
        for worker in self._workers.values():
            if worker.kill_at is not None and time.monotonic() >= worker.kill_at:
                worker.kill_at = None
                os.kill(worker.pid, signal.SIGKILL)

    # ------------------------------------------------------------------------------------------------ its workers
    def _hear(self, worker: _Worker) -> None:
        """Pass on that a command has ended, and keep its worker for the next one; or see that the worker ends."""
        news = hear(worker.connection)
        if news is None or worker.kill_at is not None or not self._listens:
            self._dismiss(worker)
        else:
            self._idle.append(worker)
        if news is not None:
            worker.number = None
            report(self._connection, news)
        if len(self._idle) > _MOST_IDLE:
            self._dismiss(self._idle[0])

    def _dismiss(self, worker: _Worker) -> None:
        """Ask it for nothing more: one that has nothing to do ends."""
        if worker in self._idle:
            self._idle.remove(worker)
        if worker.connection.fileno() >= 0:
            self._selector.unregister(worker.connection)
            worker.connection.close()

    def _reap(self) -> None:
        os.read(self._wakeup, _CHUNK)
        for worker in list(self._workers.values()):
            ended, status = os.waitpid(worker.pid, os.WNOHANG)
            if ended:
                if worker.number is not None and worker.connection.fileno() >= 0:
                    self._hear(worker)  # it may have died after its command did
                self._dismiss(worker)
                del self._workers[worker.pid]
                if worker.number is not None:
                    report(self._connection, Report(worker.number, ENDED, os.waitstatus_to_exitcode(status)))

    def _fork(self, request: Start) -> _Worker:
        self._move_to(request)
        ours, theirs = socket.socketpair()
        try:
            pid = _fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            ours.close()
            self._become(theirs, request)
        theirs.close()
        worker = self._workers[pid] = _Worker(pid, ours, request.path, request.environment)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(worker))
        return worker

    def _move_to(self, request: Start) -> None:
        """Be where the orchestrator was when it asked: its variables, its ``sys.path``.

        The server has no use for any of them itself, and what it has done, its forks need not do.
        """
        variables = {**request.environment, "PYTHONPATH": os.pathsep.join(request.path)}
        if variables != self._variables:
            os.environ.clear()
            os.environ.update(variables)
            time.tzset()
            self._variables = variables
        sys.path[:] = [*request.path, *(entry for entry in self._own_path if entry not in request.path)]

    def _become(self, connection: socket.socket, request: Start) -> NoReturn:
        """In the forked process: let go of what is the server's, and work. The request will come once more."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for descriptor in (self._wakeup, self._waker, request.output, request.folder):
                os.close(descriptor)
            for each in (self._connection, *(worker.connection for worker in self._workers.values())):
                each.close()
            work(connection, self._serve)
        finally:
            os._exit(1)


def _fork() -> int:
    """Fork, and let a library have threads that see to forks themselves."""
    if sys.version_info >= (3, 12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()
    return os.fork()
