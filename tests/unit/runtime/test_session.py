"""A session beats while it holds something, names what it owes, and is looked at once an interval."""

import threading

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.core.answers import GONE
from mops.core.blob_layout import session_key
from mops.core.errors import StoreUnavailable
from mops.runtime.clock import SystemClock
from mops.runtime.session import Pulses, Session


class FakeClock:
    """Stands still until it is set."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def utc_now(self):
        return 1.7e9 + self.now


class CountingStore(MemoryBlobStore):
    """Counts reads, and is out of reach on demand."""

    reads = 0
    is_down = False

    def get(self, key, /):
        self.reads += 1
        return super().get(key)

    def put(self, key, /, *parts):
        if self.is_down:
            raise StoreUnavailable("down")
        super().put(key, *parts)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(request):
    return CountingStore(request.node.name)


def test_tickets_are_unique(store, clock):
    one, two = Session(store, clock), Session(store, clock)
    tickets = [session.issue() for session in (one, two) for _ in range(100)]
    assert len({(ticket.session, ticket.nonce) for ticket in tickets}) == 200
    assert {ticket.session for ticket in tickets} == {one.id, two.id}


def test_each_beat_is_another_token_and_announces_the_interval(store, clock):
    session, pulses = Session(store, clock, 3.0), Pulses(store, clock)
    session.beat()
    first = pulses.look(session.id)
    clock.now += 3
    session.beat()
    second = pulses.look(session.id)
    assert first.token != second.token
    assert (first.interval, second.seen_at - first.seen_at) == (3.0, 3.0)


def test_a_session_is_read_once_in_half_an_interval_whoever_asks(store, clock):
    session, pulses = Session(store, clock, 10.0), Pulses(store, clock)
    session.beat()
    store.reads = 0
    for _ in range(10):
        pulses.look(session.id)
        clock.now += 0.4
    assert store.reads == 1
    clock.now += 2
    pulses.look(session.id)
    assert store.reads == 2


def test_a_session_that_never_beat_and_one_that_cannot_be_read_are_looked_at_in_the_default_interval(store, clock):
    store.put(session_key("damaged"), b"no envelope")
    pulses = Pulses(store, clock)
    assert (pulses.look("unheard").token, pulses.look("unheard").interval) == (None, 10.0)
    assert (pulses.look("damaged").token, pulses.look("damaged").interval) == ("unreadable", 10.0)


def test_nothing_is_written_after_a_session_has_departed(store, clock):
    session, pulses = Session(store, clock), Pulses(store, clock)
    session.depart()
    session.beat()
    assert pulses.look(session.id).token == GONE


def test_what_is_owed_stands_in_the_heartbeat_and_is_not_held(store, clock):
    session, pulses = Session(store, clock), Pulses(store, clock)
    session.enter("one")
    session.enter("two")
    session.owe("two", lambda: iter(()))
    session.beat()
    assert pulses.look(session.id).owed == frozenset({"two"})
    assert session.holds("one")
    assert not session.holds("two")
    session.exit("two")
    clock.now += 10
    session.beat()
    assert pulses.look(session.id).owed == frozenset()
    assert not session.holds("never entered")


def test_a_store_that_is_out_of_reach_does_not_end_a_beat(store, clock):
    session = Session(store, clock)
    store.is_down = True
    session.beat()
    store.is_down = False
    session.beat()
    assert Pulses(store, clock).look(session.id).token == 2


def test_a_beat_that_could_not_be_written_is_due_again_as_soon_as_others_give_an_unheard_session_up(store, clock):
    rare, often = Session(store, clock, 60.0), Session(store, clock, 1.0)
    assert (rare.beat(), often.beat()) == (60.0, 1.0)
    store.is_down = True
    assert (rare.beat(), often.beat()) == (10.0, 1.0)


def test_a_process_writes_one_heartbeat_an_interval_however_much_it_holds(store):
    session = Session(store, SystemClock(), 0.02)
    written, enough = [], threading.Event()
    put, before = store.put, set(threading.enumerate())

    def counting(key, /, *parts):
        put(key, *parts)
        written.append((key, Pulses(store, SystemClock()).look(session.id).token))
        if len(written) == 5:
            enough.set()

    store.put = counting
    for number in range(1_000):
        session.enter(f"call {number}")
        session.keep_beating(lambda steps: next(steps, None))
    assert enough.wait(30)
    started = set(threading.enumerate()) - before
    for number in range(1_000):
        session.exit(f"call {number}")
    assert written[:5] == [(session_key(session.id), count) for count in range(1, 6)]
    assert len(started) == 1


def test_a_session_beats_while_it_holds_something_and_pays_what_it_owes(store):
    session, paid = Session(store, SystemClock(), 0.02), threading.Event()
    attempts = []

    def release():
        attempts.append(1)
        if len(attempts) < 3:
            raise StoreUnavailable("down")
        session.exit("owed")
        paid.set()
        yield from ()

    session.enter("held")
    session.owe("owed", release)
    session.keep_beating(lambda steps: next(steps, None))
    assert paid.wait(10)
    assert len(attempts) == 3
    session.exit("held")

    def count():
        return Pulses(store, SystemClock()).look(session.id).token

    pause = threading.Event()
    while True:  # a beat may be on its way
        before = count()
        pause.wait(0.1)
        if count() == before:
            break
    session.enter("again")
    session.keep_beating(lambda steps: next(steps, None))
    for _ in range(500):
        if count() > before:
            break
        pause.wait(0.02)
    assert count() > before
    session.exit("again")
