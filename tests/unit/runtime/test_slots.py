"""Slots are granted in order, given back once, and begin anew in a forked child."""

import os
import signal

from mops.runtime.slots import HELD, Lease, Slots, slot_given_up


def test_slots_are_granted_up_to_their_number_and_then_in_the_order_of_asking():
    slots, granted = Slots(2), []
    for name in "abcd":
        slots.acquire(lambda name=name: granted.append(name))
    assert granted == ["a", "b"]
    slots.release()
    assert granted == ["a", "b", "c"]
    slots.release()
    slots.release()
    slots.acquire(lambda: granted.append("e"))
    assert granted == ["a", "b", "c", "d", "e"]


def test_what_runs_at_once_are_those_with_a_slot_and_those_who_will_have_one():
    slots = Slots(3)
    seen = [slots.at_once()]
    for _ in range(5):
        slots.acquire(lambda: None)
        seen.append(slots.at_once())
    assert seen == [0, 1, 2, 3, 3, 3]
    slots.release()  # to one who waits
    assert slots.at_once() == 3
    for _ in range(4):
        slots.release()
    assert slots.at_once() == 0


def test_whoever_leaves_the_queue_is_never_granted():
    slots, granted = Slots(1), []
    first, second, third = (lambda name=name: granted.append(name) for name in "abc")
    slots.acquire(first)
    slots.acquire(second)
    slots.acquire(third)
    assert slots.withdraw(second)
    assert not slots.withdraw(first)
    slots.release()
    assert granted == ["a", "c"]


def test_owners_take_turns_however_much_each_asks_for():
    slots, granted = Slots(1), []
    for owner, number in [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 1), ("b", 2), ("c", 1)]:
        slots.acquire(lambda owner=owner, number=number: granted.append(f"{owner}{number}"), owner)
    for _ in range(6):
        slots.release()
    assert granted == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


def test_an_owner_whose_last_request_was_withdrawn_has_no_turn():
    slots, granted = Slots(1), []
    slots.acquire(lambda: granted.append("running"))
    withdrawn = lambda: granted.append("withdrawn")  # noqa: E731
    slots.acquire(withdrawn, "a")
    slots.acquire(lambda: granted.append("b"), "b")
    assert slots.withdraw(withdrawn)
    slots.release()
    slots.release()
    slots.acquire(lambda: granted.append("again"), "a")
    assert granted == ["running", "b", "again"]


def test_a_lease_ends_once():
    slots, granted = Slots(1), []
    slots.acquire(lambda: None)
    lease = Lease(slots)
    lease.end()
    lease.end()
    for name in "ab":
        slots.acquire(lambda name=name: granted.append(name))
    assert granted == ["a"]


def test_a_forked_child_has_all_slots():
    slots = Slots(1)
    slots.acquire(lambda: None)
    child = os.fork()
    if child == 0:
        granted = []
        slots.acquire(lambda: granted.append("child"))
        os._exit(0 if granted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    waiting = []
    slots.acquire(lambda: waiting.append("parent"))
    assert waiting == []


def test_a_child_that_waits_leaves_the_slot_of_its_parents_call_alone():
    slots, granted = Slots(1), []
    slots.acquire(lambda: None)
    lease = Lease(slots)
    slots.acquire(lambda: granted.append("next"))
    with slots._lock, lease._lock:  # a thread that the child does not have is about to use them
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # whoever waits for ever is killed
            HELD.set(lease)
            with slot_given_up():
                os._exit(1 if granted else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
