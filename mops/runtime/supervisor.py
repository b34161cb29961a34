"""The supervisor of a remote: beats, passes output on, and reaps the child that runs the user's function.

It stays single-threaded and touches nothing of the user's, so it sees a child that never lets go of the interpreter, is
killed, or kills itself. If the supervisor itself is killed, the child ends too.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from mops.core.blob_layout import Memo
from mops.core.claim import Epoch, read_log
from mops.core.effects import Effect
from mops.core.errors import RemoteCrashed, RunTimeout, ShellFailed, StoreError
from mops.core.execute import adopt
from mops.core.publish import fail
from mops.core.remote_output import TAIL_LINES, describe_exit, starved
from mops.core.timing import Timing
from mops.runtime import memory
from mops.runtime.child import Child
from mops.runtime.inline import drive
from mops.runtime.output import OutputKeeper
from mops.runtime.session import Session

_TERMINATED: Final = 143
"""Exit status of a remote that was told to stop, as a shell reports it."""


def supervise(
    memo: Memo,
    number: int,
    timing: Timing,
    session: Session,
    perform: Callable[[Effect], Any],
    adopted: Callable[[Epoch], float | None],
    serve: Callable[[Epoch, Callable[[], None]], int],
    ended: Callable[[], None],
) -> int:
    """Adopt an epoch, have a child serve it, and see to it that its outcome is known. Returns the exit status.

    Args:
        memo: whose epoch.
        number: of the epoch.
        timing: how long to wait for what.
        session: of this remote.
        perform: performs effects.
        adopted: called once the epoch is ours; the seconds that its function may run.
        serve: runs in the child, and calls what it is given when the function has returned; its exit status is 0 where
            the outcome is in the store.
        ended: called when the child has ended, before its failure can be seen: who sees one stops this process.

    Raises:
        StoreError: the store could not be used.
    """
    epoch = drive(adopt(memo, number, timing), perform)
    if epoch is None:
        return 0
    run_timeout = adopted(epoch)
    with closing(Child(lambda returned: serve(epoch, returned))) as child:
        watch = _Watch(child, OutputKeeper(memo, epoch, perform), run_timeout)
        with _signals(watch.terminate) as wakeup:
            watch.until_it_has_ended(wakeup, session.interval, session.beat, lambda: _is_over(memo, epoch, perform))
            ended()
            if watch.terminated:
                session.depart()  # and no end: a replacement may adopt at once
                return _TERMINATED
            if watch.unwanted:
                session.depart()
                return 0
            failure = watch.failure()
            if failure is not None:
                drive(fail(memo, epoch, failure, timing.first_look), perform)
            if session.has_beaten or not watch.returned:  # else the epoch is over, and nobody has heard of the session
                session.depart()
            return 0


def _is_over(memo: Memo, epoch: Epoch, perform: Callable[[Effect], Any]) -> bool:
    """Whether somebody else has ended our epoch. A store that does not answer is asked at the next beat."""
    try:
        drive(read_log(memo, epoch, 0.0), perform)
    except StoreError:
        return False
    return epoch.end is not None


class _Watch:
    """The watch over one child, from its start to its end.

    Attributes:
        terminated: the remote was told to stop, and publishes nothing.
        unwanted: the epoch was ended from outside while the function ran: nobody waits for its outcome.
        returned: the function has returned; the child then published what it came to, or has not ended with 0.
    """

    def __init__(self, child: Child, output: OutputKeeper, run_timeout: float | None) -> None:
        self.terminated = False
        self.unwanted = False
        self.returned = False
        self._child = child
        self._output = output
        self._run_timeout = run_timeout
        self._deadline = float("inf") if run_timeout is None else time.monotonic() + run_timeout
        self._stack: tuple[str, ...] | None = None
        self._starved = memory.killed_for_lack_of_it()

    def terminate(self) -> None:
        """Stop the child at once, and what it started. Called by a signal."""
        self.terminated = True
        self._child.kill()

    def until_it_has_ended(
        self, wakeup: int, interval: float, beat: Callable[[], float], is_over: Callable[[], bool]
    ) -> None:
        """Beat, pass output on and keep it, and stop a function that runs for too long, or for nobody.

        Args:
            wakeup: can be read when the child has ended.
            interval: seconds between two beats.
            beat: writes one; the seconds until the next is due.
            is_over: whether the epoch was ended by somebody else, asked with each beat.
        """
        child = self._child
        due = time.monotonic() + interval / 10  # a call of a second needs no heartbeat
        while not child.has_ended():
            pause = max(0.0, min(due, self._deadline) - time.monotonic())
            ready, _, _ = select.select([wakeup, *child.descriptors], [], [], pause)
            if wakeup in ready:
                os.read(wakeup, 4096)
            returned = child.has_just_returned()  # asked first: what it printed before is in the pipes by now
            child.read(self._pass_on)
            if returned:
                self.returned = True
                self._deadline = float("inf")  # a result that is there is not thrown away
                self._output.store()
                child.go_on()
            if time.monotonic() >= self._deadline:
                self._stop_in_its_tracks()
            if time.monotonic() >= due:
                until_next = beat()
                self._output.store()
                if not self.returned and is_over():
                    self.unwanted = True
                    child.kill()
                due = time.monotonic() + until_next
        child.read_to_the_end(self._pass_on)
        self._output.store()

    def failure(self) -> ShellFailed | None:
        """Why there is no outcome: how long the function ran, or how it died, with its last words."""
        if self._stack is not None:
            return self._timeout(self._stack)
        exit_code = self._child.exit_code
        assert exit_code is not None
        if exit_code == 0:
            return None
        tail = self._output.last_lines(TAIL_LINES).decode(errors="replace").rstrip()
        if exit_code == -signal.SIGKILL and memory.killed_for_lack_of_it() > self._starved:
            return starved("the process that ran the function", exit_code, memory.limit(), tail)
        message = f"the process that ran the function ended with {describe_exit(exit_code)}, without an outcome"
        return RemoteCrashed(message + (f"; its last words:\n{tail}" if tail else ""), exit_code=exit_code)

    def _timeout(self, stack: tuple[str, ...]) -> RunTimeout:
        where = "\n  called at ".join(stack)
        message = f"the function ran for longer than its run_timeout of {self._run_timeout:g} s"
        return RunTimeout(message + (f"; it stood at {where}" if stack else ""), stack=stack)

    def _stop_in_its_tracks(self) -> None:
        self._deadline = float("inf")
        self._stack = self._child.stack()
        self._child.kill()

    def _pass_on(self, stream: int, data: bytes) -> None:
        self._output.add(data)
        try:
            while data:
                data = data[os.write(stream, data) :]
        except OSError:
            pass  # nobody reads it: losing output never fails a call


@contextmanager
def _signals(terminate: Callable[[], None]) -> Iterator[int]:
    """Hear of requests to stop, and of a child that has ended: the descriptor that is given can be read then."""
    wakeup, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGTERM, lambda *_: terminate())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    try:
        yield wakeup
    finally:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.close(wakeup)
        os.close(waker)
