"""A command as a container: from the wish to have it to its removal."""

import atexit
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from typing import Final
from weakref import WeakSet

from mops.adapters.forwarding import Output
from mops.adapters.shells.docker.endings import Ending, failure_of, interrupted, spooled
from mops.adapters.shells.docker.engine import ContainerGone, Engine, EngineAway, engine
from mops.adapters.shells.docker.leftovers import remove_ended
from mops.adapters.shells.docker.plan import Plan

_AWAY: Final = 60.0
"""Seconds for which an engine that went away may stay away."""
_PAUSE: Final = 0.2
_LAST_WORDS: Final = 5.0
"""Seconds without more of its output, after which no more is waited for of a container that has ended."""
_ENOUGH: Final = 16 << 20
"""Bytes of output, of which more are not read twice for the sake of the last ones."""
_FAREWELL: Final = 3.0
"""Seconds at the end of the program for containers to end whose outcome is known."""
_ORPHANED: Final = 60.0
"""Seconds after the end of a container in which whoever started it has removed it, if he lives."""
_SHORT: Final = 12
"""Letters of an id, as ``docker ps`` shows it."""

_followed: Final["WeakSet[ContainerFuture]"] = WeakSet()


class ContainerFuture(Future[None]):
    """Resolves when the container has ended, and was removed; ``cancel`` stops it.

    Args:
        begin: has the container that it plans started by what it is given, and gives its id; it may take its time.
        container: the id of one that runs already; then there is nothing to begin.
        remove: whether it is removed in the end.
        memory: bytes that it is limited to.
    """

    def __init__(
        self,
        begin: Callable[[Engine, Callable[[Plan], str | None]], str],
        container: str = "",
        *,
        remove: bool,
        memory: int | None,
    ) -> None:
        super().__init__()
        self._begin = begin
        self._container = container
        self._remove = remove
        self._memory = memory
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._lost = False
        self._heard = 0
        self._output = Output()
        if container:
            self.set_running_or_notify_cancel()
        self._thread = threading.Thread(target=self._live, name="mops-container", daemon=True)
        _prepare(os.getpid())
        _followed.add(self)
        self._thread.start()

    def cancel(self) -> bool:
        """Stop the container, or what is on its way to one."""
        if self.done():
            return False
        self._stopped.set()
        threading.Thread(target=self._stop, name="mops-stop", daemon=True).start()
        return True

    def join(self, patience: float) -> None:
        """Wait until it has been removed, for so many seconds at most: longer where it has ended, and output comes."""
        self._thread.join(max(0.0, patience))
        if self._ended.is_set():
            self._thread.join()

    def _live(self) -> None:
        error: BaseException | None = None
        try:
            error = self._run(engine())
        except ContainerGone:
            error = interrupted(f"container {self._container[:_SHORT]} was removed from outside")
        except BaseException as failure:  # noqa: BLE001 - whatever it is, the call must hear of it
            error = failure
        self._tidy()
        if not self.running():
            self.set_running_or_notify_cancel()
        if error is None:
            self.set_result(None)
        else:
            self.set_exception(error)

    def _run(self, engine: Engine) -> BaseException | None:
        if not self._container:
            self._container = self._begin(engine, self._start)
            self.set_running_or_notify_cancel()
            if self._stopped.is_set():
                self._stop()
        reader = threading.Thread(target=self._forward, args=(engine,), name="mops-output", daemon=True)
        reader.start()
        ending = self._wait(engine)
        self._ended.set()
        heard = -1
        while reader.is_alive() and heard != self._heard:
            heard = self._heard
            reader.join(_LAST_WORDS)
        return failure_of(ending, self._container[:_SHORT], self._memory, self._output.last_words())

    def _start(self, planned: Plan) -> str | None:
        """Start a container, unless nobody wants it any more: until here, an image was built, or pulled."""
        if self._stopped.is_set():
            raise interrupted("it was cancelled before its container started")
        return engine().begin(planned)

    def _wait(self, engine: Engine) -> Ending:
        """How it ended; an engine that goes away is waited for."""
        away_since: float | None = None
        while True:
            try:
                exit_code, error = engine.wait(self._container)
            except EngineAway as away:
                self._lost = True
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > _AWAY:
                    raise interrupted(f"{away.args[0]}; container {self._container[:_SHORT]} may run on") from away
                time.sleep(_PAUSE)
                continue
            try:
                short = engine.was_short_of_memory(self._container)
            except ContainerGone:
                return Ending(exit_code, is_gone=True)
            except EngineAway:
                self._lost, short = True, False
            return Ending(exit_code, short, error, daemon_lost=self._lost)

    def _forward(self, engine: Engine) -> None:
        """Pass output on as it comes. Asked again, the engine sends all of it again: what was seen is left out.

        It is asked again where it was away, and once the container has ended: who follows it may miss the last words.
        """
        while True:
            last, position = self._ended.is_set(), 0
            try:
                for data in engine.output(self._container):
                    news = data[max(0, self._heard - position) :]
                    position += len(data)
                    if news:
                        self._output.take(news)
                        self._heard += len(news)
            except ContainerGone:
                break
            except Exception:  # noqa: BLE001 - losing output never fails a call
                last = last or self._ended.is_set()
            if last or (self._ended.wait(_PAUSE) and self._heard > _ENOUGH):
                break
        self._output.end()

    def _stop(self) -> None:
        if self._container:
            try:
                engine().stop(self._container)
            except Exception:  # noqa: BLE001, S110 - who waits for its end is told why there is none
                pass

    def _tidy(self) -> None:
        """Remove it, unless it holds a result that no store took."""
        if not self._container or not self._remove:
            return
        kept = spooled(self._output.last_words())
        if kept:
            container = self._container[:_SHORT]
            self._output.take(f"mops: container {container} is kept: docker cp {container}:{kept} .\n".encode())
            return
        try:
            engine().remove(self._container)
        except Exception:  # noqa: BLE001, S110 - somebody else did, or ``mops docker gc`` will
            pass


@lru_cache
def _prepare(_: int) -> None:
    """At the first container of a process: see to its own at the end, and to what killed ones have left behind."""
    atexit.unregister(_settle)  # of the process that this one was forked from
    atexit.register(_settle)
    threading.Thread(target=_sweep, name="mops-sweep", daemon=True).start()


def _sweep() -> None:
    try:
        remove_ended(engine(), _ORPHANED)
    except Exception:  # noqa: BLE001, S110 - the next process will
        pass


def _settle() -> None:
    """At the end of the program, let containers end whose outcome was published a moment ago."""
    deadline = time.monotonic() + _FAREWELL
    for future in list(_followed):
        future.join(deadline - time.monotonic())
