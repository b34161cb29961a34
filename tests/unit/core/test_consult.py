"""What is stored of a call, and what somebody else's execution of it comes to: nothing is claimed, nothing started."""

import pytest

from mops.core import claim, consult
from mops.core.answers import Ticket
from mops.core.claim import End
from mops.core.envelope import RESULT, StoredSegment, seal
from mops.core.errors import NothingToAttachTo
from mops.core.failure import FailureRecord
from mops.core.result import Success
from tests.unit.core.desk import MEMO, PRODUCER, Desk, call, key, pulse

OTHER = Ticket("other", "9", 0.0, PRODUCER)
RECORD = FailureRecord(message="boom", traceback="", lineage=["ValueError"])


def value_of(generation, *segments):
    return seal(RESULT, owner=MEMO.digest, slot=f"r{generation}", segments=segments or [b"stored"])


def claimed(desk, number, about=b"{}"):
    desk.put(f"e{number}", claim.claim_parts(MEMO, number, 0, Ticket("other", f"{number}", 0.0, PRODUCER), about))


def ended(desk, slot, why=claim.TAKEN_OVER, failure=None):
    desk.put(slot, claim.end_parts(MEMO, slot, OTHER, why, failure))


def alive(desk):
    desk.pulses["other"] = pulse(desk.now, desk.now)


def peek(desk):
    return desk.drive(consult.peek(call()))


def attend(desk):
    return desk.drive(consult.attend(call()))


# ------------------------------------------------------------------------------------------------ peeking
def test_peeking_finds_a_value():
    desk = Desk()
    desk.put("r0", value_of(0))
    assert peek(desk).result == Success(b"stored")


def test_peeking_finds_nothing_and_starts_nothing():
    desk = Desk()
    assert peek(desk) is None
    assert desk.asked == ["Get r0", "Get e1"]


def test_peeking_finds_the_failure_of_the_last_epoch():
    desk = Desk()
    claimed(desk, 1)
    ended(desk, "e1.1")
    assert peek(desk) is None
    claimed(desk, 2)
    assert peek(desk) is None
    ended(desk, "e2.1", claim.FAILED, RECORD)
    assert peek(desk).result.message == "boom"


# ------------------------------------------------------------------------------------------------ attending
def test_attending_to_what_is_stored_waits_for_nothing():
    desk = Desk()
    desk.put("r0", value_of(0))
    assert attend(desk).result == Success(b"stored")


def test_attending_to_what_nobody_ever_called_finds_nothing():
    with pytest.raises(NothingToAttachTo):
        attend(Desk())


def test_the_value_of_an_execution_is_waited_for():
    desk = Desk()
    claimed(desk, 1)
    alive(desk)
    desk.waits = [lambda: alive(desk), lambda: desk.put("r0", value_of(0))]
    assert attend(desk).result == Success(b"stored")
    assert not any(asked.startswith("Put") for asked in desk.asked)


def test_the_failure_of_an_execution_is_waited_for():
    desk = Desk()
    claimed(desk, 1)
    alive(desk)
    desk.waits = [lambda: ended(desk, "e1.1", claim.FAILED, RECORD)]
    assert attend(desk).result.message == "boom"


def test_the_next_attempt_is_waited_for():
    desk = Desk()
    claimed(desk, 1)
    ended(desk, "e1.1", claim.FAILED, RECORD)
    claimed(desk, 2)
    alive(desk)
    desk.waits = [lambda: desk.put("r0", value_of(0))]
    assert attend(desk).result == Success(b"stored")


def test_an_execution_that_died_leaves_nothing_to_wait_for():
    desk = Desk()
    claimed(desk, 1)
    desk.dead = True
    with pytest.raises(NothingToAttachTo):
        attend(desk)
    record = claim.read_log_record(MEMO, "e1.1", desk.blobs[key("e1.1")])
    assert isinstance(record, End)
    assert record.why == claim.TAKEN_OVER


def test_a_value_whose_payload_is_gone_is_not_there():
    desk = Desk()
    claimed(desk, 1)
    alive(desk)
    desk.put("r0", value_of(0, StoredSegment(bytes(32), 5)))
    with pytest.raises(NothingToAttachTo):
        attend(desk)


@pytest.mark.parametrize("about", [b"[]", b"{}", b'{"remote":false}'])
def test_what_nobody_was_to_start_elsewhere_is_not_waited_for(about):
    desk = Desk()
    claimed(desk, 1, about)
    desk.dead = True
    with pytest.raises(NothingToAttachTo):
        attend(desk)
    assert desk.now == 0.0


def test_a_command_on_its_way_is_waited_for_though_its_caller_is_gone():
    desk = Desk()
    claimed(desk, 1, b'{"remote":true}')
    desk.dead = True
    desk.waits = [lambda: None, lambda: None, lambda: desk.put("r0", value_of(0))]
    assert attend(desk).result == Success(b"stored")
    assert key("e1.1") not in desk.blobs


def test_a_command_that_never_comes_is_given_up():
    desk = Desk()
    claimed(desk, 1, b'{"remote":true}')
    desk.dead = True
    desk.waits = [lambda: None] * 200
    with pytest.raises(NothingToAttachTo):
        attend(desk)
    assert desk.now >= 100.0
