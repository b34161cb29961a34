"""The orchestrator's side of its fork servers: starting them, asking them, and hearing what they say.

A server has two threads here, however many commands it runs: one hears its reports, one passes on what commands print.
They are two, so that a standard error that takes no more holds up no call.
"""

import atexit
import fcntl
import itertools
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from mops.adapters.forwarding import Output, path_of_this_process
from mops.adapters.shells.fork_server.command import ForkedCommand
from mops.adapters.shells.fork_server.outputs import Outputs
from mops.adapters.shells.fork_server.wire import (
    ENDED,
    STARTED,
    UNFIT,
    Report,
    Start,
    Stop,
    folder_of_this_process,
    reports,
    send,
)
from mops.core.errors import ShellFailed
from mops.core.remote_output import describe_exit

_LAST_WORDS: Final = 1.0
"""Seconds to wait for output after a command has ended: a process that it left behind may hold the pipe open."""
_CONNECTION: Final = 3
"""Number of the descriptor that a server finds its socket at."""


class Server:
    """One fork server. ``start`` is called under the lock of its Shells; the rest by any thread.

    Attributes:
        alive: it may be asked.
    """

    def __init__(self, preload: Sequence[str]) -> None:
        self.alive = True
        self._preload = preload
        self._buried = threading.Event()
        self._refusal = ""
        self._numbers = itertools.count()
        self._commands: dict[int, ForkedCommand] = {}
        self._last_words: deque[tuple[float, ForkedCommand]] = deque()
        self._sending = threading.Lock()
        self._outputs = Outputs()
        self._output, self._silent = Output(), threading.Event()
        self._connection, theirs = socket.socketpair()
        reading, writing = os.pipe()
        try:
            self._pid = _spawn(preload, theirs.fileno(), writing)
        except OSError:
            self._connection.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        self._outputs.add(reading, self._output, self._silent.set)
        self._listener = threading.Thread(target=self._listen, name="mops-fork-server", daemon=True)
        self._listener.start()

    def start(self, argv: Sequence[str]) -> ForkedCommand | None:
        """Start a command; ``None`` where the server is gone.

        Raises:
            OSError: this process has no descriptors left.
        """
        number = next(self._numbers)
        command = ForkedCommand(partial(self._stop, number))
        folder = folder_of_this_process()
        reading, writing = os.pipe()
        self._commands[number] = command
        try:
            self._send(Start(number, list(argv), path_of_this_process(), dict(os.environ), writing, folder))
        except OSError:
            self.alive = False
            del self._commands[number]
            os.close(reading)
            return None
        finally:
            os.close(writing)
            os.close(folder)
        self._outputs.add(reading, command.output, command.fell_silent)
        return command

    def refusal(self) -> str:
        """Why no server can preload these modules; nothing where this one has not ended, or by something else."""
        if not self.alive:
            self._buried.wait(2 * _LAST_WORDS)
        return self._refusal

    def dismiss(self) -> None:
        """At the end of this process: a server with nothing to do is asked no more, ends at once, and is waited for.

        One that runs commands may yet be asked to stop them, and sees the end of this process by itself.
        """
        if not self._commands:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
            self._listener.join(_LAST_WORDS)

    def abandon(self) -> None:
        """In a forked child: let go of what belongs to the parent."""
        self._connection.close()
        self._outputs.abandon()

    def _send(self, request: Start | Stop) -> None:
        with self._sending:
            send(self._connection, request)

    def _stop(self, number: int) -> bool:
        try:
            self._send(Stop(number))
        except OSError:
            return False  # and the command has failed, or will in a moment
        return True

    # ------------------------------------------------------------------------------------------------ what it says
    def _listen(self) -> None:
        for several in reports(self._connection, self._until_silence):
            for report in several:
                self._hear(report)
            now = time.monotonic()
            while self._last_words and self._last_words[0][0] <= now:
                self._last_words.popleft()[1].fell_silent()
        self._bury()

    def _hear(self, report: Report) -> None:
        if report.kind == STARTED:
            self._commands[report.number].pid = report.value
            return
        command = self._commands.pop(report.number)
        if report.kind == ENDED:
            command.ended(report.value)
            self._last_words.append((time.monotonic() + _LAST_WORDS, command))
        else:
            command.failed(ShellFailed(f"the fork server could not start it: {os.strerror(report.value)}"))

    def _until_silence(self) -> float | None:
        while self._last_words and self._last_words[0][1].done():
            self._last_words.popleft()
        return max(0.0, self._last_words[0][0] - time.monotonic()) if self._last_words else None

    def _bury(self) -> None:
        """The server has ended: stop what it ran, and say so."""
        self.alive = False
        self._connection.close()
        for _, command in self._last_words:
            command.fell_silent()
        for command in self._commands.values():
            if command.pid:
                with suppress(ProcessLookupError):
                    os.kill(command.pid, signal.SIGTERM)
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            how = describe_exit(status)
        except ChildProcessError:
            status, how = 0, "an exit status that somebody else has read"
        self._silent.wait(_LAST_WORDS)
        last_words = self._output.last_words()
        message = f"the fork server ended with {how}" + (f"; its last words:\n{last_words}" if last_words else "")
        if status == UNFIT:
            self._refusal = f"no call can start with preload={list(self._preload)}:\n{last_words}"
        self._buried.set()
        for command in self._commands.values():
            command.failed(_unfit(self._refusal) if self._refusal else ShellFailed(message))


def _unfit(refusal: str) -> ShellFailed:
    """The error of a call whose server refuses its modules: no repetition mends that."""
    advice = "change preload=, or the modules, and start this program again"
    error = ShellFailed(refusal, advice=advice)
    error.kind = "user"
    return error


def _spawn(preload: Sequence[str], connection: int, output: int) -> int:
    """Start a server; its process id."""
    lifted = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (connection, output)]  # no target is a source
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "mops", "fork-server", str(_CONNECTION), *preload],
            {**os.environ, "PYTHONPATH": os.pathsep.join(path_of_this_process())},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, lifted[0], _CONNECTION),
                (os.POSIX_SPAWN_DUP2, lifted[1], 1),
                (os.POSIX_SPAWN_DUP2, lifted[1], 2),
            ],
            setpgroup=0,  # Ctrl-C is for the orchestrator, which decides
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
    finally:
        for each in lifted:
            os.close(each)


_servers: Final[dict[tuple[object, ...], Server]] = {}
"""By what they have preloaded, and by the variables that an interpreter reads at its start."""


def start(argv: Sequence[str], preload: tuple[str, ...]) -> ForkedCommand:
    """Start a command as a fork of the server of this process that has these modules, which is started if need be.

    Raises:
        ShellFailed: neither could be.
    """
    settings = tuple(sorted(item for item in os.environ.items() if item[0].startswith("PYTHON")))
    key = (preload, settings)
    try:
        for _ in range(2):  # a server may have ended unnoticed
            server = _servers.get(key)
            if server is not None and (refusal := server.refusal()):
                raise _unfit(refusal)
            if server is None or not server.alive:
                server = _servers[key] = Server(preload)
            command = server.start(argv)
            if command is not None:
                return command
    except OSError as error:
        raise ShellFailed(f"cannot start a fork server, or a command of it: {error}") from error
    raise ShellFailed("the fork server ended before it could be asked")


@atexit.register
def _dismiss_all() -> None:
    for server in _servers.values():
        server.dismiss()


def _abandon_all() -> None:
    for server in _servers.values():
        server.abandon()
    _servers.clear()


os.register_at_fork(after_in_child=_abandon_all)
