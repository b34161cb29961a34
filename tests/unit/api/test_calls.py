"""Maps: results at their place, failures too, lazily read inputs, and nothing lost on the way."""

import asyncio
import collections
import gc
import itertools
import logging
import queue
import resource
import sys
import threading
from collections.abc import Sized
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from contextlib import nullcontext

import attrs
import pytest

from mops import InThreadShell, MemoizingPicklingRunner, use_runner
from mops.api.calls.submission import _flights_here
from mops.api.maps.dropping import drop_later
from mops.core.errors import ConfigurationError, RecursiveCallError, UnkeyableArgumentError
from mops.runtime.engine import engine

ROOTS = itertools.count()
GATES: dict[str, threading.Event] = {}
STARTED: dict[str, threading.Semaphore] = {}
ORDER = []  # not rebound: that would be another code


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def square(x):
    return x * x


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def add(x, y):
    return x + y


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def every_fifth_fails(x):
    if x % 5 == 0:
        raise ValueError(x)
    return x


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def raises(kind):
    raise {"stop": StopIteration, "stop async": StopAsyncIteration, "frozen": Frozen}[kind]("done")


@attrs.frozen
class Frozen(Exception):
    what: str


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def gated(name, x):
    STARTED[name].release()
    assert GATES[name].wait(30)
    ORDER.append(x)
    return x


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def listed(name):
    STARTED[name].release()
    return [name]


class Counted:
    """An argument whose instances are counted."""

    alive, most = 0, 0

    def __init__(self, x):
        self.x = x
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)

    def __del__(self):
        Counted.alive -= 1

    def __mops_key__(self):
        return self.x


@use_runner(lambda func, args, kwargs: pytest.fail("each test names its own"))
def value_of(counted):
    return counted.x


@pytest.fixture
def gate():
    """A gate for `gated`, and the number of calls that have come to it."""
    name = f"gate{next(ROOTS)}"
    GATES[name], STARTED[name] = threading.Event(), threading.Semaphore(0)
    yield name
    GATES[name].set()


def runner(workers=2):
    return MemoizingPicklingRunner(InThreadShell(max_workers=workers), f"memory://map-{next(ROOTS)}")


def on(function, workers=2):
    return function.with_runner(runner(workers))


def read_by(inputs, read):
    """The inputs, each noted as it is read."""
    for each in inputs:
        read.append(each)
        yield each


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "mops"]


def drops_are_served():
    """Wait until whatever was dropped has been let go of."""
    served = threading.Event()
    drop_later(served.set)
    assert served.wait(30)


# ------------------------------------------------------------------------------------------------ results
@pytest.mark.parametrize("known", [0, 7, 20])
def test_results_come_in_the_order_of_the_inputs(known):
    function = on(square)
    for x in range(known):
        function(x)
    assert list(function.map(range(20))) == [x * x for x in range(20)]


def test_several_iterables_are_read_as_far_as_the_shortest_goes():
    function = on(add)
    assert list(function.map([1, 2, 3], itertools.count(10))) == [11, 13, 15]
    assert list(function.starmap([(1, 2), [3, 4]])) == [3, 7]
    assert list(function.map([], [])) == []


def test_unordered_results_come_as_they_are_completed(gate):
    function = on(gated)
    function2 = on(square)
    calls = function.map([gate] * 3, range(3), ordered=False)
    for _ in range(2):
        assert STARTED[gate].acquire(timeout=10)
    GATES[gate].set()
    assert sorted(calls) == [0, 1, 2]
    function2(3)
    mixed = function2.map([1, 2, 3], ordered=False)
    assert sorted(mixed) == [1, 4, 9]


def test_a_result_that_is_there_does_not_wait_for_one_that_is_not(gate):
    function = on(gated)
    GATES[gate].set()
    function(gate, 1)
    GATES[gate].clear()
    assert next(function.map([gate, gate], [0, 1], ordered=False)) == 1


