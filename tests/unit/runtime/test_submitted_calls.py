"""Submitted calls: shared, cancelled, awaited, and any number of them on few threads."""

import asyncio
import itertools
import threading
import time
from concurrent.futures import CancelledError, wait

import pytest

from mops import InThreadShell, MemoizingPicklingRunner, use_runner
from mops.core.errors import ShellFailed


class Stage:
    """What the function below sees of a test. It is not rebound while one runs: that would be another code."""

    def begin(self):
        self.runs, self.gate, self.started = [], threading.Event(), threading.Semaphore(0)
        self.running = []


STAGE = Stage()
ROOTS = itertools.count()


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def work(x):
    STAGE.runs.append(x)
    STAGE.running.append(threading.get_ident())
    STAGE.started.release()
    assert STAGE.gate.wait(30)
    if x == "fails":
        raise ValueError(x)
    return [x]


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def remote(x):
    return x


@pytest.fixture
def stage():
    STAGE.begin()
    yield STAGE
    STAGE.gate.set()


def runner(workers=2):
    return MemoizingPicklingRunner(InThreadShell(max_workers=workers), f"memory://submitted-{next(ROOTS)}")


def test_equal_calls_share_one_execution_and_no_object(stage):
    function = work.with_runner(runner())
    futures = [function.submit(1) for _ in range(3)]
    stage.gate.set()
    results = [future.result(10) for future in futures]
    assert results == [[1]] * 3
    assert len({id(result) for result in results}) == 3
    assert stage.runs == [1]


def test_a_failure_reaches_everybody_who_waits_and_is_tried_again_by_those_who_come_later(stage):
    function = work.with_runner(runner())
    futures = [function.submit("fails") for _ in range(3)]
    stage.gate.set()
    for future in futures:
        with pytest.raises(ValueError, match="fails"):
            future.result(10)
    assert stage.runs == ["fails"]
    with pytest.raises(ValueError, match="fails"):
        function("fails")
    assert stage.runs == ["fails"] * 2


def test_no_more_run_at_once_than_there_are_workers(stage):
    function = work.with_runner(runner(workers=2))
    futures = [function.submit(number) for number in range(6)]
    assert stage.started.acquire(timeout=10)
    assert stage.started.acquire(timeout=10)
    assert not stage.started.acquire(timeout=0.2)
    stage.gate.set()
    assert [future.result(10) for future in reversed(futures)] == [[number] for number in reversed(range(6))]
    assert sorted(stage.runs) == list(range(6))


def test_a_call_that_waits_for_a_worker_is_run_by_the_thread_that_waits_for_it(stage):
    function = work.with_runner(runner(workers=1))
    first, second = function.submit(1), function.submit(2)
    assert stage.started.acquire(timeout=10)
    threading.Timer(0.3, stage.gate.set).start()
    assert second.result() == [2]
    assert stage.running[1] == threading.get_ident()
    assert first.result() == [1]


def test_a_call_cancelled_before_it_had_a_worker_never_runs(stage):
    function = work.with_runner(runner(workers=1))
    first, second, third = (function.submit(number) for number in range(3))
    assert stage.started.acquire(timeout=10)
    assert second.cancel()
    assert second.cancelled()
    with pytest.raises(CancelledError):
        second.result(10)
    stage.gate.set()
    assert (first.result(10), third.result(10)) == ([0], [2])
    assert sorted(stage.runs) == [0, 2]
    assert function.peek(1) is None


def test_cancelling_one_of_two_futures_leaves_the_other(stage):
    function = work.with_runner(runner())
    one, two = function.submit(1), function.submit(1)
    assert one.cancel()
    stage.gate.set()
    assert two.result(10) == [1]
    assert stage.runs == [1]


def test_a_finished_call_cannot_be_cancelled(stage):
    stage.gate.set()
    future = work.with_runner(runner()).submit(1)
    assert future.result(10) == [1]
    assert not future.cancel()
    assert not future.cancelled()


def test_a_call_cancelled_while_it_runs_here_is_published_all_the_same(stage):
    function = work.with_runner(runner())
    future = function.submit(1)
    assert stage.started.acquire(timeout=10)
    assert future.cancel()
    stage.gate.set()
    assert function(1) == [1]
    assert stage.runs == [1]


def test_a_hit_is_resolved_before_submit_returns(stage):
    stage.gate.set()
    function = work.with_runner(runner())
    function(1)
    future = function.submit(1)
    assert future.done()
    assert future.metadata["hit"] is True


def test_a_timeout_of_a_future_leaves_the_call_alone(stage):
    future = work.with_runner(runner()).submit(1)
    with pytest.raises(TimeoutError):
        future.result(0.05)
    stage.gate.set()
    assert future.result(10) == [1]


def test_futures_are_awaited_in_a_loop(stage):
    function = work.with_runner(runner())
    threading.Timer(0.1, stage.gate.set).start()

    async def main():
        return await asyncio.gather(*(function.submit(number) for number in range(3)))

    assert asyncio.run(main()) == [[0], [1], [2]]


def test_a_thousand_waiting_calls_take_no_thread_each(tmp_path):
    """The command of none of them ever reports: they wait as long as they are wanted."""

    class Pending:
        max_workers, start_timeout, run_timeout = 2000, 300.0, None

        def __call__(self, argv):
            from concurrent.futures import Future

            return Future()

    others = set(threading.enumerate())
    function = remote.with_runner(MemoizingPicklingRunner(Pending(), tmp_path))
    futures = [function.submit(number) for number in range(1000)]
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("mops1/memo/**/e1"))) < 1000 or len(set(threading.enumerate()) - others) > 40:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.05)
    assert all(future.cancel() for future in futures)


def test_a_shell_that_fails_fails_the_future_with_the_names_of_the_call(tmp_path):
    def shell(argv):
        raise ShellFailed("no such machine")

    future = remote.with_runner(MemoizingPicklingRunner(shell, tmp_path)).submit(1)
    error = future.exception(10)
    assert isinstance(error, ShellFailed)
    assert "no such machine" in str(error)
    assert error.function.endswith(":remote")
    assert error.memo_uri == future.memo_uri


def test_a_callback_that_waits_for_another_call_does_not_hold_it_up(stage):
    function = work.with_runner(runner(workers=1))
    first, second = function.submit(1), function.submit(2)
    waited = []
    first.add_done_callback(lambda _: waited.append(wait([second], 10).done))
    stage.gate.set()
    assert second.result(10) == [2]
    while not waited:
        time.sleep(0.01)
    assert waited == [{second}]
