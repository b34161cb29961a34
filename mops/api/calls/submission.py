"""Submitted calls: equal ones of one process share one execution, which stops when no future wants it any more.

Other threads advance a submitted call. What they would import lazily is imported here, by the thread that submits: a
process that forks while another thread imports a module leaves its child with that module locked for ever. For what
few calls need, and for what users' values import, see ``mops.runtime.forks``.
"""

import atexit
import json  # noqa: F401 - see above
import os
import subprocess  # noqa: F401 - see above
import threading
from collections.abc import Hashable
from contextvars import copy_context
from functools import partial
from typing import Any, Final

import mops.adapters.blob_stores.local.content
import mops.adapters.blob_stores.local.syncing
import mops.adapters.blob_stores.local.whole_files
import mops.adapters.codecs.raw
import mops.adapters.shells.subprocess.process
import mops.api.calls.attempts
import mops.api.calls.claims
import mops.api.calls.shared_objects
import mops.api.functions.call_description
import mops.api.records.metadata
import mops.runtime.batches
import mops.runtime.commands
import mops.runtime.failures
import mops.runtime.session  # noqa: F401 - see above
from mops.api.calls.futures import MopsFuture
from mops.api.calls.invocation import Invocation
from mops.api.calls.serving import is_being_served
from mops.core.call import Answer
from mops.core.effects import Effect, Steps
from mops.core.errors import MopsError, RecursiveCallError
from mops.core.failure import located
from mops.core.orchestrate import obtain
from mops.core.result import Success
from mops.runtime.engine import engine
from mops.runtime.execution import Execution
from mops.runtime.inline import look
from mops.runtime.observers import OBSERVERS
from mops.runtime.task import Task


