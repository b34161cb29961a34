"""Watching a root: what is seen, and what is read for it."""

import time
from uuid import uuid4

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.records.watching import Watcher
from mops.core.answers import Ticket
from mops.core.blob_layout import memo_from_folder, session_key, session_owner
from mops.core.claim import adoption_parts, claim_parts, end_parts
from mops.core.envelope import HEARTBEAT, RESULT, TOMBSTONE, header_json, seal
from mops.core.failure import FailureRecord

NOW = time.time()
BOOM = FailureRecord(message="boom\n\x1b[31m", traceback="", lineage=["builtins:ValueError"])


class CountingStore(MemoryBlobStore):
    """Notes which keys are read, and says when a test wants blobs to have been written."""

    def __init__(self):
        super().__init__(uuid4().hex)
        self.read = []
        self.ages = {}

    def get(self, key, /):
        self.read.append(key.rpartition("/")[2])
        return super().get(key)

    def list(self, prefix, /, *, after=""):
        for info in super().list(prefix, after=after):
            yield info._replace(modified=NOW - self.ages.get(info.key, 0.0))

    def age(self, prefix, seconds):
        self.ages.update({info.key: seconds for info in super().list(prefix)})


@pytest.fixture
def store():
    return CountingStore()


def memo(number):
    return memo_from_folder(f"mops1/memo/default/m--f{number}@v1/any/{number:064x}")


def ticket(session="s", utc=NOW - 10, pid=7):
    return Ticket(session, "1", utc, b'{"host":"far","pid":%d}' % pid)


def put(store, memo, slot, parts):
    store.put(f"{memo.folder}/{slot}", *parts)


def claimed(store, number, *, epoch=1, generation=0, about=b"{}", **who):
    put(store, memo(number), f"e{epoch}", claim_parts(memo(number), epoch, generation, ticket(**who), about))


def adopted(store, number, slot="e1.1", **who):
    put(store, memo(number), slot, adoption_parts(memo(number), slot, ticket(**who)))


def ended(store, number, slot="e1.1", failure=BOOM, **who):
    put(store, memo(number), slot, end_parts(memo(number), slot, ticket(**who), "failed", failure))


def stored(store, number, generation=0, kind=RESULT):
    slot = f"r{generation}"
    put(store, memo(number), slot, seal(kind, owner=memo(number).digest, slot=slot, header=b'{"epoch":1}'))


def beat(store, session="s", *, gone=False, interval=10.0, owed=(), age=3.0):
    header = header_json(gone=gone, interval=interval, owed=list(owed), count=1)
    store.put(session_key(session), *seal(HEARTBEAT, owner=session_owner(session), slot="session", header=header))
    store.ages[session_key(session)] = age


def seen(view):
    return [(sight.matter, sight.function) for sight in view.sights]


def test_a_call_that_runs_is_seen_with_its_owner_since_when_and_its_last_beat(store):
    claimed(store, 1, about=b'{"remote":true}', session="holder")
    adopted(store, 1, utc=NOW - 8, pid=9, session="remote")
    beat(store, "remote")
    (sight,) = Watcher(store).look(NOW).sights
    assert (sight.matter, sight.function, sight.where) == ("running", "m:f1@v1", "far:9")
    assert sight.since == pytest.approx(NOW - 8)
    assert sight.beat == pytest.approx(3.0)
    assert sight.uri == f"{store.uri}/{memo(1).folder}"


def test_a_call_whose_shell_was_asked_and_that_no_remote_runs_yet_waits(store):
    claimed(store, 1, about=b'{"remote":true}')
    claimed(store, 2, about=b'{"remote":false}')
    claimed(store, 3)
    assert dict(map(reversed, seen(Watcher(store).look(NOW)))) == {
        "m:f1@v1": "waiting",
        "m:f2@v1": "running",
        "m:f3@v1": "running",
    }