def test_equal_inputs_share_one_execution_and_no_object(gate):
    results = list(on(listed).map([gate] * 20))
    assert results == [[gate]] * 20
    assert len({id(result) for result in results}) == 20
    assert STARTED[gate].acquire(timeout=10)
    assert not STARTED[gate].acquire(timeout=0.1)


def test_methods_and_keyword_defaults_are_bound_as_in_a_call():
    class Adder:
        def __init__(self, y):
            self.y = y

        @use_runner(runner())
        def plus(self, x, z=100):
            return self.y + x + z

    assert list(Adder(10).plus.map([1, 2])) == [111, 112]


def test_the_calls_of_a_map_are_those_of_plain_calls():
    function = on(square)
    list(function.map(range(3)))
    calls = function.map(range(3))
    assert list(calls) == [0, 1, 4]
    assert calls.counts.hits == 3
    assert function.submit(2).metadata["hit"] is True


# ------------------------------------------------------------------------------------------------ failures
def test_a_failure_is_raised_at_its_place_and_the_iteration_can_go_on():
    calls = on(every_fifth_fails).map(range(12))
    seen = []
    while True:
        try:
            seen.append(next(calls))
        except ValueError as error:
            seen.append(str(error))
        except StopIteration:
            break
    assert seen == ["0", 1, 2, 3, 4, "5", 6, 7, 8, 9, "10", 11]
    assert calls.counts == (12, 0, 3, 0, 0, 0, 12)


@pytest.mark.parametrize("ordered", [True, False])
def test_wait_finishes_all_and_raises_every_failure_with_its_place_and_address(ordered):
    function = on(every_fifth_fails)
    with pytest.raises(ExceptionGroup, match=r"3 of 12 calls of every_fifth_fails failed") as raised:
        function.map(range(12), ordered=ordered).wait()
    notes = {str(error): error.__notes__ for error in raised.value.exceptions}
    assert notes == {
        str(x): [f"input {x} of every_fifth_fails {function.memo_uri(x)}"] for x in (0, 5, 10)
    }  # fmt: skip
    assert function.peek(11).value == 11


@pytest.mark.parametrize("ordered", [True, False])
def test_wait_gives_all_results_in_the_order_of_the_inputs(ordered):
    assert on(square).map(range(50), ordered=ordered).wait() == [x * x for x in range(50)]


def test_exceptions_are_results_where_that_is_wished():
    function = on(every_fifth_fails)
    for results in (
        list(function.map(range(3, 7), return_exceptions=True)),
        function.map(range(3, 7), return_exceptions=True).wait(),
    ):
        assert [str(result) for result in results] == ["3", "4", "5", "6"]
        assert [type(result) for result in results] == [int, int, ValueError, int]
        assert results[2].__notes__[-1].startswith("input 2 of every_fifth_fails memory://")


def test_an_input_that_cannot_be_keyed_fails_alone():
    results = on(square).map([1, threading.Lock(), 3], return_exceptions=True).wait()
    assert (results[0], results[2]) == (1, 9)
    assert isinstance(results[1], UnkeyableArgumentError)
    assert isinstance(on(square).starmap([(1, 2)], return_exceptions=True).wait()[0], TypeError)


def test_an_input_of_starmap_that_is_not_iterable_fails_alone():
    one, wrong, four = on(square).starmap([(1,), 5, (2,)], return_exceptions=True).wait()
    assert (one, four) == (1, 4)
    assert isinstance(wrong, TypeError)
    assert wrong.__notes__[0].startswith("input 1 of square")


@pytest.mark.parametrize("kind", ["stop", "stop async"])
def test_a_call_that_raises_stop_iteration_does_not_end_the_iteration(kind):
    calls = on(raises).map([kind, kind])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="raises raised Stop"):
            next(calls)
    with pytest.raises(StopIteration):
        next(calls)


def test_an_exception_that_takes_no_notes_is_raised_without_them():
    with pytest.raises(Frozen):
        next(on(raises).map(["frozen"]))


