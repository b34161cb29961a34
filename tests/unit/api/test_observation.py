"""Observing calls: what arrives, and that no observer can do harm."""

import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

import mops
from mops import MemoizingPicklingRunner, events, use_runner
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.core.errors import ConfigurationError, StoreUnavailable
from mops.runtime.observers import OBSERVERS


@pytest.fixture
def seen():
    told = []
    with mops.observe(told.append):
        yield told


def decorated(function, **options):
    return use_runner(MemoizingPicklingRunner(blob_root=MemoryBlobStore(uuid4().hex), **options))(function)


def half(number):
    return 1 / (number - 1) if number < 2 else number / 2


def names(told):
    return [type(event).__name__ for event in told]


def test_a_miss_and_a_hit(seen):
    f = decorated(half)
    f(8), f(8)
    assert names(seen) == ["Claimed", "Started", "Published", "Hit"]
    published, hit = seen[2:]
    assert (hit.saved, hit.bytes) == (published.elapsed, published.bytes)
    assert published.bytes > 0
    assert published.elapsed > 0
    assert {(event.function, event.memo_uri) for event in seen} == {(f"{__name__}:half", f.memo_uri(8))}
    assert sorted(event.utc for event in seen) == [event.utc for event in seen]


@pytest.mark.parametrize("form", [Path, mops.Source.from_file])
def test_the_files_of_a_value_count_whoever_reads_it(seen, tmp_path, form):
    (tmp_path / "a.bin").write_bytes(bytes(5000))
    f = decorated(lambda: form(tmp_path / "a.bin"))
    f(), f()
    published, hit = seen[2:]
    assert published.bytes == hit.bytes > 5000


def test_a_function_that_raises(seen):
    with pytest.raises(ZeroDivisionError):
        decorated(half)(1)
    assert names(seen) == ["Claimed", "Started", "Failed"]
    assert (seen[-1].epoch, seen[-1].error) == (1, "builtins:ZeroDivisionError")
    assert "division" in seen[-1].message


def test_a_failure_that_is_served_as_it_is_stored_is_a_hit(seen):
    f = decorated(half, memoize_exceptions=(ZeroDivisionError,))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            f(1)
    assert names(seen) == ["Claimed", "Started", "Failed", "Hit"]
    assert (seen[-1].saved, seen[-1].bytes) == (None, 0)


def test_submitted_calls_are_told_as_well(seen):
    f = decorated(half)
    assert (f.submit(8).result(), f.submit(8).result()) == (4, 4)
    assert names(seen) == ["Claimed", "Started", "Published", "Hit"]


def test_a_call_that_fails_before_there_is_an_attempt_has_no_epoch(seen):
    class Unreachable(MemoryBlobStore):
        def get(self, key, /):
            raise StoreUnavailable("no route")

    f = use_runner(MemoizingPicklingRunner(blob_root=Unreachable(uuid4().hex), store_patience=(0, 0)))(half)
    with pytest.raises(StoreUnavailable):
        f(8)
    with pytest.raises(StoreUnavailable):
        f.submit(8).result()
    assert [(type(event), event.epoch, event.error) for event in seen] == [
        (events.Failed, None, "mops.core.errors:StoreUnavailable")
    ] * 2


def test_a_call_that_waits_for_another_is_a_hit(seen):
    began, go = threading.Event(), threading.Event()

    def slow(began, go):
        began.set()
        go.wait()
        return 1

    f = use_runner(MemoizingPicklingRunner(blob_root=MemoryBlobStore(uuid4().hex)), ignore=("began", "go"))(slow)
    with ThreadPoolExecutor(2) as pool, mops.observe(lambda event: isinstance(event, events.Waiting) and go.set()):
        first = pool.submit(f, began, go)
        began.wait(60)
        assert f(began, go) == first.result() == 1
    assert sorted(names(seen)) == ["Claimed", "Hit", "Published", "Started", "Waiting"]


def test_peeking_explaining_and_plain_calls_are_not_told(seen):
    f = decorated(half)
    f.peek(8), f.explain(8), f.memo_uri(8)
    use_runner(MemoizingPicklingRunner(blob_root=MemoryBlobStore(uuid4().hex)), skip_runner=True)(half)(8)
    assert seen == []


def test_an_observer_that_raises_is_reported_once_and_fails_no_call(caplog):
    told = []

    def bad(event):
        told.append(event)
        raise RuntimeError("I am broken")

    f = decorated(half)
    with caplog.at_level(logging.WARNING, "mops"), mops.observe(bad):
        assert (f(8), f(8)) == (4, 4)
    (report,) = caplog.records
    assert "bad" in report.getMessage()
    assert "I am broken" in report.exc_text
    assert len(told) == 4


def test_after_it_is_closed_an_observer_hears_nothing():
    told = []
    handle = mops.observe(told.append)
    other = mops.observe(told.append)
    handle.close()
    handle.close()
    decorated(half)(8)
    assert len(told) == 3
    other.close()
    assert OBSERVERS == []


def test_observers_may_come_and_go_while_they_are_told():
    handles, told = [], []

    def leave(event):
        told.append(event)
        handles.pop().close()

    handles.append(mops.observe(leave))
    decorated(half)(8)
    assert names(told) == ["Claimed"]


def test_without_an_observer_a_program_loads_no_events(tmp_path):
    program = (
        "import sys; from mops import MemoizingPicklingRunner, use_runner\n"
        f"f = use_runner(MemoizingPicklingRunner(blob_root={str(tmp_path)!r}))(abs)\n"
        "print(f(-1), f(-1), 'mops.core.events' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "1 1 False\n"


def test_what_cannot_be_called_is_refused():
    with pytest.raises(ConfigurationError, match="cannot be called"):
        mops.observe(None)
    assert OBSERVERS == []
