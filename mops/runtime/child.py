"""The child of a remote: the forked process that runs the user's function, and the pipes between it and its supervisor.

``output`` and ``errors`` carry what it prints; ``returned`` says that the function has returned, and ``kept`` that its
supervisor has stored what was printed until then; ``alive`` ends with the supervisor, and the child with it; ``stack``
carries where the function stands, when that is asked.
"""

import contextlib
import fcntl
import os
import re
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias

Serve: TypeAlias = Callable[[Callable[[], None]], int]
"""Runs in the child; given what to call when the function has returned. Its result is the exit status."""

_CHUNK: Final = 65_536
"""Bytes; as many as a pipe holds."""
_STORING: Final = 1.0
"""Seconds for which a child waits at most until its output is stored, before its outcome is published."""
_LAST_WORDS: Final = 0.25
"""Seconds to wait for output after the child has ended: a process that it left behind may hold the pipes open."""
_ANSWER: Final = 1.0
"""Seconds in which a child has to say where it stands."""
_PAUSE: Final = 0.1
"""Seconds of silence after which it has said it."""
_WHERE: Final = getattr(signal, "SIGRTMAX", signal.SIGUSR2)
"""The signal that asks a child where it stands: one that the user's code has hardly a use for."""
_FRAME: Final = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)
_CALLER: Final = os.path.join("mops", "api", "calls", "stored_call.py")
"""What called the function: what lies further out is nobody's concern."""


class Child:
    """The forked process. Used by the one thread of its supervisor.

    Attributes:
        exit_code: as ``subprocess`` reports it; ``None`` while it runs.
    """

    def __init__(self, serve: Serve) -> None:
        self.exit_code: int | None = None
        self._may_return = True
        output, errors, returned, kept, alive, stack = (os.pipe() for _ in range(6))
        self._thread = threading.get_ident()  # which the child's main thread keeps
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (output[0], errors[0], returned[0], kept[1], alive[1], stack[0]):
                os.close(descriptor)
            _become_child(output[1], errors[1], (returned[1], kept[0]), alive[0], stack[1], serve)
        _lead_a_group(self.pid)
        for descriptor in (output[1], errors[1], returned[1], kept[0], alive[0], stack[1]):
            os.close(descriptor)
        self._streams = {output[0]: 1, errors[0]: 2}
        self._returned, self._kept, self._alive, self._stack = returned[0], kept[1], alive[1], stack[0]

    def close(self) -> None:
        """Let go of the pipes, once it has ended."""
        for descriptor in (*self._streams, self._returned, self._kept, self._alive, self._stack):
            os.close(descriptor)
        self._streams.clear()

    @property
    def descriptors(self) -> list[int]:
        """What has news when it can be read."""
        return [*self._streams, *([self._returned] if self._may_return else [])]

    def has_ended(self) -> bool:
        """Whether it has ended; reaps it."""
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is not None

    def kill(self) -> None:
        """Stop it at once, and what it started."""
        if self.exit_code is not None:
            return  # and its number may be another's by now
        for kill in (os.killpg, os.kill):  # the second for a system that refused it a group
            try:
                kill(self.pid, signal.SIGKILL)
            except OSError:
                pass  # it has ended

    # ------------------------------------------------------------------------------------------------ output
    def read(self, take: Callable[[int, bytes], None]) -> None:
        """Take what it has printed, a pipe's content of each stream at most, without waiting.

        Args:
            take: given the descriptor that it was printed to, and what.
        """
        for descriptor in _readable(list(self._streams)):
            data = os.read(descriptor, _CHUNK)
            if data:
                take(self._streams[descriptor], data)
            else:
                os.close(descriptor)
                del self._streams[descriptor]

    def read_to_the_end(self, take: Callable[[int, bytes], None]) -> None:
        """Take all that it printed before it ended, and for a moment what others print whom it left behind."""
        self.read(take)  # all of its own: no pipe holds more
        deadline = time.monotonic() + _LAST_WORDS
        while self._streams and (left := deadline - time.monotonic()) > 0 and _readable(list(self._streams), left):
            self.read(take)

    def has_just_returned(self) -> bool:
        """Whether its function has returned since this was asked last; then it waits for ``go_on``."""
        if not self._may_return or not _readable([self._returned]):
            return False
        self._may_return = False
        return bool(os.read(self._returned, 1))  # nothing: it has ended

    def go_on(self) -> None:
        """Say that what was printed is stored, or that it is not worth to wait for it."""
        try:
            os.write(self._kept, b"k")
        except OSError:
            pass  # it has ended

    # ------------------------------------------------------------------------------------------------ where it stands
    def stack(self) -> tuple[str, ...]:
        """Where its main thread stands, innermost first; empty where it does not say. It may hold the interpreter."""
        os.kill(self.pid, _WHERE)
        text, patience, deadline = b"", _ANSWER, time.monotonic() + _ANSWER
        while time.monotonic() < deadline and _readable([self._stack], patience):
            data = os.read(self._stack, _CHUNK)
            if not data:
                break
            text, patience = text + data, _PAUSE
        return _frames(text.decode(errors="replace"), self._thread)


