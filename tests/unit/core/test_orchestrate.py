import pytest

from mops.core import claim, execute, orchestrate, publish
from mops.core.answers import Job, Ran, Ticket
from mops.core.blob_layout import content_key
from mops.core.claim import Adoption, End, Epoch, Leave
from mops.core.effects import Ask, Enter, Exit, Owe, Run, Start, Stop
from mops.core.envelope import RESULT, TOMBSTONE, StoredSegment, seal
from mops.core.errors import CallCancelled, StoreFull, StoreUnavailable, UnserializableError
from mops.core.failure import FailureRecord
from mops.core.result import Failure, Success
from tests.unit.core.desk import MEMO, PRODUCER, TIMING, Bytes, Desk, call, key, nothing, pulse, raising

OTHER = Ticket("other", "9", 0.0, PRODUCER)
RECORD = FailureRecord(message="boom", traceback="", lineage=["ValueError"])


def value_of(generation, *segments):
    return seal(RESULT, owner=MEMO.digest, slot=f"r{generation}", segments=segments or [b"stored"])


def tombstone_of(generation):
    return seal(TOMBSTONE, owner=MEMO.digest, slot=f"r{generation}")


def claimed_by_other(desk, number, *, generation=0):
    desk.put(f"e{number}", claim.claim_parts(MEMO, number, generation, OTHER, b"{}"))


def ended_by_other(desk, slot, why=claim.TAKEN_OVER, failure=None):
    desk.put(slot, claim.end_parts(MEMO, slot, OTHER, why, failure))


def obtain(desk, **options):
    answer = desk.drive(orchestrate.obtain(call(**options)))
    assert desk.table == [] or desk.owed, "an epoch stays in the table"
    return answer


def record(desk, slot):
    return claim.read_log_record(MEMO, slot, desk.blobs[key(slot)])


# ------------------------------------------------------------------------------------------------ hits
def test_a_hit_is_one_request():
    desk = Desk()
    desk.put("r0", value_of(0))
    answer = obtain(desk)
    assert (answer.result, answer.hit) == (Success(b"stored"), True)
    assert answer.envelope is not None
    assert desk.asked == ["Get r0"]


def test_a_hit_whose_payload_is_gone_is_voided_and_computed_anew():
    desk = Desk()
    desk.put("r0", value_of(0, StoredSegment(b"d" * 32, 7)))
    assert obtain(desk).result == Success(b"the value")
    assert desk.blobs[key("r0")] == b"".join(tombstone_of(0))
    assert key("r1") in desk.blobs
    assert "payload" in desk.reports[0]


# ------------------------------------------------------------------------------------------------ misses here
def test_a_miss_in_this_process_is_three_requests():
    desk = Desk()
    answer = obtain(desk)
    assert (answer.result, answer.envelope, answer.hit) == (Success(b"the value"), None, False)
    assert desk.asked == ["Get r0", "PutIfAbsent e1", "PutIfAbsent r0", "Sync r0"]


def test_a_claim_is_in_the_table_before_it_is_written_and_until_the_result_is():
    desk = Desk()
    desk.on["PutIfAbsent e1"] = desk.on["PutIfAbsent r0"] = [lambda: seen.extend(desk.table)] * 2
    seen = []
    obtain(desk)
    assert seen == [claim.entry(MEMO, 1, "1")] * 2


def test_a_cheap_result_is_not_synced():
    desk = Desk()
    desk.ran = Ran(Success(b"cheap"), 0.0, 0.01)
    obtain(desk)
    assert "Sync r0" not in desk.asked


def test_a_failure_in_this_process_is_the_end_of_its_epoch():
    desk = Desk()
    desk.ran = Ran(Failure(ValueError("boom")), 0.0, 1.0)
    assert obtain(desk).result is desk.ran.result
    assert record(desk, "e1.1").failure.message == "boom"


def test_a_failure_is_returned_though_the_store_takes_no_record_of_it():
    desk = Desk()
    desk.ran = Ran(Failure(ValueError("boom")), 0.0, 1.0)
    desk.on["PutIfAbsent e1.1"] = [raising(StoreFull("full"))]
    assert obtain(desk).result is desk.ran.result
    assert "not stored: full" in desk.reports[0]
    assert record(desk, "e1.1").why == claim.LEFT


def test_a_value_is_returned_though_the_store_does_not_take_it():
    desk = Desk()
    desk.on["PutIfAbsent r0"] = [raising(StoreFull("full"))]
    assert obtain(desk).result == Success(b"the value")
    assert "not stored: full" in desk.reports[0]
    assert record(desk, "e1.1").why == claim.LEFT


