import pytest

from mops.core import claim
from mops.core.answers import Ticket
from mops.core.claim import Adoption, Claim, End, Epoch, Leave, Unreadable, Watch
from mops.core.effects import Get, Put, Report
from mops.core.envelope import ADOPTION, CLAIM, END, RESULT, TOMBSTONE, Refused, seal
from mops.core.errors import FormatTooNew, StoreUnavailable
from mops.core.failure import FailureRecord
from mops.core.ownership import release
from tests.unit.core.desk import MEMO, PRODUCER, Desk, key, nothing, raising

TICKET = Ticket("other", "7", 1.0, PRODUCER)
FAILURE = FailureRecord(message="no", traceback="tb", lineage=["ValueError", "Exception"], pickled=b"p")


def claim_of(number, *, generation=0, ticket=TICKET):
    return claim.claim_parts(MEMO, number, generation, ticket, b"{}")


def record(slot, parts):
    return claim.read_log_record(MEMO, slot, parts[0] if len(parts) == 1 else b"".join(parts))


# ------------------------------------------------------------------------------------------------ records
def test_a_claim_is_read_back():
    desk = Desk()
    desk.put("e1", claim_of(1, generation=3))
    epoch = desk.drive(claim.read_epoch(MEMO, 1, 1.0))
    assert (epoch.claim.session, epoch.claim.nonce, epoch.claim.generation) == ("other", "7", 3)
    assert epoch.claim.producer == {"pid": 1}
    assert epoch.claim.envelope.header()["call"] == {}


def test_an_epoch_that_nobody_claimed_is_none():
    assert Desk().drive(claim.read_epoch(MEMO, 1, 1.0)) is None


@pytest.mark.parametrize(
    "blob",
    [
        b"damaged",
        b"".join(seal(RESULT, owner=MEMO.digest, slot="e1", header=b'{"session":"s","nonce":"1","generation":0}')),
        b"".join(seal(CLAIM, owner=MEMO.digest, slot="e1", header=b'{"session":"s"}')),
        b"".join(seal(CLAIM, owner=MEMO.digest, slot="e1", header=b'{"session":1,"nonce":1,"generation":"x"}')),
    ],
)
def test_a_claim_that_cannot_be_read_is_nobodys(blob):
    desk = Desk()
    desk.put("e1", [blob])
    assert desk.drive(claim.read_epoch(MEMO, 1, 1.0)).claim is None


def test_records_of_a_log_are_read_back():
    adoption = record("e1.1", claim.adoption_parts(MEMO, "e1.1", TICKET))
    assert isinstance(adoption, Adoption)
    assert (adoption.session, adoption.nonce, adoption.producer) == ("other", "7", {"pid": 1})
    assert isinstance(record("e1.2", claim.leave_parts(MEMO, "e1.2", TICKET)), Leave)
    end = record("e1.1", claim.end_parts(MEMO, "e1.1", TICKET, "why"))
    assert isinstance(end, End)
    assert (end.why, end.failure) == ("why", None)


def test_an_end_carries_its_failure():
    end = record("e1.1", claim.end_parts(MEMO, "e1.1", TICKET, "failed", FAILURE))
    assert isinstance(end, End)
    assert end.failure.plain() == FAILURE.plain()
    assert end.failure.pickled == b"p"


def test_an_unreadable_end_ends_and_an_unreadable_adoption_is_silent():
    end = b"".join(claim.end_parts(MEMO, "e1.1", TICKET, "why"))[:-1]
    assert isinstance(claim.read_log_record(MEMO, "e1.1", end), End)
    adoption = b"".join(claim.adoption_parts(MEMO, "e1.1", TICKET))[:-1]
    assert isinstance(claim.read_log_record(MEMO, "e1.1", adoption), Unreadable)
    nameless = seal(ADOPTION, owner=MEMO.digest, slot="e1.1")
    assert isinstance(record("e1.1", nameless), Unreadable)
    assert isinstance(record("e1.1", seal(END, owner=MEMO.digest, slot="e1.1")), End)


def test_no_two_claims_of_a_session_share_an_entry():
    assert claim.entry(MEMO, 1, "1") != claim.entry(MEMO, 1, "2")


# ------------------------------------------------------------------------------------------------ patience
def test_an_unreachable_store_is_asked_again_until_it_answers():
    desk = Desk()
    desk.on["Get e1"] = [raising(StoreUnavailable("no")), raising(StoreUnavailable("no"))]
    desk.waits = [nothing, nothing]
    assert desk.drive(claim.read_epoch(MEMO, 1, 60.0)) is None
    assert desk.now == pytest.approx(3.0)