def _readable(descriptors: list[int], patience: float = 0) -> list[int]:
    return select.select(descriptors, [], [], patience)[0]


def _frames(dump: str, thread: int) -> tuple[str, ...]:
    """The frames of one thread in what faulthandler wrote, up to where mops called the function."""
    _, _, after = dump.partition(f"hread 0x{thread:016x}")
    frames = []
    for file, line, function in _FRAME.findall(after.partition("\n\n")[0]):
        if file.endswith(_CALLER):
            break
        frames.append(f"{file}:{line} in {function}")
    return tuple(frames)


# ------------------------------------------------------------------------------------------------ in the child
def _lead_a_group(pid: int) -> None:
    """Give the child a group of its own: asked for on both sides of the fork, as nobody knows which one runs first."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # it leads one already, or has ended


def _become_child(
    output: int, errors: int, at_return: tuple[int, int], alive: int, stack: int, serve: Serve
) -> None:  # fmt: skip
    """Take the child's place, serve, and never return."""
    status = 1
    try:
        _lead_a_group(os.getpid())
        import faulthandler

        faulthandler.register(_WHERE, stack, all_threads=True)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        _end_with_supervisor(alive)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        status = serve(lambda: _say_returned(*at_return))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the supervisor must hear of it
        sys.stderr.write(_last_words(error))
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _last_words(error: BaseException) -> str:
    """What is printed of an exception that did not become an outcome: Ctrl-C in the function, or a store that fails."""
    from mops.core.errors import MopsError
    from mops.runtime.failures import traceback_of

    return f"mops remote: {error}\n" if isinstance(error, MopsError) else traceback_of(error)


def _say_returned(returned: int, kept: int) -> None:
    """Have the supervisor store what was printed, before anybody can see the outcome."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the function may have put anything in its place
            stream.flush()
    try:
        os.write(returned, b"r")
        _readable([kept], _STORING)
    except (OSError, ValueError):
        pass  # the function closed what it did not open: nobody waits for its output then


def _end_with_supervisor(alive: int) -> None:
    """Be killed, with all that this process starts, once its supervisor has ended: nobody else holds this pipe open."""
    try:
        _have_the_system_kill(alive)
    except (AttributeError, OSError):  # a system that does not do that, or not here
        threading.Thread(target=_wait_and_kill, args=(alive,), name="mops-supervisor", daemon=True).start()


def _have_the_system_kill(alive: int) -> None:
    """Linux can: it ends even a function that never lets go of the interpreter.

    It is cheaper, too. While a process has a second thread, each page that it shares with the process it was forked
    from is taken back from both their processors before the first write.
    """
    again = os.open(f"/proc/self/fd/{alive}", os.O_RDONLY | os.O_NONBLOCK)  # one that belongs to somebody else
    for descriptor, whom in ((alive, -os.getpgrp()), (again, os.getpid())):  # the function may leave its group
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, whom)
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if _readable([alive]):  # it ended before anybody could be told
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _wait_and_kill(alive: int) -> None:
    os.read(alive, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)
