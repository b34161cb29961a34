"""Signals and waits: none is lost, and a submission that Ctrl-C cuts short leaves nothing that runs."""

import threading
from concurrent.futures import Future

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.api.calls import futures, submission
from mops.runtime.engine import engine
from mops.testing import tasks


def test_a_wait_for_a_future_lets_signals_through_from_time_to_time(monkeypatch, tmp_path):
    waits = []
    monkeypatch.setattr(futures, "_TICK", 0.01)
    plain = Future.exception

    def noting(self, timeout=None):
        if isinstance(self, futures.MopsFuture):
            waits.append(timeout)
        return plain(self, timeout)

    monkeypatch.setattr(Future, "exception", noting)
    gate = Future()
    gate.set_running_or_notify_cancel()
    future = use_runner(MemoizingPicklingRunner(lambda argv: gate, tmp_path))(tasks.add).submit(1)
    threading.Timer(0.2, lambda: gate.set_exception(OSError("enough"))).start()
    with pytest.raises(Exception, match="enough"):
        future.result()
    assert len(waits) > 2
    assert set(waits) == {0.01}


def test_an_exception_of_the_call_that_is_a_timeout_is_no_timeout_of_the_wait(tmp_path):
    def late(_):
        raise TimeoutError("of the function")

    function = use_runner(MemoizingPicklingRunner(None, tmp_path, on_code_change="ignore"))(late)
    with pytest.raises(TimeoutError, match="of the function"):
        function.submit(1).result()
    assert str(function.submit(2).exception()) == "of the function"


def test_a_submission_that_is_interrupted_leaves_nothing_that_runs(monkeypatch, tmp_path):
    commands = []

    def shell(argv):
        commands.append(Future())
        commands[-1].set_running_or_notify_cancel()
        commands[-1].cancel = lambda: commands[-1].set_exception(OSError("stopped"))
        return commands[-1]

    started = type(engine()).start

    def interrupted(self, task):
        started(self, task)
        while not commands:
            threading.Event().wait(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(engine()), "start", interrupted)
    function = use_runner(MemoizingPicklingRunner(shell, tmp_path))(tasks.add)
    with pytest.raises(KeyboardInterrupt):
        function.submit(1)
    assert isinstance(commands[0].exception(30), OSError)
    assert submission._flights_here().by_key == {}