class Unpicklable(Bytes):
    def dumps(self, value):
        raise UnserializableError("it holds a lock")


@pytest.mark.parametrize("refusals", [0, 1])
def test_a_value_that_cannot_be_serialized_is_returned(refusals):
    desk = Desk()
    desk.on["PutIfAbsent e1.1"] = [raising(StoreFull("full"))] * refusals
    assert obtain(desk, serializer=Unpicklable()).result == Success(b"the value")
    assert "it holds a lock" in desk.reports[0]
    assert len(desk.reports) == 1 + refusals
    assert isinstance(record(desk, "e1.1"), End)


def test_the_first_result_of_a_generation_is_everybodys():
    desk = Desk()
    desk.on["PutIfAbsent r0"] = [lambda: desk.put("r0", value_of(0))]
    answer = obtain(desk)
    assert answer.result == Success(b"stored")
    assert answer.envelope is not None


def test_what_was_voided_while_it_ran_is_computed_anew():
    desk = Desk()
    desk.on["PutIfAbsent r0"] = [lambda: desk.put("r0", tombstone_of(0))]
    assert obtain(desk).result == Success(b"the value")
    assert key("r1") in desk.blobs
    assert len(desk.effects(Run)) == 2


def test_a_forked_child_writes_nothing_and_strikes_nothing_out():
    desk = Desk()
    desk.ran = Ran(Success(b"of the child"), 0.0, 1.0, forked=True)
    assert desk.drive(orchestrate.obtain(call())).result == Success(b"of the child")
    assert desk.asked == ["Get r0", "PutIfAbsent e1"]
    assert not desk.effects(Exit)


# ------------------------------------------------------------------------------------------------ later epochs
def test_an_epoch_that_is_over_is_followed_by_the_next_with_a_second_look():
    desk = Desk()
    claimed_by_other(desk, 1)
    ended_by_other(desk, "e1.1")
    assert obtain(desk).result == Success(b"the value")
    assert desk.asked[-4:] == ["PutIfAbsent e2", "Get r0", "PutIfAbsent r0", "Sync r0"]


def test_a_result_that_was_published_before_our_claim_is_found_by_the_second_look():
    desk = Desk()
    claimed_by_other(desk, 1)
    ended_by_other(desk, "e1.1")
    desk.on["PutIfAbsent e2"] = [lambda: desk.put("r0", value_of(0))]
    assert obtain(desk).result == Success(b"stored")
    assert not desk.effects(Run)


def test_a_generation_that_was_voided_before_our_claim_is_left_for_the_next():
    desk = Desk()
    claimed_by_other(desk, 1)
    ended_by_other(desk, "e1.1")
    desk.on["PutIfAbsent e2"] = [lambda: desk.put("r0", tombstone_of(0))]
    obtain(desk)
    assert key("r1") in desk.blobs
    assert len(desk.effects(Run)) == 1


def test_the_failure_of_an_epoch_that_was_over_before_is_nobodys():
    desk = Desk()
    claimed_by_other(desk, 1)
    ended_by_other(desk, "e1.1", claim.FAILED, RECORD)
    assert obtain(desk).result == Success(b"the value")


def test_whoever_saw_an_epoch_open_receives_its_failure():
    desk = Desk()
    claimed_by_other(desk, 1)
    desk.pulses["other"] = pulse(0.0, 1)
    desk.waits = [lambda: ended_by_other(desk, "e1.1", claim.FAILED, RECORD)]
    answer = obtain(desk)
    assert isinstance(answer.result, FailureRecord)
    assert answer.result.message == "boom"


def test_a_result_of_others_is_waited_for_and_the_slot_given_back():
    desk = Desk()
    claimed_by_other(desk, 1)
    desk.pulses["other"] = pulse(0.0, 1)
    desk.waits = [nothing, lambda: desk.put("r0", value_of(0))]
    answer = obtain(desk)
    assert (answer.result, answer.hit) == (Success(b"stored"), False)
    assert len(desk.effects(Stop)) == 1


def test_a_claim_of_others_that_cannot_be_read_is_over():
    desk = Desk()
    desk.put("e1", [b"damaged"])
    assert obtain(desk).result == Success(b"the value")
    assert key("e2") in desk.blobs


def test_a_result_whose_payload_is_gone_while_we_wait_is_voided():
    desk = Desk()
    claimed_by_other(desk, 1)
    desk.pulses["other"] = pulse(0.0, 1)
    desk.waits = [lambda: desk.put("r0", value_of(0, StoredSegment(b"d" * 32, 7)))]
    assert obtain(desk).result == Success(b"the value")
    assert key("r1") in desk.blobs


