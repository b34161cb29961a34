import pytest

from mops.core import claim, execute
from mops.core.answers import GONE, Ran, Ticket
from mops.core.claim import Adoption, End
from mops.core.effects import Run, Spool
from mops.core.envelope import RESULT, TOMBSTONE, Refused, seal, unseal
from mops.core.errors import ShellFailed, StoreFull, StoreUnavailable, UnserializableError
from mops.core.result import Failure, Success
from mops.core.stored_value import StoredValue
from tests.unit.core.desk import MEMO, PRODUCER, TIMING, Bytes, Desk, key, nothing, pulse, raising

OTHER = Ticket("other", "9", 0.0, PRODUCER)
HOLDER = Ticket("holder", "1", 0.0, PRODUCER)


@pytest.fixture
def desk():
    desk = Desk(session="remote")
    desk.put("e1", claim.claim_parts(MEMO, 1, 0, HOLDER, b"{}", StoredValue([b"the pickled call"])))
    return desk


def adopt(desk):
    return desk.drive(execute.adopt(MEMO, 1, TIMING))


def serve(desk, serializer=None):
    desk.drive(execute.serve(MEMO, adopt(desk), serializer or Bytes(), TIMING))


def record(desk, slot):
    return claim.read_log_record(MEMO, slot, desk.blobs[key(slot)])


def adopted_by_other(desk, slot="e1.1"):
    desk.put(slot, claim.adoption_parts(MEMO, slot, OTHER))


def published(desk):
    desk.put("r0", seal(RESULT, owner=MEMO.digest, slot="r0", segments=[b"of another"]))


# ------------------------------------------------------------------------------------------------ adopting
def test_a_remote_asks_four_times(desk):
    serve(desk)
    assert desk.asked == ["Get e1", "PutIfAbsent e1.1", "Get r0", "PutIfAbsent r0", "Sync r0"]
    assert record(desk, "e1.1").session == "remote"
    assert bytes(unseal(desk.blobs[key("r0")], owner=MEMO.digest, slot="r0").segments()[0]) == b"the value"


def test_an_epoch_that_nobody_claimed_is_an_error():
    with pytest.raises(ShellFailed, match="nothing claims epoch 1"):
        adopt(Desk())


def test_an_unreadable_claim_is_not_adopted(desk):
    desk.put("e1", [b"damaged"])
    assert adopt(desk) is None


def test_a_claim_that_nobody_who_is_trusted_wrote_is_not_run_and_said_to_be_so(desk):
    desk.blobs[key("e1")] = Refused(b"it is not signed")
    with pytest.raises(ShellFailed, match="not believed here: it is not signed"):
        adopt(desk)
    assert desk.asked == ["Get e1"]


def test_an_ended_epoch_is_not_adopted(desk):
    desk.put("e1.1", claim.end_parts(MEMO, "e1.1", HOLDER, claim.LEFT))
    assert adopt(desk) is None


def test_the_result_of_a_living_remote_is_waited_for(desk):
    adopted_by_other(desk)
    desk.pulses["other"] = pulse(0.0, 1)
    desk.waits = [nothing, lambda: published(desk)]
    assert adopt(desk) is None


def test_a_remote_that_is_gone_is_replaced_at_once(desk):
    adopted_by_other(desk)
    desk.pulses["other"] = pulse(0.0, GONE)
    assert isinstance(adopt(desk).log[-1], Adoption)
    assert record(desk, "e1.2").session == "remote"


def test_a_remote_known_dead_is_replaced_at_once(desk):
    adopted_by_other(desk)
    desk.dead = True
    assert adopt(desk) is not None


def test_a_silent_remote_is_replaced_after_a_minute(desk):
    adopted_by_other(desk)
    desk.waits = [nothing] * 30
    assert adopt(desk) is not None
    assert 60 <= desk.now < 70


def test_an_unreadable_adoption_is_replaced_after_a_minute(desk):
    desk.put("e1.1", [b"damaged"])
    desk.waits = [nothing] * 30
    assert adopt(desk) is not None
    assert 60 <= desk.now < 70


def test_a_slot_that_was_refused_and_is_empty_is_tried_again(desk):
    def vanishes():
        desk.put("e1.1", [b"damaged"])
        desk.on["Get e1.1"] = [lambda: desk.blobs.pop(key("e1.1"))]

    desk.on["PutIfAbsent e1.1"] = [vanishes]
    assert adopt(desk) is not None


# ------------------------------------------------------------------------------------------------ serving
def test_what_was_decided_while_it_slept_is_not_run(desk):
    epoch = adopt(desk)
    desk.put("r0", seal(TOMBSTONE, owner=MEMO.digest, slot="r0"))
    desk.drive(execute.serve(MEMO, epoch, Bytes(), TIMING))
    assert not desk.effects(Run)


def test_a_failure_ends_the_epoch(desk):
    desk.ran = Ran(Failure(ValueError("boom")), 0.0, 1.0)
    serve(desk)
    assert record(desk, "e1.2").failure.message == "boom"
    assert key("r0") not in desk.blobs


def test_a_forked_child_publishes_nothing(desk):
    desk.ran = Ran(Success(b"of the child"), 0.0, 1.0, forked=True)
    serve(desk)
    assert key("r0") not in desk.blobs


def test_a_value_that_cannot_be_serialized_fails_the_epoch(desk):
    class Unpicklable(Bytes):
        def dumps(self, value):
            raise UnserializableError("it holds a lock")

    serve(desk, Unpicklable())
    assert "it holds a lock" in record(desk, "e1.2").failure.message


def test_the_first_result_stands(desk):
    desk.on["PutIfAbsent r0"] = [lambda: published(desk)]
    serve(desk)
    assert b"of another" in desk.blobs[key("r0")]
    assert "Sync r0" not in desk.asked


# ------------------------------------------------------------------------------------------------ keeping results
def test_a_result_that_the_store_refuses_is_kept_and_named(desk):
    desk.on["PutIfAbsent r0"] = [raising(StoreFull("full"))]
    with pytest.raises(StoreFull) as caught:
        serve(desk)
    (spooled,) = desk.effects(Spool)
    assert f"/somewhere/{spooled.name}" in caught.value.advice
    assert b"the value" in b"".join(map(bytes, spooled.parts))
    assert isinstance(record(desk, "e1.2"), End)


def test_a_payload_that_the_store_refuses_is_kept_and_named(desk):
    from mops.core.effects import PutContent

    desk.ran = Ran(Success(bytes(2 << 20)), 0.0, 1.0)
    desk.on[PutContent] = [raising(StoreFull("full"))]
    with pytest.raises(StoreFull, match="full"):
        serve(desk)
    assert desk.effects(Spool)[0].parts == [bytes(2 << 20)]


def test_the_kept_result_is_named_though_the_store_takes_no_failure_either(desk):
    desk.on["PutIfAbsent r0"] = [raising(StoreFull("full"))]
    desk.on["PutIfAbsent e1.2"] = [raising(StoreUnavailable("gone")) for _ in range(20)]
    desk.waits = [nothing] * 20
    with pytest.raises(StoreFull) as caught:
        serve(desk)
    assert "/somewhere/" in caught.value.advice