def test_a_call_whose_remote_is_gone_waits_for_the_next_one(store):
    claimed(store, 1, about=b'{"remote":true}', session="holder")
    adopted(store, 1, session="remote", pid=9)
    beat(store, "remote", gone=True)
    (sight,) = Watcher(store).look(NOW).sights
    assert (sight.matter, sight.where) == ("waiting", "far:7")


def test_an_owner_that_was_not_heard_of_for_six_intervals_is_silent_and_after_an_hour_nobodys_news(store):
    claimed(store, 1)
    beat(store, interval=2.0, age=13.0)
    store.age("mops1/memo/", 100.0)
    watcher = Watcher(store)
    assert seen(watcher.look(NOW)) == [("silent", "m:f1@v1")]
    later = watcher.look(NOW + 3600)
    assert (later.sights, later.counts) == ((), {"silent": 1})


def test_a_call_that_was_left_is_interrupted(store):
    claimed(store, 1)
    beat(store, owed=[f"{memo(1).folder}/e1#1"])
    assert seen(Watcher(store).look(NOW)) == [("interrupted", "m:f1@v1")]


def test_a_failure_is_seen_for_an_hour_and_what_it_said_is_harmless(store):
    claimed(store, 1)
    ended(store, 1)
    watcher = Watcher(store)
    (sight,) = watcher.look(NOW).sights
    assert (sight.matter, sight.note) == ("failed", "ValueError: boom \\x1b[31m")
    assert watcher.look(NOW + 3500).sights == (sight,)
    assert watcher.look(NOW + 3700).sights == ()
    assert watcher.look(NOW + 3700).counts == {"failed": 1}


def test_what_runs_comes_first_the_longest_first_and_the_latest_failure_before_the_others(store):
    for number, since in ((1, 20), (2, 30)):
        claimed(store, number, utc=NOW - since)
    for number, since in ((3, 20), (4, 10)):
        claimed(store, number)
        ended(store, number, utc=NOW - since)
    assert [name for _, name in seen(Watcher(store).look(NOW))] == ["m:f2@v1", "m:f1@v1", "m:f4@v1", "m:f3@v1"]


def test_a_call_that_is_done_is_counted_by_the_names_of_its_blobs_and_not_read(store):
    for number in range(5):
        claimed(store, number)
        stored(store, number)
    store.read.clear()
    assert Watcher(store).look(NOW).counts == {"done": 5}
    assert store.read == []


def test_what_is_over_is_read_once_and_what_runs_once_but_for_its_beat(store):
    claimed(store, 1)
    ended(store, 1)
    claimed(store, 2)
    beat(store)
    watcher = Watcher(store)
    first = watcher.look(NOW)
    store.read.clear()
    assert watcher.look(NOW) == first
    assert store.read == []
    beat(store, age=1.0)
    assert watcher.look(NOW).sights[0].beat == pytest.approx(1.0)
    assert store.read == ["s"]


def test_a_call_that_failed_and_runs_again_is_seen_to_run_and_then_to_be_done(store):
    claimed(store, 1)
    ended(store, 1)
    watcher = Watcher(store)
    watcher.look(NOW)
    claimed(store, 1, epoch=2)
    assert seen(watcher.look(NOW)) == [("running", "m:f1@v1")]
    stored(store, 1)
    assert watcher.look(NOW).counts == {"done": 1}


def test_a_call_that_was_voided_and_runs_again_is_seen(store):
    claimed(store, 1)
    stored(store, 1, kind=TOMBSTONE)
    claimed(store, 1, epoch=2, generation=1)
    assert seen(Watcher(store).look(NOW)) == [("running", "m:f1@v1")]


def test_calls_and_sessions_that_were_removed_are_forgotten(store):
    claimed(store, 1)
    beat(store)
    watcher = Watcher(store)
    watcher.look(NOW)
    for info in list(store.list("mops1/")):
        store.delete(info.key)
    assert watcher.look(NOW).counts == {}
    assert (watcher._known, watcher._headers) == ({}, {})