@pytest.mark.parametrize(("failures", "told"), [(1, 0), (2, 1)])
def test_a_store_that_stays_out_of_reach_is_told_of_and_one_lost_answer_is_not(failures, told):
    desk = Desk()
    desk.on["Get e1"] = [raising(StoreUnavailable("no"))] * failures
    desk.waits = [nothing] * failures
    desk.drive(claim.read_epoch(MEMO, 1, 60.0))
    assert [report.text for report in desk.effects(Report)] == told * [
        "the blob store is out of reach: it is asked again for up to 60 s (store_patience)"
    ]


@pytest.mark.parametrize("steps", [claim.read_epoch, claim.current])
def test_one_attempt_that_took_long_is_told_of_before_the_next(steps):
    desk = Desk()

    def swallow():
        error = StoreUnavailable("no answer")
        error.waited = 25.0
        raise error

    told = []
    desk.on[Get] = [swallow, lambda: told.extend(desk.effects(Report))]
    desk.waits = [nothing]
    desk.drive(steps(MEMO, 1, 60.0))
    assert len(told) == 1


def test_a_look_for_a_result_is_repeated_too():
    desk = Desk()
    desk.on["Get r0"] = [raising(StoreUnavailable("no")), raising(StoreUnavailable("no"))]
    desk.waits = [nothing]
    assert desk.drive(claim.current(MEMO, 0, 60.0)) == (0, None)


def test_patience_with_an_unreachable_store_ends():
    desk = Desk()
    desk.on["Get e1"] = [raising(StoreUnavailable(str(i))) for i in range(20)]
    desk.waits = [nothing] * 20
    with pytest.raises(StoreUnavailable):
        desk.drive(claim.read_epoch(MEMO, 1, 60.0))
    assert desk.now == pytest.approx(60.0)


@pytest.mark.parametrize("steps", [claim.read_epoch, claim.current])
@pytest.mark.parametrize("attempt", [0.1, 7.0, 10.0, 45.0, 200.0])
def test_patience_with_a_store_that_swallows_requests_counts_from_the_first_of_them(steps, attempt):
    desk = Desk()

    def swallow():
        desk.now += attempt
        error = StoreUnavailable("no answer")
        error.waited = attempt
        raise error

    desk.on[Get] = [swallow] * 1000
    desk.waits = [nothing] * 1000
    with pytest.raises(StoreUnavailable):
        desk.drive(steps(MEMO, 1, 60.0))
    assert max(60.0, attempt) <= desk.now <= 60.0 + attempt + 1e-6


# ------------------------------------------------------------------------------------------------ staleness
def test_silence_counts_only_while_it_is_watched():
    watch = Watch()
    assert not watch.see("token", 0.0, 60.0)
    assert not watch.see("token", 10_000.0, 60.0)
    assert watch.stale == pytest.approx(10.0)


def test_six_looks_at_an_unchanged_token_are_enough():
    watch = Watch()
    assert [watch.see("token", 10.0 * look, 60.0) for look in range(8)] == [False] * 6 + [True] * 2


def test_a_beat_starts_the_watch_anew():
    watch = Watch()
    for look in range(6):
        watch.see(1, 10.0 * look, 60.0)
    assert not watch.see(2, 60.0, 60.0)
    assert watch.stale == 0.0


# ------------------------------------------------------------------------------------------------ results
def test_tombstones_are_followed_to_the_value():
    desk = Desk()
    desk.put("r0", seal(TOMBSTONE, owner=MEMO.digest, slot="r0"))
    desk.put("r1", seal(RESULT, owner=MEMO.digest, slot="r1", segments=[b"value"]))
    generation, envelope = desk.drive(claim.current(MEMO, 0, 1.0))
    assert generation == 1
    assert [bytes(part) for part in envelope.segments()] == [b"value"]


@pytest.mark.parametrize("blob", [b"damaged", b"".join(seal(CLAIM, owner=MEMO.digest, slot="r0"))])
def test_what_is_no_result_is_voided_and_reported(blob):
    desk = Desk()
    desk.put("r0", [blob])
    assert desk.drive(claim.current(MEMO, 0, 1.0)) == (1, None)
    assert desk.blobs[key("r0")] == b"".join(seal(TOMBSTONE, owner=MEMO.digest, slot="r0"))
    (report,) = desk.reports
    assert key("r0") in report


def test_a_result_that_nobody_who_is_trusted_wrote_is_passed_over_and_left_as_it_is():
    desk = Desk()
    desk.blobs[key("r0")] = Refused(b"it is not signed")
    desk.put("r1", seal(RESULT, owner=MEMO.digest, slot="r1", segments=[b"value"]))
    generation, envelope = desk.drive(claim.current(MEMO, 0, 1.0))
    assert (generation, bytes(envelope.whole[0])) == (1, b"value")
    assert desk.asked == ["Get r0", "Get r1"]
    assert not desk.reports


