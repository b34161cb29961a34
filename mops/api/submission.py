"""Submitted calls: equal ones of one process share one execution, which stops when no future wants it any more.

Other threads advance a submitted call. What they would import lazily is imported here, by the thread that submits: a
process that forks while another thread imports a module leaves its child with that module locked for ever.
"""

import json  # noqa: F401 - see above
import os
import subprocess  # noqa: F401 - see above
import threading
from contextvars import copy_context
from functools import partial
from typing import Any, Final

import mops.api.claims
import mops.api.metadata
import mops.runtime.commands
import mops.runtime.failures
import mops.runtime.session  # noqa: F401 - see above
from mops.api.futures import MopsFuture
from mops.api.invocation import Invocation
from mops.api.serving import is_being_served
from mops.core.failure import located
from mops.core.orchestrate import Answer, obtain
from mops.core.result import Success
from mops.runtime.engine import Task, engine
from mops.runtime.execution import Execution


class _Flights:
    """The executions of one process. A forked child has none of its parent's."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.by_key: dict[tuple[int, str], _Flight] = {}

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
    future: MopsFuture[Any] = MopsFuture(invocation.uri)
    if is_being_served(invocation.memo):
        return _finished(future, invocation)
    flights, key = _flights_here(), (id(invocation.world), invocation.memo.folder)
    with flights.lock:
        flight = flights.by_key.get(key)
        if flight is not None:
            flight.join(invocation, future)
            return future
        flight = flights.by_key[key] = _Flight(flights, key, invocation, future)
    engine().start(flight.task)
    return future


class _Flight:
    """One execution, and the futures that want it. Changed under the lock of its process's flights alone."""

    def __init__(
        self, flights: _Flights, key: tuple[int, str], invocation: Invocation, future: MopsFuture[Any]
    ) -> None:  # fmt: skip
        self._flights = flights
        self._key = key
        self._leader = future
        self._wanted: list[tuple[Invocation, MopsFuture[Any]]] = []
        execution = Execution(invocation, needs_slot=True, context=copy_context())
        self.task = Task(obtain(invocation.call()), execution, invocation.memo.folder, self._done)
        self.join(invocation, future)

    def join(self, invocation: Invocation, future: MopsFuture[Any]) -> None:
        """Have one more future want the outcome."""
        self._wanted.append((invocation, future))
        future.attach(lambda: engine().drive_here(self.task), partial(self._withdraw, future))

    def _withdraw(self, future: MopsFuture[Any]) -> None:
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
                if answer.hit and invocation.target.policy == "warn":
                    invocation.warn_if_code_changed(answer)
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
    engine().start(Task(obtain(invocation.call()), execution, invocation.memo.folder, done))


def _finished(future: MopsFuture[Any], invocation: Invocation) -> MopsFuture[Any]:
    """A call that is the very execution of this process: run plainly, there is nothing to wait for."""
    try:
        future.resolve(invocation.run_plainly(), dict)
    except Exception as error:  # noqa: BLE001 - the future delivers it
        future.reject(error)
    return future