# ------------------------------------------------------------------------------------------------ remotes
def serve_here(desk, *, ran=None):
    """Be the remote of epoch 1 at this moment, in another session."""

    def serve():
        remote = Desk(session="remote")
        remote.blobs = desk.blobs
        remote.ran = ran or Ran(Success(b"from afar"), 0.0, 1.0)
        epoch = remote.drive(execute.adopt(MEMO, 1, TIMING))
        remote.drive(execute.serve(MEMO, epoch, Bytes(), TIMING))

    return serve


def test_a_miss_with_a_remote_is_three_requests_here():
    desk = Desk()
    desk.waits = [serve_here(desk)]
    assert obtain(desk, inline=False).result == Success(b"from afar")
    assert desk.asked == ["Get r0", "PutIfAbsent e1", "Get r0"]
    (start,) = desk.effects(Start)
    assert (start.folder, start.epoch) == (MEMO.folder, 1)


def test_the_failure_of_a_remote_arrives():
    desk = Desk()
    desk.waits = [serve_here(desk, ran=Ran(Failure(ValueError("boom")), 0.0, 1.0))]
    answer = obtain(desk, inline=False)
    assert isinstance(answer.result, FailureRecord)
    assert len(desk.effects(Stop)) == 1


@pytest.mark.parametrize(("error", "message"), [(StoreFull("exit 3"), "exit 3"), (None, "published no outcome")])
def test_a_command_that_ended_without_an_outcome_fails_the_epoch(error, message):
    desk = Desk()
    desk.waits = [lambda: setattr(desk, "job", Job(started=True, ended=True, error=error))]
    answer = obtain(desk, inline=False)
    assert isinstance(answer.result, FailureRecord)
    assert message in answer.result.message
    assert record(desk, "e1.1").failure.message == answer.result.message


def test_an_outcome_that_was_published_before_the_command_ended_is_found():
    desk = Desk()
    desk.job = Job(started=True, ended=True)
    desk.waits = [serve_here(desk)]
    assert obtain(desk, inline=False).result == Success(b"from afar")


def test_a_failure_that_was_written_before_the_command_ended_is_found():
    desk = Desk()
    desk.job = Job(started=True, ended=True, error=StoreFull("exit 1"))
    desk.waits = [serve_here(desk, ran=Ran(Failure(ValueError("boom")), 0.0, 1.0))]
    answer = obtain(desk, inline=False)
    assert isinstance(answer.result, FailureRecord)
    assert answer.result.message == "boom"


def test_a_result_that_was_voided_before_its_holder_looked_is_computed_anew():
    desk = Desk()
    desk.job = Job(started=True, ended=True)

    def publish_and_void():
        serve_here(desk)()
        desk.put("r0", tombstone_of(0))

    def publish_anew():
        desk.put("r1", value_of(1))

    desk.waits = [publish_and_void, publish_anew]
    assert obtain(desk, inline=False).result == Success(b"stored")
    assert key("e1.2") not in desk.blobs


def test_a_command_whose_epoch_was_taken_over_is_stopped():
    desk = Desk()
    desk.waits = [lambda: ended_by_other(desk, "e1.1"), lambda: desk.put("r0", value_of(0))]
    assert obtain(desk, inline=False).result == Success(b"stored")
    assert [epoch.epoch for epoch in desk.effects(Start)] == [1, 2]
    assert len(desk.effects(Stop)) == 1


# ------------------------------------------------------------------------------------------------ leaving
@pytest.mark.parametrize("error", [KeyboardInterrupt(), CallCancelled("not wanted"), StoreUnavailable("gone")])
def test_every_exit_of_a_holder_leaves_its_epoch(error):
    desk = Desk()
    desk.on[Ask] = [raising(error)]
    desk.waits = [nothing]
    with pytest.raises(type(error)):
        obtain(desk, inline=False)
    assert record(desk, "e1.1").why == (claim.CANCELLED if isinstance(error, CallCancelled) else claim.LEFT)
    assert len(desk.effects(Stop)) == (0 if isinstance(error, StoreUnavailable) else 1)


def test_an_adopted_epoch_is_left_but_not_ended():
    desk = Desk()
    desk.on[Ask] = [raising(StoreUnavailable("gone"))]
    desk.waits = [lambda: desk.put("e1.1", claim.adoption_parts(MEMO, "e1.1", OTHER))]
    with pytest.raises(StoreUnavailable):
        obtain(desk, inline=False)
    assert isinstance(record(desk, "e1.2"), Leave)