class _Flights:
    """The executions of one process. A forked child has none of its parent's."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.by_key: dict[tuple[int, str], _Flight] = {}
        atexit.register(self.take_leave)

    def take_leave(self) -> None:
        """When the process ends: leave what is under way, and say so."""
        with self.lock:
            pending = [(flight.invocation, flight.task) for flight in self.by_key.values()]
        if pending and os.getpid() == self.process:
            from mops.api.calls.farewell import take_leave  # few programs end with calls pending

            take_leave(pending)

    def remove(self, key: tuple[int, str], flight: "_Flight") -> None:
        """With the lock held: let later submissions start anew."""
        if self.by_key.get(key) is flight:
            del self.by_key[key]


_flights: Final[dict[int, _Flights]] = {}


def _flights_here() -> _Flights:
    process = os.getpid()
    found = _flights.get(process)
    return found if found is not None else _flights.setdefault(process, _Flights())


def submit(invocation: Invocation) -> MopsFuture[Any]:
    """Start a call, or join the same call of this process that is under way.

    Raises:
        RecursiveCallError: the call would wait for itself.
    """
    try:
        begun = begin(invocation)
    except RecursiveCallError:
        raise
    except Exception as error:  # noqa: BLE001 - the future delivers it
        future: MopsFuture[Any] = MopsFuture(invocation.uri)
        future.reject(error)
        return future
    return begun if isinstance(begun, MopsFuture) else future_of(invocation, begun)


def begin(invocation: Invocation, owner: Hashable = None) -> Answer | MopsFuture[Any]:
    """Look for a result on this thread, and start the call where there is none.

    Args:
        invocation: the call.
        owner: whose turn it is when the call is given a slot.

    Returns:
        A hit; or the future of a call that was started, or that was under way in this process.

    Raises:
        RecursiveCallError: the call would wait for itself.
        Exception: as a call that never got as far as to run anything.
    """
    if is_being_served(invocation.memo):
        return _finished(MopsFuture(invocation.uri), invocation)
    flights, key = _flights_here(), (id(invocation.world), invocation.memo.folder)
    steps, pending = obtain(invocation.call()), None
    if key not in flights.by_key:
        found = _look(invocation, steps)
        if isinstance(found, Answer):
            return found
        pending = found
    future: MopsFuture[Any] = MopsFuture(invocation.uri)
    flight: _Flight | None = None
    invocation.defer()
    try:
        with flights.lock:
            known = flights.by_key.get(key)
            if known is not None:
                known.join(invocation, future)
                return future
            flight = flights.by_key[key] = _Flight(flights, key, invocation, future, steps, pending, owner)
        engine().start(flight.task)
    except BaseException:  # Ctrl-C, before or after the engine had it
        if flight is not None:
            flights.remove(key, flight)
            engine().cancel(flight.task)
        raise
    return future


def _look(invocation: Invocation, steps: Steps[Answer]) -> Answer | Effect:
    world, folder = invocation.world, invocation.memo.folder
    try:
        found = look(steps, world.perform)
    except MopsError as error:
        located(error, str(invocation.target.reference), invocation.uri)
        if OBSERVERS:
            world.tell_end(folder, None, error)
        raise
    if isinstance(found, Answer):
        if OBSERVERS:
            world.tell_end(folder, found, None)
        if invocation.target.remarks:
            invocation.remark_on(found)
    return found


def future_of(invocation: Invocation, hit: Answer) -> MopsFuture[Any]:
    """The finished future of a hit."""
    assert isinstance(hit.result, Success)
    future: MopsFuture[Any] = MopsFuture(invocation.uri)
    future.resolve(hit.result.value, partial(invocation.metadata, hit))
    return future


class _Flight:
    """One execution, and the futures that want it. Changed under the lock of its process's flights alone."""

    def __init__(
        self,
        flights: _Flights,
        key: tuple[int, str],
        invocation: Invocation,
        future: MopsFuture[Any],
        steps: Steps[Answer],
        pending: Effect | None,
        owner: Hashable,
    ) -> None:
        self._flights = flights
        self._key = key
        self.invocation = invocation
        self._leader = future
        self._wanted: list[tuple[Invocation, MopsFuture[Any]]] = []
        execution = Execution(invocation, needs_slot=True, context=copy_context(), owner=owner)
        self.task = Task(steps, pending, execution, invocation.memo.folder, self._done)
        self.join(invocation, future)

    def join(self, invocation: Invocation, future: MopsFuture[Any]) -> None:
        """Have one more future want the outcome."""
        self._wanted.append((invocation, future))
        future.attach(self)

    def drive(self) -> None:
        """See ``Hold``. A call of a Shell runs elsewhere, and in its turn."""
        if self.invocation.runs_here:
            engine().drive_here(self.task)

    def is_queued(self) -> bool:
        """See ``Hold``."""
        return self.invocation.runs_here and self.task.is_queued()

    def runs(self) -> bool:
        """See ``Hold``."""
        return self.task.execution.runs()

    def withdraw(self, future: MopsFuture[Any]) -> None:
        """See ``Hold``. The execution is stopped when nobody is left."""
        with self._flights.lock:
            self._wanted = [(invocation, other) for invocation, other in self._wanted if other is not future]
            abandoned = not self._wanted and not self.task.execution.others_wait()
            if abandoned:
                self._flights.remove(self._key, self)
        if abandoned:
            engine().cancel(self.task)

    def _done(self, answer: Answer | None, error: BaseException | None) -> None:
        with self._flights.lock:
            self._flights.remove(self._key, self)
            wanted, self._wanted = self._wanted, []
        for invocation, future in wanted:
            if answer is None:
                assert error is not None
                future.reject(located(error, str(invocation.target.reference), invocation.uri))
            elif not isinstance(answer.result, Success):
                future.reject(invocation.exception(answer.result))
            elif future is self._leader:
                if answer.hit and invocation.target.remarks:
                    invocation.remark_on(answer)
                future.resolve(answer.result.value, partial(invocation.metadata, answer))
            else:
                _resolve_with_a_copy(invocation, future)


def _resolve_with_a_copy(invocation: Invocation, future: MopsFuture[Any]) -> None:
    """Two callers never share one mutable object: the second reads what was stored."""

    def done(answer: Answer | None, error: BaseException | None) -> None:
        if answer is not None and isinstance(answer.result, Success):
            future.resolve(answer.result.value, partial(invocation.metadata, answer))
        else:
            future.reject(error if answer is None else invocation.exception(answer.result))  # type: ignore[arg-type]

    execution = Execution(invocation, needs_slot=True, context=copy_context())
    engine().start(Task(obtain(invocation.call()), None, execution, invocation.memo.folder, done))


def _finished(future: MopsFuture[Any], invocation: Invocation) -> MopsFuture[Any]:
    """A call that is the very execution of this process: run plainly, there is nothing to wait for."""
    try:
        future.resolve(invocation.run_plainly(), dict)
    except Exception as error:  # noqa: BLE001 - the future delivers it
        future.reject(error)
    return future
