"""A call after a failure: tried again, served as it is stored, or waited for where an earlier process started it."""

import pytest

from mops.core import claim, orchestrate
from mops.core.answers import Job, Ran, Ticket
from mops.core.claim import End
from mops.core.effects import Attach, Detach, Start, Stop, Wait
from mops.core.failure import FailureRecord
from mops.core.publish import result_parts
from mops.core.result import Failure, Success
from mops.core.stored_value import StoredValue
from tests.unit.core.desk import MEMO, PRODUCER, Desk, call, key

BOOM = Ran(Failure(ValueError("boom")), 0.0, 1.0)
RECORD = FailureRecord(message="boom", traceback="", lineage=["builtins:ValueError", "builtins:Exception"])


def delays(*seconds):
    """A policy: one wait after each failure, until there are none left."""
    left = list(seconds)
    return lambda _: left.pop(0) if left else None


def obtain(desk, **options):
    return desk.drive(orchestrate.obtain(call(**options)))


def claimed_by_another(desk, number, *, generation=0):
    ticket = Ticket("another", f"{number}", 0.0, PRODUCER)
    desk.put(f"e{number}", claim.claim_parts(MEMO, number, generation, ticket, b"{}"))


def failed_before(desk, number, *, generation=0, failure=RECORD):
    claimed_by_another(desk, number, generation=generation)
    ticket = Ticket("another", f"{number} ended", 0.0, PRODUCER)
    desk.put(f"e{number}.1", claim.end_parts(MEMO, f"e{number}.1", ticket, claim.FAILED, failure))


def why_ended(desk, slot):
    record = claim.read_log_record(MEMO, slot, desk.blobs[key(slot)])
    assert isinstance(record, End)
    return record.why


# ------------------------------------------------------------------------------------------------ tried again
def test_a_failure_is_tried_again_in_the_next_epoch_after_the_delay():
    desk = Desk()
    desk.ran = BOOM
    desk.waits = [lambda: setattr(desk, "ran", Ran(Success(b"at last"), 0.0, 1.0))]
    assert obtain(desk, retry=delays(7.0)).result == Success(b"at last")
    assert desk.now == 7.0
    assert why_ended(desk, "e1.1") == claim.FAILED
    assert key("e2") in desk.blobs
    assert desk.table == []


def test_a_call_holds_no_slot_until_the_next_attempt():
    desk = Desk()
    desk.ran = BOOM
    desk.waits = [lambda: setattr(desk, "ran", Ran(Success(b"at last"), 0.0, 1.0))]
    obtain(desk, retry=delays(7.0))
    kinds = [type(effect) for effect in desk.done]
    assert kinds.index(Stop) < kinds.index(Wait)
    assert kinds.count(orchestrate.Admit) == 2


def test_a_wait_that_is_cut_short_goes_on():
    desk = Desk()
    desk.ran = BOOM

    def woken():
        desk.now -= 5.0

    desk.waits = [woken, lambda: setattr(desk, "ran", Ran(Success(b"at last"), 0.0, 1.0))]
    obtain(desk, retry=delays(7.0))
    assert desk.now == 7.0


def test_the_last_failure_is_delivered():
    desk = Desk()
    desk.ran = BOOM
    desk.waits = [lambda: None, lambda: None]
    assert obtain(desk, retry=delays(1.0, 1.0)).result is BOOM.result
    assert [slot for slot in ("e1", "e2", "e3", "e4") if key(slot) in desk.blobs] == ["e1", "e2", "e3"]


def test_the_failure_of_a_command_is_tried_again_with_a_command():
    desk = Desk()

    def fail():
        desk.job = Job(started=True, ended=True, error=OSError("evicted"))

    def due():
        desk.job = Job(started=True, ended=False)

    desk.waits = [fail, due, fail]
    answer = obtain(desk, inline=False, retry=delays(1.0))
    assert answer.result.message == "evicted"
    assert [start.epoch for start in desk.effects(Start)] == [1, 2]
    assert len(desk.effects(Stop)) == 2


# ------------------------------------------------------------------------------------------------ served as stored
def test_a_memoized_failure_is_served_and_nothing_is_run():
    desk = Desk()
    failed_before(desk, 1)
    answer = obtain(desk, memoized=frozenset({"builtins:ValueError"}), retry=delays(1.0))
    assert answer.hit
    assert answer.result.message == "boom"
    assert key("e2") not in desk.blobs


@pytest.mark.parametrize("memoized", [frozenset(), frozenset({"builtins:KeyError"})])
def test_other_failures_are_computed_anew(memoized):
    desk = Desk()
    failed_before(desk, 1)
    assert obtain(desk, memoized=memoized).result == Success(b"the value")


def test_a_memoized_failure_of_a_voided_generation_is_computed_anew():
    desk = Desk()
    failed_before(desk, 1)
    desk.drive(claim.void(MEMO, 0, 1.0))
    assert obtain(desk, memoized=frozenset({"builtins:ValueError"})).result == Success(b"the value")


# ------------------------------------------------------------------------------------------------ found again
def test_what_a_dead_holder_started_is_found_and_waited_for():
    desk = Desk()
    claimed_by_another(desk, 1)
    desk.dead, desk.found = True, True
    parts = result_parts(
        MEMO, 0, 1, Ran(None, 0.0, 1.0), Ticket("another", "2", 0.0, PRODUCER), "bytes", StoredValue([b"from afar"])
    )
    desk.waits = [lambda: None, lambda: desk.put("r0", parts)]
    assert obtain(desk, inline=False).result == Success(b"from afar")
    assert [attach.epoch for attach in desk.effects(Attach)] == [1]
    assert desk.effects(Start) == []
    assert key("e1.1") not in desk.blobs


def test_what_a_dead_holder_started_and_nobody_finds_is_taken_over():
    desk = Desk()
    claimed_by_another(desk, 1)
    desk.dead = True
    assert obtain(desk).result == Success(b"the value")
    assert why_ended(desk, "e1.1") == claim.TAKEN_OVER


def test_a_command_that_was_found_and_ended_without_an_outcome_fails_its_epoch():
    desk = Desk()
    claimed_by_another(desk, 1)
    desk.dead, desk.found = True, True
    desk.waits = [lambda: setattr(desk, "job", Job(started=True, ended=True, error=OSError("evicted")))]
    answer = obtain(desk, inline=False)
    assert answer.result.message == "evicted"
    assert len(desk.effects(Detach)) == 1
    assert why_ended(desk, "e1.1") == claim.FAILED


def test_a_command_that_was_found_and_never_reports_fails_its_epoch():
    desk = Desk()
    claimed_by_another(desk, 1)
    desk.dead, desk.found = True, True
    desk.waits = [lambda: None] * 200
    answer = obtain(desk, inline=False)
    assert "no sign of a remote" in answer.result.message


# ------------------------------------------------------------------------------------------------ many attempts before
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 100])
def test_the_last_of_many_attempts_is_found_by_doubling(count):
    desk = Desk()
    for number in range(1, count + 1):
        failed_before(desk, number)
    assert obtain(desk).result == Success(b"the value")
    assert key(f"e{count + 1}") in desk.blobs
    assert len(desk.asked) <= 12 + 2 * count.bit_length()


def test_the_last_attempt_decides_what_is_served_as_stored():
    desk = Desk()
    for number in range(1, 10):
        failed_before(desk, number)
    failed_before(desk, 10, failure=FailureRecord(message="another", traceback="", lineage=["builtins:KeyError"]))
    answer = obtain(desk, memoized=frozenset({"builtins:KeyError"}))
    assert (answer.hit, answer.result.message) == (True, "another")