def test_an_interrupt_in_the_user_function_leaves_the_epoch():
    desk = Desk()
    desk.on[Run] = [raising(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        obtain(desk)
    assert record(desk, "e1.1").why == claim.LEFT


def test_a_claim_that_may_have_been_written_is_left():
    desk = Desk()
    desk.on["PutIfAbsent e1"] = [raising(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        obtain(desk)
    assert record(desk, "e1.1").why == claim.LEFT


def test_a_call_that_holds_nothing_leaves_nothing():
    desk = Desk()
    claimed_by_other(desk, 1)
    desk.on["Get e1"] = [raising(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        obtain(desk)
    assert key("e1.1") not in desk.blobs


@pytest.mark.parametrize("error", [StoreFull("full"), KeyboardInterrupt()])
def test_what_cannot_be_left_now_is_owed_and_left_later(error):
    desk = Desk()
    desk.on[Run] = [raising(CallCancelled("not wanted"))]
    desk.on["PutIfAbsent e1.1"] = [raising(error)]
    with pytest.raises(CallCancelled if isinstance(error, StoreFull) else KeyboardInterrupt):
        obtain(desk)
    ((name, later),) = desk.owed.items()
    assert name == claim.entry(MEMO, 1, "1")
    desk.drive(later())
    assert record(desk, "e1.1").why == claim.CANCELLED
    assert desk.table == []


def test_a_computation_that_is_dropped_asks_for_nothing():
    for asked in range(8):  # wherever it stands
        steps, desk = orchestrate.obtain(call()), Desk()
        answer = None
        for _ in range(asked):
            answer = desk.perform(steps.send(answer))
        steps.close()


def test_a_computation_that_is_dropped_while_it_leaves_asks_for_nothing():
    steps, desk = orchestrate.obtain(call()), Desk()
    answer = None
    while not desk.effects(Enter):
        answer = desk.perform(steps.send(answer))
    steps.send(answer)
    steps.throw(KeyboardInterrupt())
    steps.close()
    assert not desk.effects(Owe)


def test_a_result_that_may_not_survive_a_power_failure_stands_and_is_reported():
    desk = Desk()
    desk.on["Sync r0"] = [raising(StoreUnavailable("input/output error"))]
    assert obtain(desk).result == Success(b"the value")
    assert key("r0") in desk.blobs
    assert "may not survive a power failure: input/output error" in desk.reports[0]


# ------------------------------------------------------------------------------------------------ publishing
def adopted_epoch():
    epoch = Epoch(1, None)
    epoch.log.append(Adoption({"session": "me", "nonce": "1"}))
    return epoch


def test_a_failure_ends_an_epoch_that_its_holder_left_in_the_meantime():
    desk = Desk()
    desk.on["PutIfAbsent e1.2"] = [lambda: desk.put("e1.2", claim.leave_parts(MEMO, "e1.2", OTHER))]
    desk.drive(publish.fail(MEMO, adopted_epoch(), ValueError("boom"), 1.0))
    assert record(desk, "e1.3").failure.message == "boom"


def test_a_failure_does_not_end_an_epoch_that_another_adopted_in_the_meantime():
    desk = Desk()
    desk.on["PutIfAbsent e1.2"] = [lambda: desk.put("e1.2", claim.adoption_parts(MEMO, "e1.2", OTHER))]
    desk.drive(publish.fail(MEMO, adopted_epoch(), ValueError("boom"), 1.0))
    assert key("e1.3") not in desk.blobs


def test_large_values_are_stored_by_content_and_survive_a_power_failure():
    desk, large = Desk(), bytes(range(256)) * 4097
    desk.ran = Ran(Success(large), 0.0, 1.0)
    obtain(desk)
    (stored,) = [blob for blob in desk.blobs if blob.startswith("mops1/blob/")]
    assert len(desk.blobs[key("r0")]) < 2000
    assert f"Sync {stored.rpartition('/')[2]}" in desk.asked
    assert obtain(desk).result == Success(large)


def test_a_large_value_of_another_length_is_voided():
    desk, digest = Desk(), b"d" * 32
    desk.blobs[content_key(digest)] = b"short"
    desk.put("r0", value_of(0, StoredSegment(digest, 7)))
    assert obtain(desk).result == Success(b"the value")


def test_a_cheap_large_value_is_not_synced():
    desk = Desk()
    desk.ran = Ran(Success(bytes(2 << 20)), 0.0, 0.01)
    obtain(desk)
    assert not [what for what in desk.asked if what.startswith("Sync")]