@pytest.mark.parametrize("ordered", [True, False])
def test_an_iterator_of_inputs_that_raises_does_so_after_all_that_was_started(ordered):
    def inputs():
        yield from range(5)
        raise OSError("the file ends here")

    calls, seen = on(square).map(inputs(), ordered=ordered), []
    with pytest.raises(OSError, match="the file ends here"):
        for result in calls:
            seen.append(result)  # noqa: PERF402 - it raises
    assert sorted(seen) == [0, 1, 4, 9, 16]
    assert list(calls) == []
    with pytest.raises(ExceptionGroup) as raised:
        on(square).map(inputs()).wait()
    assert [str(error) for error in raised.value.exceptions] == ["the file ends here"]


def test_a_callback_that_raises_disturbs_nobody(caplog):
    calls = on(square).map(range(10))
    for future in calls.futures:
        future.add_done_callback(lambda _: [].pop())
    assert list(calls) == [x * x for x in range(10)]
    assert "exception calling callback" in caplog.text


@pytest.mark.parametrize("kind", ["raises", "gives"])
def test_the_line_of_progress_is_wiped_out_before_a_failure_leaves(kind, monkeypatch):
    shown = []
    monkeypatch.setattr("mops.api.maps.calls.Progress.hide", lambda _: shown.append("hidden"))
    calls = on(every_fifth_fails).map([0], return_exceptions=kind == "gives")
    with pytest.raises(ValueError, match="0") if kind == "raises" else nullcontext():
        assert isinstance(next(calls), ValueError)
    assert shown == (["hidden"] if kind == "raises" else [])


# ------------------------------------------------------------------------------------------------ laziness
def test_inputs_are_read_as_far_as_the_buffer_goes_and_no_further(gate):
    read = []
    calls = on(gated).map(itertools.repeat(gate), read_by(itertools.count(), read), buffersize=10)
    assert read == list(range(11)) or read == list(range(10))  # zip reads its first iterable first
    for _ in range(2):
        assert STARTED[gate].acquire(timeout=10)
    assert len(read) == 10
    GATES[gate].set()
    assert next(calls) == 0
    assert next(calls) == 1
    assert len(read) <= 12
    calls.cancel()


def test_hits_are_handed_out_before_the_buffer_is_full():
    function, read = on(square), []
    function.map(range(100)).wait()
    calls = function.map(read_by(range(100), read))
    assert next(calls) == 0
    assert len(read) < 20
    assert list(calls) == [x * x for x in range(1, 100)]


def test_of_a_hundred_thousand_inputs_no_more_than_the_buffer_are_held():
    function, read, most = on(square), 0, 0

    def inputs():
        nonlocal read
        for read in range(1, 100_001):
            yield read % 3_000

    for delivered, result in enumerate(function.map(inputs(), buffersize=1000), 1):
        assert result == (delivered % 3_000) ** 2
        most = max(most, read - delivered)
    assert read == delivered == 100_000
    assert most < 1_000  # how far it is filled depends on how soon the first result is ready


class Later:
    """A Runner whose calls are all in flight until there are as many as the buffer has room for."""

    def __init__(self, at_once):
        self.at_once, self.flying, self.most = at_once, collections.deque(), 0

    def __call__(self, func, args, kwargs):
        pytest.fail("it can submit")

    def submit(self, func, /, text):
        future = Future()
        self.flying.append((future, text))
        self.most = max(self.most, len(self.flying))
        while len(self.flying) >= self.at_once:
            self.complete()
        return future

    def complete(self):
        future, text = self.flying.popleft()
        future.set_result(text.swapcase())


@pytest.mark.parametrize("ordered", [True, False])
def test_a_hundred_thousand_calls_take_the_memory_of_those_in_flight(ordered):
    size, number, later = 4_000, 100_000, Later(1000)
    inputs = (f"{x:x}".ljust(size, "x") for x in range(number))
    calls = square.with_runner(later).map(completing(inputs, later), ordered=ordered)
    before = most_memory()
    assert sum(result.endswith("X") for result in calls) == number
    assert later.most == 1000
    assert most_memory() - before < number * size / 10  # for arguments and results: all of them are twice as much


