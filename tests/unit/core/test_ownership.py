import pytest

from mops.core import claim, ownership
from mops.core.answers import GONE, Job, Ticket
from mops.core.claim import Claim, End, Epoch, Leave, Unreadable
from tests.unit.core.desk import MEMO, PRODUCER, TIMING, Desk, pulse

HOLDER = {"session": "holder", "nonce": "1", "generation": 0}
NAME = claim.entry(MEMO, 1, "1")


def epoch_of(session="holder", *, mine=False, log=()):
    epoch = Epoch(1, Claim(HOLDER | {"session": session}), mine=mine)
    epoch.log.extend(log)
    return epoch


def adopted(session="remote"):
    return claim.Adoption({"session": session, "nonce": "1", "producer": {"pid": 1}})


def over(desk, epoch, generation=0):
    return desk.drive(ownership.over(MEMO, epoch, generation, TIMING))


def looks_until_over(desk, epoch, *, limit=20):
    """How many looks, ten seconds apart, until the epoch is over."""
    for look in range(1, limit):
        if over(desk, epoch):
            return look
        desk.now += 10.0
    return None


def test_an_epoch_with_an_unreadable_claim_is_over():
    assert over(Desk(), Epoch(1, None))


def test_an_epoch_of_a_voided_generation_is_over():
    assert over(Desk(), epoch_of(), generation=1)


def test_an_ended_epoch_is_over_and_was_not_seen_open():
    desk, epoch = Desk(), epoch_of()
    ticket = Ticket("holder", "2", 0.0, PRODUCER)
    desk.put("e1.1", claim.end_parts(MEMO, "e1.1", ticket, "why"))
    assert over(desk, epoch)
    assert not epoch.seen_open


def test_a_living_holder_keeps_its_epoch():
    desk, epoch = Desk(), epoch_of()
    for beat in range(20):
        desk.pulses["holder"] = pulse(desk.now, beat)
        assert not over(desk, epoch)
        desk.now += 10.0
    assert epoch.seen_open


def test_a_silent_holder_is_taken_over_after_a_minute_of_looking():
    desk, epoch = Desk(), epoch_of()
    assert looks_until_over(desk, epoch) == 7
    assert epoch.end.why == claim.TAKEN_OVER


def test_a_holder_known_dead_is_taken_over_at_once():
    desk = Desk()
    desk.dead = True
    assert over(desk, epoch_of())


def test_a_living_remote_keeps_the_epoch_though_its_holder_left():
    desk, epoch = Desk(), epoch_of(log=[adopted(), Leave()])
    desk.pulses["remote"] = pulse(0.0, 1)
    assert not over(desk, epoch)


def test_a_silent_remote_is_taken_over():
    desk, epoch = Desk(), epoch_of(log=[adopted()])
    assert looks_until_over(desk, epoch) == 7


def test_a_remote_that_is_gone_gives_the_epoch_back_to_its_holder():
    desk, epoch = Desk(), epoch_of(log=[adopted()])
    desk.pulses = {"remote": pulse(0.0, GONE), "holder": pulse(0.0, 1)}
    assert not over(desk, epoch)


def test_an_epoch_that_was_left_and_whose_remote_is_gone_is_free():
    desk, epoch = Desk(), epoch_of(log=[adopted(), Leave()])
    desk.pulses["remote"] = pulse(0.0, GONE)
    assert over(desk, epoch)


def test_what_a_heartbeat_names_as_owed_is_free():
    desk, epoch = Desk(), epoch_of()
    desk.pulses["holder"] = pulse(0.0, 1, frozenset([NAME]))
    assert over(desk, epoch)


@pytest.mark.parametrize("held", [True, False])
def test_in_one_session_its_table_decides(held):
    desk, epoch = Desk(session="holder"), epoch_of()
    desk.table = [NAME] if held else []
    assert over(desk, epoch) is not held


def test_an_unreadable_adoption_is_a_silent_session():
    desk, epoch = Desk(), epoch_of(log=[Unreadable()])
    assert looks_until_over(desk, epoch) == 7


def test_an_adoption_in_the_meantime_has_to_be_judged_anew():
    desk, epoch = Desk(), epoch_of()
    desk.dead = True

    def adopt_first():
        desk.put("e1.1", claim.adoption_parts(MEMO, "e1.1", Ticket("remote", "1", 0.0, PRODUCER)))

    desk.on["PutIfAbsent e1.1"] = [adopt_first]
    assert not over(desk, epoch)
    assert over(desk, epoch)
    assert isinstance(epoch.log[1], End)


# ------------------------------------------------------------------------------------------------ our own epochs
def test_a_pending_command_is_waited_for():
    desk, epoch = Desk(), epoch_of(mine=True)
    desk.job = Job(started=False, ended=False)
    assert looks_until_over(desk, epoch, limit=50) is None


def test_a_started_command_that_never_reports_fails_the_epoch():
    desk, epoch = Desk(), epoch_of(mine=True)
    assert looks_until_over(desk, epoch) == 11
    assert epoch.end.failure is not None
    assert "no sign of a remote 100 s after" in epoch.end.failure.message


def test_our_living_remote_is_waited_for():
    desk, epoch = Desk(), epoch_of(mine=True, log=[adopted()])
    for beat in range(20):
        desk.pulses["remote"] = pulse(desk.now, beat)
        assert not over(desk, epoch)
        desk.now += 10.0


def test_our_remote_that_died_is_left_to_our_shell_to_report():
    desk, epoch = Desk(), epoch_of(mine=True, log=[adopted()])
    desk.pulses["remote"] = pulse(0.0, 1)
    desk.dead = True
    assert not over(desk, epoch)


def test_our_silent_remote_is_given_up():
    desk, epoch = Desk(), epoch_of(mine=True, log=[adopted()])
    assert looks_until_over(desk, epoch) == 7


def test_our_remote_that_is_gone_has_the_time_to_be_replaced():
    desk, epoch = Desk(), epoch_of(mine=True, log=[adopted()])
    desk.pulses["remote"] = pulse(0.0, GONE)
    assert looks_until_over(desk, epoch) == 11
    assert epoch.end.failure is not None


def test_our_remote_with_an_unreadable_adoption_is_given_up():
    desk, epoch = Desk(), epoch_of(mine=True, log=[Unreadable()])
    assert looks_until_over(desk, epoch) == 7
