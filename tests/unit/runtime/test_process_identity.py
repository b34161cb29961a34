"""A process is known dead for certain, or it is unknown."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from mops.runtime import process_identity
from mops.runtime.process_identity import known_dead, producer_json, producer_of_this_process


@pytest.fixture
def producer():
    return producer_of_this_process()


def test_a_fork_finds_out_anew_who_it_is():
    assert json.loads(producer_json())["pid"] == os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(json.loads(producer_json())["pid"] != os.getpid())
    assert os.waitpid(child, 0)[1] == 0


def test_a_fork_waits_while_another_thread_has_the_system_look_up_the_user(monkeypatch):
    asked, forking, answered = threading.Event(), threading.Event(), threading.Event()

    def look_up(user):
        asked.set()
        assert forking.wait(60)
        time.sleep(0.2)  # in which a fork that does not wait has long happened
        answered.set()
        raise KeyError(user)

    monkeypatch.setattr(process_identity.pwd, "getpwuid", look_up)
    process_identity._name_of.cache_clear()
    other = threading.Thread(target=producer_of_this_process)
    other.start()
    assert asked.wait(60)
    os.register_at_fork(before=forking.set)
    child = os.fork()
    if child == 0:
        os._exit(0 if answered.is_set() and process_identity._ASKING.acquire(blocking=False) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    other.join()
    assert producer_of_this_process()["user"] == str(os.getuid())
    process_identity._name_of.cache_clear()


def test_this_process_is_not_dead(producer):
    assert not known_dead(producer)


def test_a_process_that_ended_is_dead(producer):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert known_dead(producer | {"pid": process.pid})


def test_a_zombie_is_dead(producer):
    child = os.fork()
    if child == 0:
        os._exit(0)
    try:
        for _ in range(500):
            if known_dead(producer | {"pid": child, "birth": ""}):
                break
            time.sleep(0.01)
        assert known_dead(producer | {"pid": child, "birth": ""})
    finally:
        os.waitpid(child, 0)


def test_a_pid_that_was_given_to_another_process_is_dead(producer):
    assert known_dead(producer | {"birth": "1"})


@pytest.mark.parametrize("field", ["host", "boot", "pidns"])
def test_a_process_of_another_system_is_unknown(producer, field):
    assert not known_dead(producer | {field: "another", "birth": "1"})


@pytest.mark.parametrize("broken", [None, 7, "text", {}, {"pid": 1}, {"boot": "", "pidns": ""}])
def test_what_cannot_be_read_is_unknown(broken):
    assert not known_dead(broken)


@pytest.mark.parametrize("pid", [None, "1", 0, -1, 1.5, True])
def test_a_pid_that_is_no_pid_is_unknown(producer, pid):
    assert not known_dead(producer | {"pid": pid, "birth": "1"})