def most_memory():
    """Bytes that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def completing(inputs, later):
    """The inputs; at their end, what is in flight is completed."""
    yield from inputs
    while later.flying:
        later.complete()


def test_what_was_handed_out_is_kept_by_nobody():
    function = on(value_of)
    gc.collect()
    gc.disable()
    try:
        before = Counted.alive
        for _ in function.map(Counted(x) for x in range(2_000)):
            pass
        while Counted.alive > before:  # a thread may be about to let go of its last call
            threading.Event().wait(0.01)
    finally:
        gc.enable()


def test_inputs_that_ask_their_own_map_for_a_result_are_refused():
    def inputs():
        yield 2
        yield next(calls)

    calls = on(square).map(inputs(), buffersize=1)
    assert next(calls) == 4
    with pytest.raises(RecursiveCallError, match="inputs of a map cannot wait for its results"):
        next(calls)
    assert list(calls) == []


@pytest.mark.parametrize("ordered", [True, False])
def test_inputs_of_unknown_number_are_not_read_before_what_is_ready_is_handed_out(ordered):
    function, given = on(square), queue.SimpleQueue()
    for x in (2, 4, 16):
        function(x)
    given.put(2)

    def inputs():
        while True:
            yield given.get(timeout=10)

    calls = function.map(inputs(), ordered=ordered)
    for square_of_the_last in (4, 16, 256):
        assert next(calls) == square_of_the_last
        given.put(square_of_the_last)
    calls.cancel()


def test_a_thread_takes_results_while_another_one_reads_an_input():
    function, reads, goes_on = on(square), threading.Event(), threading.Event()

    def inputs():
        yield from range(3)
        reads.set()
        assert goes_on.wait(30)
        yield 3

    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(lambda: function.map(inputs()).wait())
        assert reads.wait(10)
        goes_on.set()
        assert made.result() == [0, 1, 4, 9]
    for x in range(4):
        function(x)
    reads.clear()
    goes_on.clear()
    calls = function.map(inputs())
    assert [next(calls) for _ in range(3)] == [0, 1, 4]
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(next, calls, "none") for _ in range(2)]
        assert reads.wait(10)
        goes_on.set()
        assert {each.result(10) for each in both} == {9, "none"}


class Endless:
    def __len__(self):
        raise TypeError("nobody knows")

    def __iter__(self):
        return itertools.count()


@pytest.mark.parametrize("inputs", [range(10**30), Endless()])
def test_inputs_may_be_more_than_anybody_can_count(inputs):
    for calls in (on(square).map(inputs), on(square).starmap(inputs, return_exceptions=True)):
        assert calls.counts.total is None
        calls.cancel()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "10"])
def test_a_buffer_without_room_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="buffersize"):
        on(square).map([1], buffersize=wrong)


# ------------------------------------------------------------------------------------------------ without an engine
def test_a_skipped_function_is_called_inline_and_lazily():
    ran = []
    function = use_runner(runner(), skip_runner=True)(lambda x: ran.append(x) or x)
    calls = function.map(itertools.count())
    assert ran == []
    assert [next(calls), next(calls)] == [0, 1]
    assert ran == [0, 1]
    assert calls.cancel() == 0
    with pytest.raises(CancelledError, match="after 2 inputs"):
        next(calls)
    assert [future.result() for future in function.map([5, 6]).futures] == [5, 6]


def test_a_runner_that_can_only_be_called_is_called_inline():
    def plain(func, args, kwargs):
        return func(*args, **kwargs)

    function = every_fifth_fails.with_runner(plain)
    assert [str(result) for result in function.map([4, 5, 6], return_exceptions=True)] == ["4", "5", "6"]


def test_a_runner_that_can_submit_is_submitted_to():
    class Pool:
        def __init__(self):
            self.pool, self.submitted = ThreadPoolExecutor(2), []

        def __call__(self, func, args, kwargs):
            pytest.fail("it can submit")

        def submit(self, func, /, *args):
            self.submitted.append(args)
            return self.pool.submit(func, *args)

    pool = Pool()
    assert list(square.with_runner(pool).map(range(5))) == [0, 1, 4, 9, 16]
    assert pool.submitted == [(x,) for x in range(5)]


# ------------------------------------------------------------------------------------------------ futures and threads
def test_there_is_a_future_for_each_result_that_was_not_delivered(gate):
    function = on(gated)
    GATES[gate].set()
    function(gate, 1)
    calls = function.map([gate] * 6, range(6), buffersize=2)
    assert next(calls) == 0
    futures = calls.futures
    assert len(futures) == 5
    assert calls.futures == futures
    assert all(isinstance(future, Future) for future in futures)
    wait_for_futures(futures, timeout=10)
    assert [future.result() for future in futures] == [1, 2, 3, 4, 5]
    assert futures[0].metadata["hit"] is True
    assert list(calls) == [1, 2, 3, 4, 5]


def test_futures_outlive_the_iterator(gate):
    futures = on(gated, workers=1).map([gate] * 3, range(3)).futures
    gc.collect()
    GATES[gate].set()
    assert [future.result(10) for future in futures] == [0, 1, 2]


def test_futures_end_with_what_ended_the_inputs():
    def inputs():
        yield threading.Lock()
        yield 2
        raise OSError("no more")

    unkeyable, four, last = on(square).map(inputs()).futures
    assert isinstance(unkeyable.exception(10), UnkeyableArgumentError)
    assert four.result(10) == 4
    assert isinstance(last.exception(10), OSError)


def test_threads_that_share_an_iterator_share_its_results():
    calls = on(square).map(range(400), buffersize=20)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: list(calls), range(4)))
    assert sorted(itertools.chain(*parts)) == [x * x for x in range(400)]


def test_maps_inside_of_maps_finish_on_one_worker():
    runner_of_both = runner(workers=1)
    inner = square.with_runner(runner_of_both)

    @use_runner(runner_of_both)
    def outer(x):
        return sum(inner.map(range(x)))

    assert outer.map(range(5)).wait() == [0, 0, 1, 5, 14]


def test_a_map_in_a_thread_of_a_function_finishes_on_one_worker():
    runner_of_both = runner(workers=1)
    inner = square.with_runner(runner_of_both)

    @use_runner(runner_of_both)
    def outer(x):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: sum(inner.map(range(x, x + 3)))).result()

    assert outer.submit(1).result() == 14  # in this thread, which takes no slot
    results = []
    thread = threading.Thread(target=lambda: results.extend(outer.map([2, 3]).wait()), daemon=True)
    thread.start()
    thread.join(30)
    assert results == [29, 50]


def test_two_maps_over_one_runner_take_turns(gate):
    shared = runner(workers=1)
    names = {}
    for name, size in (("many", 200), ("few", 20)):
        names[name] = gated.with_runner(shared).map([gate] * size, [f"{name}{x}" for x in range(size)])
    slots = shared._parts.slots.at(0)
    while len(slots._owners) < 219:  # one runs, and stands before the gate
        threading.Event().wait(0.01)
    ORDER.clear()
    GATES[gate].set()
    names["few"].wait()
    names["many"].wait()
    assert len(ORDER) >= 219
    assert max(ORDER.index(f"few{x}") for x in range(20)) < 60


# ------------------------------------------------------------------------------------------------ event loops
def test_results_are_awaited_in_a_loop():
    function = on(every_fifth_fails)

    async def main():
        seen = []
        calls = function.map(range(1, 8))
        while True:
            try:
                seen.append(await anext(calls))
            except ValueError as error:
                seen.append(str(error))
            except StopAsyncIteration:
                return seen

    assert asyncio.run(main()) == [1, 2, 3, 4, "5", 6, 7]


def test_what_is_ready_is_handed_out_in_a_loop_while_an_input_is_awaited():
    goes_on = threading.Event()

    def inputs():
        yield from range(3)
        assert goes_on.wait(30)
        yield 3

    function, seen = on(square), []
    function.map(range(4)).wait()

    async def main():
        async for result in function.map(inputs()):
            seen.append(result)
            if len(seen) == 3:
                goes_on.set()

    asyncio.run(main())
    assert seen == [0, 1, 4, 9]


def test_a_task_that_is_cancelled_while_it_awaits_loses_no_result(gate):
    calls = on(gated).map([gate] * 3, range(3))

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(calls), 0.05)
        GATES[gate].set()
        return [result async for result in calls]

    assert asyncio.run(main()) == [0, 1, 2]


def test_the_loop_runs_while_a_map_waits(gate):
    calls = on(gated).map([gate], [1])

    async def main():
        asyncio.get_running_loop().call_later(0.05, GATES[gate].set)
        return [result async for result in calls]

    assert asyncio.run(main()) == [1]


# ------------------------------------------------------------------------------------------------ the end
def test_cancelling_leaves_what_runs_and_says_so_at_the_place_of_the_others(gate):
    read = []
    calls = on(gated, workers=2).map(itertools.repeat(gate), read_by(range(100), read), buffersize=10)
    for _ in range(2):
        assert STARTED[gate].acquire(timeout=10)
    while calls.counts.running < 2:
        pass
    assert calls.cancel() == 8
    assert calls.cancel() == 0
    GATES[gate].set()
    assert [next(calls), next(calls)] == [0, 1]
    for _ in range(8):
        with pytest.raises(CancelledError):
            next(calls)
    with pytest.raises(CancelledError, match="after 10 inputs, no more were read"):
        next(calls)
    assert list(calls) == []
    assert calls.counts == (2, 0, 0, 8, 0, 0, None)
    assert len(read) == 10


def test_dropping_the_iterator_cancels_what_has_not_started_and_says_how_many(gate, caplog):
    function = on(gated, workers=1)
    calls = function.map([gate] * 10, range(10), buffersize=6)
    assert STARTED[gate].acquire(timeout=10)
    while calls.counts.running < 1:
        pass
    del calls
    while not told(caplog):
        threading.Event().wait(0.01)
    (line,) = told(caplog)
    assert line == (
        "a map of gated was dropped: 5 calls that had not started are cancelled, 1 run on, inputs were left unread"
    )
    GATES[gate].set()
    assert function(gate, 0) == 0
    assert not STARTED[gate].acquire(timeout=0.1)


def test_a_map_is_dropped_by_whoever_holds_any_lock(gate, caplog):
    calls = [on(gated, workers=1).map([gate] * 3, range(3))]  # the garbage collector chooses neither thread nor moment
    assert STARTED[gate].acquire(timeout=10)

    def drop():
        with _flights_here().lock, engine()._lock:
            calls.clear()

    thread = threading.Thread(target=drop, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    drops_are_served()
    assert "a map of gated was dropped: 2 calls" in caplog.text


def test_an_iterator_that_came_to_its_end_is_dropped_silently(caplog):
    function = on(square)
    list(function.map(range(5)))
    function.map(range(5)).wait()
    gc.collect()
    drops_are_served()
    assert told(caplog) == []


def test_failures_that_nobody_looked_at_are_told(caplog):
    caplog.set_level(logging.WARNING, "mops")
    calls = on(every_fifth_fails).map(range(1, 7))
    assert next(calls) == 1
    wait_for_futures(calls._course.futures(), timeout=10)
    calls.close()
    calls.close()
    del calls
    gc.collect()
    drops_are_served()
    (line,) = told(caplog)
    assert line == "a map of every_fifth_fails was dropped: 1 had failed"


def test_the_total_is_known_where_the_inputs_know_it():
    assert on(square).map([1, 2, 3]).counts.total == 3
    assert on(add).map([1, 2, 3], range(2)).counts.total == 2
    assert not isinstance(iter([1]), Sized)
    assert on(square).map(iter([1])).counts.total is None


def test_a_map_that_was_cancelled_gives_what_it_has_where_exceptions_are_results(gate):
    calls = on(gated, workers=1).map(itertools.repeat(gate), range(100), buffersize=2, return_exceptions=True)
    assert STARTED[gate].acquire(timeout=10)
    calls.cancel()
    GATES[gate].set()
    results = calls.wait()
    assert results[0] == 0
    assert all(isinstance(each, CancelledError) for each in results[1:])
