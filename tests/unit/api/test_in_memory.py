"""Tests of users put every decorated function on a root in memory, whatever it was decorated with."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import mops
from mops.core.errors import MopsError, ShellFailed
from mops.testing import in_memory

EXECUTIONS = []


def refuse(argv):
    raise ShellFailed("a test has no business to start this")


@mops.use_runner(mops.MemoizingPicklingRunner(refuse, "memory://of-its-own"))
def square(number: int) -> int:
    EXECUTIONS.append((number, threading.get_ident()))
    return number**2


@mops.use_runner(lambda func, args, kwargs: pytest.fail("its own Runner was asked"))
def cube(number: int) -> int:
    EXECUTIONS.append((number, threading.get_ident()))
    return number**3


@pytest.fixture
def executions():
    EXECUTIONS.clear()
    return EXECUTIONS


def test_a_function_decorated_earlier_runs_in_this_thread_and_once(executions):
    with in_memory():
        assert [square(3), square(3), square(number=3)] == [9, 9, 9]
        assert square.submit(3).result() == 9
        assert square.peek(3) == mops.Success(9)
        assert square.memo_uri(3).startswith("memory://")

    assert executions == [(3, threading.get_ident())]


def test_a_submitted_call_runs_in_the_thread_that_waits_for_it(executions):
    with in_memory():
        futures = [square.submit(number) for number in range(5)]
        assert [future.result() for future in futures] == [0, 1, 4, 9, 16]

    assert len(executions) == 5


def test_each_context_begins_empty_and_gives_the_runner_back(executions):
    for _ in range(2):
        with in_memory():
            assert square.peek(3) is None
            square(3)
    assert len(executions) == 2

    with pytest.raises(MopsError):
        square(3)


def test_the_runner_comes_back_after_an_error_too():
    with pytest.raises(ZeroDivisionError), in_memory():
        1 / 0  # noqa: B018 - raises

    with pytest.raises(MopsError):
        square(3)


def test_contexts_nest(executions):
    with in_memory():
        square(3)
        with in_memory():
            assert square.peek(3) is None
            square(3)
        assert square.peek(3) == mops.Success(9)

    assert len(executions) == 2


def test_threads_of_the_test_are_in_the_context(executions):
    with in_memory(), ThreadPoolExecutor(4) as pool:
        assert list(pool.map(square, [3] * 20)) == [9] * 20

    assert len(executions) == 1


def test_a_function_without_a_memoizing_runner_is_memoized_too(executions):
    with in_memory():
        assert cube(3) == cube(3) == 27
    assert len(executions) == 1


def test_a_skipped_runner_stays_skipped(executions):
    skipped = mops.use_runner(cube, skip_runner=True)(cube.__wrapped__)

    with in_memory():
        assert skipped(3) == skipped(3) == 27
    assert len(executions) == 2


def test_nothing_stays_in_memory_behind_the_outermost_context():
    from mops.adapters.blob_stores.memory import MemoryBlobStore

    store = MemoryBlobStore("mops.testing")
    with in_memory():
        square(3)
        assert list(store.list("mops1/memo/"))
    assert not list(store.list())


tries = []


def third_time():
    tries.append(1)
    if len(tries) < 3:
        raise ValueError("not yet")
    return "at last"


def test_retries_and_memoized_exceptions_count_in_memory_too(tmp_path):
    retries = mops.Retries(user=2, first_delay=0.0, longest_delay=0.0)
    runner = mops.MemoizingPicklingRunner(refuse, tmp_path / "root", on_code_change="ignore", retries=retries)
    function = mops.use_runner(runner)(third_time)
    tries.clear()
    with in_memory():
        assert function() == "at last"
        assert function() == "at last"
    assert len(tries) == 3
    assert not (tmp_path / "root").exists()


def test_a_call_in_memory_is_attached_to_in_its_process():
    function = mops.use_runner(mops.MemoizingPicklingRunner(refuse))(third_time)
    tries[:] = [1, 1, 1]
    with in_memory():
        assert function() == "at last"
        assert mops.attach(function.memo_uri()).result() == "at last"
