"""The supervisor of a remote: beats, passes output on, and reaps the child that runs the user's function.

It stays single-threaded and touches nothing of the user's, so it sees a child that never lets go of the interpreter, is
killed, or kills itself. If the supervisor itself is killed, the child ends too.
"""

import os
import select
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from mops.core.blob_layout import Memo
from mops.core.claim import Epoch, Timing
from mops.core.effects import Effect
from mops.core.errors import RemoteCrashed
from mops.core.execute import adopt
from mops.core.publish import fail
from mops.core.remote_output import TAIL_LINES, describe_exit
from mops.runtime.inline import drive
from mops.runtime.session import Session

_CHUNK: Final = 65_536
_TERMINATED: Final = 143
"""Exit status of a remote that was told to stop, as a shell reports it."""


def supervise(
    memo: Memo,
    number: int,
    timing: Timing,
    session: Session,
    perform: Callable[[Effect], Any],
    adopted: Callable[[Epoch], None],
    serve: Callable[[Epoch], int],
) -> int:
    """Adopt an epoch, have a child serve it, and see to it that its outcome is known. Returns the exit status.

    Args:
        memo: whose epoch.
        number: of the epoch.
        timing: how long to wait for what.
        session: of this remote.
        perform: performs effects.
        adopted: called once the epoch is ours.
        serve: runs in the child; its exit status is 0 where the outcome is in the store.

    Raises:
        StoreError: the store could not be used.
    """
    epoch = drive(adopt(memo, number, timing), perform)
    if epoch is None:
        return 0
    adopted(epoch)
    child = _Child(lambda: serve(epoch))
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    child.watch(session.interval, session.beat)
    if child.terminated:
        session.depart()  # and no end: a replacement may adopt at once
        return _TERMINATED
    if child.exit_code != 0:
        drive(fail(memo, epoch, child.crash(), timing.first_look), perform)
    session.depart()
    return 0


class _Child:
    """The forked process that runs the user's function."""

    def __init__(self, serve: Callable[[], int]) -> None:
        self.exit_code: int | None = None
        self.terminated = False
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        output, errors, alive = os.pipe(), os.pipe(), os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become_child(output[1], errors[1], alive, serve)
        _lead_a_group(self.pid)
        for descriptor in (output[1], errors[1], alive[0]):
            os.close(descriptor)
        self._forward = {output[0]: 1, errors[0]: 2}

    def terminate(self) -> None:
        """Stop the child at once, and what it started: told to stop, a remote publishes nothing."""
        self.terminated = True
        for kill in (os.killpg, os.kill):  # the second for a system that refused it a group
            try:
                kill(self.pid, signal.SIGKILL)
            except OSError:
                pass  # it has ended

    def watch(self, interval: float, beat: Callable[[], None]) -> None:
        """Beat and forward output until the child has ended."""
        wakeup, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        due = time.monotonic() + interval / 10  # a call of a second needs no heartbeat
        while self.exit_code is None and not self._has_ended():
            ready, _, _ = select.select([wakeup, *self._forward], [], [], max(0.0, due - time.monotonic()))
            if wakeup in ready:
                os.read(wakeup, _CHUNK)
            self._pass_on(ready)
            if time.monotonic() >= due:
                beat()
                due = time.monotonic() + interval
        while self._forward and (ready := select.select(list(self._forward), [], [], 0)[0]):
            self._pass_on(ready)

    def crash(self) -> RemoteCrashed:
        """The error that says how the child died, with its last words."""
        assert self.exit_code is not None
        tail = b"".join(self._tail).decode(errors="replace").rstrip()
        message = f"the process that ran the function ended with {describe_exit(self.exit_code)}, without an outcome"
        return RemoteCrashed(message + (f"; its last words:\n{tail}" if tail else ""), exit_code=self.exit_code)

    def _has_ended(self) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.exit_code = os.waitstatus_to_exitcode(status)
        return bool(pid)

    def _pass_on(self, ready: list[int]) -> None:
        for descriptor in ready:
            target = self._forward.get(descriptor)
            if target is None:
                continue
            data = os.read(descriptor, _CHUNK)
            if not data:
                del self._forward[descriptor]
                os.close(descriptor)
                continue
            self._tail.extend(data.splitlines(keepends=True))
            try:
                while data:
                    data = data[os.write(target, data) :]
            except OSError:
                pass  # nobody reads it: losing output never fails a call


def _lead_a_group(pid: int) -> None:
    """Give the child a group of its own: asked for on both sides of the fork, as nobody knows which one runs first."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # it leads one already, or has ended


def _become_child(output: int, errors: int, alive: tuple[int, int], serve: Callable[[], int]) -> None:
    """In the child: take its place, serve, and never return."""
    status = 1
    try:
        _lead_a_group(os.getpid())
        os.close(alive[1])
        os.dup2(output, 1)
        os.dup2(errors, 2)
        threading.Thread(target=_end_with_supervisor, args=(alive[0],), name="mops-supervisor", daemon=True).start()
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        status = serve()
    except BaseException:  # noqa: BLE001 - whatever it is, the supervisor must hear of it
        import traceback

        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _end_with_supervisor(alive: int) -> None:
    """Nobody writes to this pipe: its end is the end of the supervisor."""
    os.read(alive, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)
