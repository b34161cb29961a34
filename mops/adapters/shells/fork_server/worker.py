"""A worker: a fork of the server that runs one command after the other, and nothing of the user's itself.

The user's function runs in a fork that the command makes for it. So a worker has nothing to pass on from one command to
the next; one that has loaded a module or started a thread on the way ends all the same.
"""

import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, TypeAlias

from mops.adapters.shells.fork_server.wire import ENDED, Report, Start, receive, report

Serve: TypeAlias = Callable[[Sequence[str]], int]
"""Runs what follows ``python -m mops remote`` in this very process; returns its exit status."""

_NOBODY: Final = 0
"""The descriptor that an idle worker prints to: its standard input, which takes nothing."""


def work(connection: socket.socket, serve: Serve) -> NoReturn:
    """Run what the server asks for until it asks no more, and never return.

    Args:
        connection: to the server, which hears the end of a command as a report, or as the end of this process.
        serve: runs a remote.
    """
    status = 1
    try:
        os.setpgid(0, 0)  # Ctrl-C is for the orchestrator, which decides
        os.register_at_fork(after_in_child=connection.close)  # it is not the function's
        preloaded = frozenset(sys.modules)
        while isinstance(request := receive(connection), Start):
            status = _run(request, serve)
            if status or sys.modules.keys() != preloaded or threading.active_count() > 1:
                break
            _fall_silent()
            report(connection, Report(request.number, ENDED, status))
    except BaseException:  # noqa: BLE001 - whatever it is, its traceback is the last words of the command
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _run(request: Start, serve: Serve) -> int:
    """Run a remote in this very process; anything else takes its place."""
    os.fchdir(request.folder)
    for target in (1, 2):
        os.dup2(request.output, target)
    for descriptor in (request.output, request.folder):
        os.close(descriptor)
    argv = request.argv
    if argv[:4] != [sys.orig_argv[0], "-m", "mops", "remote"]:
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, for itself alone
            signal.signal(ignored, signal.SIG_DFL)
        # -P: the working directory comes from our path alone
        os.execvp(argv[0], [argv[0], "-P", *argv[1:]])  # noqa: S606 - a command, no shell
    sys.argv[1:] = argv[3:]
    sys.path_importer_cache.clear()  # it remembers what was in folders that change
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()  # `random` does this by itself
    return serve(argv[4:])


def _fall_silent() -> None:
    """Hold nothing of the command that has ended: neither its output, nor its folder."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for target in (1, 2):
        os.dup2(_NOBODY, target)
    os.chdir("/")
