"""What observers are told of one call, in order."""

from typing import get_args

import attrs
import pytest

from mops.core import claim, events, orchestrate
from mops.core.answers import Job, Ran, Ticket
from mops.core.effects import News, Tell
from mops.core.envelope import RESULT, seal
from mops.core.errors import StoreFull, UnserializableError
from mops.core.failure import FailureRecord
from mops.core.result import Failure, Success
from tests.unit.core.desk import MEMO, PRODUCER, Bytes, Desk, call, nothing, raising

OTHER = Ticket("other", "9", 0.0, PRODUCER)
STORED = seal(RESULT, owner=MEMO.digest, slot="r0", segments=[b"stored"])


def told(desk, **options):
    """Drive a call to its end, and return what was told of it: news and epoch."""
    desk.drive(orchestrate.obtain(call(**options)))
    assert all(news.folder == MEMO.folder for news in desk.effects(Tell))
    return [(news.what, news.epoch) for news in desk.effects(Tell)]


def about(desk, what):
    (found,) = [news.about for news in desk.effects(Tell) if news.what == what]
    return found


def test_of_a_hit_at_the_first_look_the_core_tells_nothing():
    desk = Desk()
    desk.put("r0", STORED)
    assert told(desk) == []


def test_a_miss_in_this_process_is_claimed_started_and_published():
    desk = Desk()
    desk.ran = Ran(Success(b"the value"), 1.0, 2.5)
    assert told(desk) == [("claimed", 1), ("started", 1), ("published", 1)]
    assert (about(desk, "published").elapsed, about(desk, "published").size) == (2.5, 9)


def test_a_function_that_raises_is_claimed_started_and_failed():
    desk = Desk()
    desk.ran = Ran(Failure(ValueError("boom")), 1.0, 1.0)
    assert told(desk) == [("claimed", 1), ("started", 1), ("failed", 1)]
    assert about(desk, "failed") is desk.ran.result


@pytest.mark.parametrize("refused", ["PutIfAbsent r0", "Sync r0"])
def test_a_value_that_the_store_does_not_take_is_a_failure_but_one_that_is_not_synced_is_none(refused):
    desk = Desk()
    desk.on[refused] = [raising(StoreFull("full"))]
    assert told(desk)[-1] == ("failed" if refused == "PutIfAbsent r0" else "published", 1)


def test_a_value_that_cannot_be_serialized_is_a_failure():
    class Unpicklable(Bytes):
        def dumps(self, value):
            raise UnserializableError("it holds a lock")

    desk = Desk()
    assert told(desk, serializer=Unpicklable())[-1] == ("failed", 1)
    assert isinstance(about(desk, "failed").exception, UnserializableError)


def test_each_attempt_is_told():
    desk = Desk()
    desk.ran = Ran(Failure(ValueError("boom")), 1.0, 1.0)
    desk.waits = [lambda: setattr(desk, "ran", Ran(Success(b"at last"), 1.0, 1.0))]
    assert told(desk, retry=lambda _: 1.0) == [
        ("claimed", 1),
        ("started", 1),
        ("failed", 1),
        ("claimed", 2),
        ("started", 2),
        ("published", 2),
    ]


def test_a_miss_with_a_remote_is_claimed_started_adopted_and_published():
    desk = Desk()
    desk.job = Job(started=False, ended=False)
    desk.waits = [
        nothing,
        lambda: setattr(desk, "job", Job(started=True, ended=False)),
        lambda: desk.put("e1.1", claim.adoption_parts(MEMO, "e1.1", OTHER)),
        nothing,
        lambda: desk.put("r0", STORED),
    ]
    assert told(desk, inline=False) == [("claimed", 1), ("started", 1), ("adopted", 1), ("published", 1)]
    assert about(desk, "published").size == len(b"stored")


def test_a_remote_that_fails_is_told_as_it_said():
    record = FailureRecord(message="boom", traceback="", lineage=["ValueError"])
    desk = Desk()
    desk.waits = [lambda: desk.put("e1.1", claim.end_parts(MEMO, "e1.1", OTHER, claim.FAILED, record))]
    assert told(desk, inline=False) == [("claimed", 1), ("started", 1), ("failed", 1)]
    assert about(desk, "failed").message == "boom"


def test_a_call_that_another_process_runs_is_waiting_and_then_a_hit():
    desk = Desk()
    desk.put("e1", claim.claim_parts(MEMO, 1, 0, OTHER, b"{}"))
    desk.waits = [nothing, nothing, lambda: desk.put("r0", STORED)]
    assert told(desk) == [("waiting", 1), ("hit", 1)]
    assert about(desk, "hit").size == len(b"stored")


def test_a_failure_that_was_waited_for_is_told_once_the_other_has_failed():
    record = FailureRecord(message="boom", traceback="", lineage=["ValueError"])
    desk = Desk()
    desk.put("e1", claim.claim_parts(MEMO, 1, 0, OTHER, b"{}"))
    desk.waits = [lambda: desk.put("e1.1", claim.end_parts(MEMO, "e1.1", OTHER, claim.FAILED, record))]
    assert told(desk) == [("waiting", 1), ("failed", 1)]


def test_a_failure_that_is_served_as_it_is_stored_is_told_by_the_driver_alone():
    record = FailureRecord(message="boom", traceback="", lineage=["ValueError"])
    desk = Desk()
    desk.put("e1", claim.claim_parts(MEMO, 1, 0, OTHER, b"{}"))
    desk.put("e1.1", claim.end_parts(MEMO, "e1.1", OTHER, claim.FAILED, record))
    assert told(desk, memoized=frozenset({"ValueError"})) == []


def test_a_result_that_was_published_while_we_claimed_is_a_hit():
    desk = Desk()
    desk.put("e1", claim.claim_parts(MEMO, 1, 0, OTHER, b"{}"))
    desk.put("e1.1", claim.end_parts(MEMO, "e1.1", OTHER, claim.LEFT))
    desk.on["PutIfAbsent e2"] = [lambda: desk.put("r0", STORED)]
    assert told(desk) == [("claimed", 2), ("hit", 2)]


def test_there_is_an_event_for_every_kind_of_news():
    kinds = {kind.__name__.lower(): kind for kind in events.Event.__subclasses__()}
    assert kinds.keys() == set(get_args(News))
    assert all(attrs.has(kind) and "__dict__" not in dir(kind) for kind in kinds.values())
    assert events.Claimed(function="m:f", memo_uri="u", utc=1.0, epoch=1) != events.Started(
        function="m:f", memo_uri="u", utc=1.0, epoch=1
    )
