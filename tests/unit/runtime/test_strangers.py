"""Callbacks and observers may wait, call mops, and raise anything: no call is lost, and nobody else waits for them."""

import threading
from concurrent.futures import wait

import pytest

import mops
from mops import InThreadShell, MemoizingPicklingRunner, Retries, use_runner
from mops.core.errors import ConfigurationError

MANY = 20  # more than the engine has threads


def add(number, more=1):
    return number + more


def leave(kind):
    raise kind


@pytest.fixture
def runner(tmp_path):
    return MemoizingPicklingRunner(InThreadShell(max_workers=2), tmp_path, on_code_change="ignore")


@pytest.fixture
def function(runner):
    return use_runner(runner)(add)


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit, ValueError])
def test_what_callbacks_raise_ends_no_thread(function, kind):
    called = threading.Semaphore(0)

    def callback(_):
        called.release()
        raise kind

    futures = [function.submit(number) for number in range(MANY)]
    for future in futures:
        future.add_done_callback(callback)
        future.add_done_callback(lambda _: called.release())
    assert [future.result(30) for future in futures] == [number + 1 for number in range(MANY)]
    for _ in range(2 * MANY):
        assert called.acquire(timeout=30)
    assert function.submit(99).result(30) == 100


def test_callbacks_may_wait_for_calls(function):
    done = []

    def callback(future):
        done.append(function.submit(future.result(), more=1000).result())

    futures = [function.submit(number) for number in range(MANY)]
    for future in futures:
        future.add_done_callback(callback)
    wait(futures, 30)
    for _ in range(3000):
        if len(done) == MANY:
            break
        threading.Event().wait(0.01)
    assert sorted(done) == [number + 1001 for number in range(MANY)]


def test_observers_may_wait_for_calls(function):
    answers = []

    def observer(event):
        if isinstance(event, mops.events.Published) and len(answers) < MANY:
            answers.append(0)
            answers[-1] = function.submit(len(answers), more=5000).result()

    with mops.observe(observer):
        futures = [function.submit(number) for number in range(MANY)]
        assert [future.result(30) for future in futures] == [number + 1 for number in range(MANY)]


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit])
def test_what_an_observer_raises_loses_no_future(function, kind, caplog):
    with mops.observe(lambda event: leave(kind)):
        futures = [function.submit(1), function.submit(1), function.submit(2)]
        assert [future.result(30) for future in futures] == [2, 2, 3]
    assert "was told of a call, and raised" in caplog.text


@pytest.mark.parametrize("how", ["direct", "submitted", "in a map"])
def test_a_function_that_raises_generator_exit_locks_nothing(runner, how):
    function = use_runner(runner)(leave)
    call = {
        "direct": lambda: function(GeneratorExit),
        "submitted": lambda: function.submit(GeneratorExit).result(30),
        "in a map": lambda: next(function.map([GeneratorExit])),
    }[how]
    for _ in range(2):
        with pytest.raises(GeneratorExit):
            call()


def test_a_predicate_that_raises_is_told_with_the_failure_that_it_was_asked_about(tmp_path):
    retries = Retries(user=1, when=lambda error: leave(StopIteration))
    function = use_runner(MemoizingPicklingRunner(None, tmp_path, retries=retries, on_code_change="ignore"))(leave)
    with pytest.raises(ConfigurationError, match=r"raised StopIteration.*the call had failed with ValueError"):
        function(ValueError)


@pytest.mark.parametrize("built", [InThreadShell, int])
def test_a_builder_that_gives_a_class_is_told_so(tmp_path, built):
    class Builder:
        def build(self, func, args, kwargs, attempt):
            return built

    function = use_runner(MemoizingPicklingRunner(Builder(), tmp_path, on_code_change="ignore"))(add)
    with pytest.raises(ConfigurationError, match="starts no command"):
        function(1)


def test_a_builder_that_has_no_more_shells_is_told_so(tmp_path):
    class Builder:
        def build(self, func, args, kwargs, attempt):
            return next(iter(()))

    function = use_runner(MemoizingPicklingRunner(Builder(), tmp_path, on_code_change="ignore"))(add)
    with pytest.raises(ConfigurationError, match="StopIteration"):
        function(1)
