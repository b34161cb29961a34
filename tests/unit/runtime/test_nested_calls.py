"""Nested calls of submitted ones: no depth and no way of waiting uses the slots up, and nobody waits in vain."""

import threading
from concurrent.futures import as_completed, wait

import pytest

from mops import InThreadShell, MemoizingPicklingRunner, SubprocessShell, use_runner
from mops.runtime.slots import HELD, Lease, Slots
from mops.testing import tasks

DEPTH = 6


@pytest.fixture
def runner(tmp_path):
    return MemoizingPicklingRunner(InThreadShell(max_workers=1), tmp_path, on_code_change="ignore")


def by_result(future):
    return future.result()


def by_a_timed_result(future):
    return future.result(60)


def by_exception(future):
    assert future.exception() is None
    return future.result()


def by_wait(future):
    wait([future])
    return future.result()


def by_as_completed(future):
    return next(as_completed([future])).result()


@pytest.mark.parametrize("waits", [by_result, by_a_timed_result, by_exception, by_wait, by_as_completed])
def test_nesting_deeper_than_the_workers_finishes(runner, waits):
    @use_runner(runner, ignore=["waits"])
    def nest(depth, waits):
        return depth if depth == 0 else depth + waits(nest.submit(depth - 1, waits))

    assert nest.submit(DEPTH, waits).result(60) == sum(range(DEPTH + 1))


def test_direct_nested_calls_of_a_shell_finish(tmp_path):
    inner = use_runner(MemoizingPicklingRunner(SubprocessShell(max_workers=1), tmp_path))(tasks.add)
    outer_runner = MemoizingPicklingRunner(InThreadShell(max_workers=2), tmp_path, on_code_change="ignore")

    @use_runner(outer_runner)
    def outer(number):
        return inner(number, 1)

    assert [future.result(60) for future in [outer.submit(number) for number in range(3)]] == [1, 2, 3]


class Stage:
    """What the functions of the next test share."""

    def __init__(self):
        self.second_ran, self.nested_may_end = threading.Event(), threading.Event()


stage = Stage()


def nested():
    return stage.nested_may_end.wait(60)


def first(nested, waits):
    future = nested.submit()
    threading.Event().wait(0.05)  # so that the thread that waits for it does not take it over
    return waits(future)


def second():
    stage.second_ran.set()


@pytest.mark.parametrize("waits", [by_result, by_a_timed_result])
def test_a_call_that_waits_leaves_its_slot_to_others(runner, waits, tmp_path):
    """With one worker, the second call can only run while the first one waits."""
    stage.__init__()
    elsewhere = MemoizingPicklingRunner(InThreadShell(max_workers=1), tmp_path / "nested", on_code_change="ignore")
    waiting = use_runner(runner, ignore=["nested", "waits"])(first)
    futures = [waiting.submit(use_runner(elsewhere)(nested), waits), use_runner(runner)(second).submit()]
    assert stage.second_ran.wait(60)
    stage.nested_may_end.set()
    assert [future.result(60) for future in futures] == [True, None]


# ------------------------------------------------------------------------------------------------ leases
def test_a_paused_lease_is_resumed_before_those_who_have_not_begun():
    slots, order = Slots(1), []
    slots.acquire(lambda: order.append("first"))
    lease = Lease(slots)
    slots.acquire(lambda: order.append("second"))
    slots.acquire(lambda: order.append("third"))
    lease.pause()
    assert order == ["first", "second"]
    resuming = threading.Thread(target=lease.resume)
    resuming.start()
    while not slots._resuming:
        threading.Event().wait(0.001)
    slots.release()  # the second is done
    resuming.join(60)
    assert order == ["first", "second"]
    lease.end()
    assert order == ["first", "second", "third"]


def test_a_lease_that_is_paused_twice_is_given_up_once():
    slots = Slots(1)
    assert slots.acquire_now()
    lease = Lease(slots)
    lease.pause()
    lease.pause()
    assert slots.acquire_now()
    assert not slots.acquire_now()
    slots.release()
    lease.resume()
    assert slots.acquire_now()
    slots.release()
    lease.resume()
    assert not slots.acquire_now()


def test_a_lease_that_ends_while_it_is_paused_gives_nothing_back():
    slots = Slots(1)
    assert slots.acquire_now()
    lease = Lease(slots)
    lease.pause()
    lease.end()
    assert slots.acquire_now()
    assert not slots.acquire_now()


def test_outside_of_a_submitted_call_there_is_no_lease():
    assert HELD.get() is None