def test_a_claim_that_nobody_who_is_trusted_wrote_is_nobodys():
    desk = Desk()
    desk.blobs[key("e1")] = Refused(b"it is not signed")
    epoch = desk.drive(claim.read_epoch(MEMO, 1, 1.0))
    assert epoch.claim is None
    assert epoch.refused == "it is not signed"


def test_a_log_record_that_nobody_who_is_trusted_wrote_is_a_silent_session():
    assert isinstance(record("e1.1", [Refused(b"it is not signed")]), Unreadable)


def test_a_result_of_a_later_format_is_left_alone(monkeypatch):
    desk = Desk()
    monkeypatch.setattr("mops.core.envelope.FORMAT_VERSION", 2)
    desk.put("r0", seal(RESULT, owner=MEMO.digest, slot="r0"))
    monkeypatch.undo()
    before = dict(desk.blobs)
    with pytest.raises(FormatTooNew):
        desk.drive(claim.current(MEMO, 0, 1.0))
    assert desk.blobs == before


def test_voiding_what_is_absent_writes_once():
    desk = Desk()
    desk.drive(claim.void(MEMO, 0, 1.0))
    assert desk.asked == ["PutIfAbsent r0"]
    desk.drive(claim.void(MEMO, 0, 1.0))
    assert not desk.effects(Put)


# ------------------------------------------------------------------------------------------------ logs
def test_nothing_is_read_behind_an_end():
    desk, epoch = Desk(), Epoch(1, None)
    desk.put("e1.1", claim.end_parts(MEMO, "e1.1", TICKET, "why"))
    desk.drive(claim.read_log(MEMO, epoch, 1.0))
    desk.drive(claim.read_log(MEMO, epoch, 1.0))
    assert desk.asked == ["Get e1.1"]
    assert epoch.end is not None


def test_an_epoch_is_ended_at_the_slot_after_the_log_that_was_judged():
    desk, epoch = Desk(), Epoch(1, None)
    assert desk.drive(claim.close(MEMO, epoch, "why", 1.0))
    assert isinstance(record("e1.1", [desk.blobs[key("e1.1")]]), End)


def test_whoever_was_first_at_the_slot_stands():
    desk, epoch = Desk(), Epoch(1, None)
    desk.put("e1.1", claim.adoption_parts(MEMO, "e1.1", TICKET))
    assert not desk.drive(claim.close(MEMO, epoch, "why", 1.0))
    assert isinstance(epoch.adopted_by, Adoption)


# ------------------------------------------------------------------------------------------------ leaving
MINE = b"".join(claim_of(1, ticket=Ticket("me", "1", 1.0, PRODUCER)))


def leave(desk, **options):
    desk.table = ["name"]
    desk.drive(release(MEMO, 1, [MINE], "name", 1.0, **options))
    assert desk.table == []
    return {slot.rpartition("/")[2]: record(slot.rpartition("/")[2], [data]) for slot, data in desk.blobs.items()}


def test_leaving_an_epoch_that_no_remote_adopted_ends_it():
    log = leave(Desk())
    assert isinstance(log["e1.1"], End)
    assert log["e1.1"].why == claim.LEFT


def test_leaving_an_adopted_epoch_says_so_and_lets_it_go_on():
    desk = Desk()
    desk.put("e1", [MINE])
    desk.put("e1.1", claim.adoption_parts(MEMO, "e1.1", TICKET))
    assert isinstance(leave(desk)["e1.2"], Leave)


def test_cancelling_ends_an_adopted_epoch():
    desk = Desk()
    desk.put("e1.1", claim.adoption_parts(MEMO, "e1.1", TICKET))
    log = leave(desk, cancel=True)
    assert isinstance(log["e1.2"], End)
    assert log["e1.2"].why == claim.CANCELLED


def test_leaving_what_has_ended_writes_nothing_more():
    desk = Desk()
    desk.put("e1.1", claim.end_parts(MEMO, "e1.1", TICKET, "why"))
    assert set(leave(desk)) == {"e1", "e1.1"}


def test_leaving_what_is_anothers_writes_nothing():
    desk = Desk()
    desk.put("e1", claim_of(1))
    assert set(leave(desk)) == {"e1"}


def test_a_claim_keeps_what_it_says():
    described = Claim({"session": "s", "nonce": "n", "generation": 1})
    assert described.envelope is None
    assert described.producer is None
