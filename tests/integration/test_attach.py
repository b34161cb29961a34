"""`mops.attach`: waiting for a call of another process, by its address alone."""

import os
import signal

import pytest

STAGE = """
    def note(word):
        with open(os.path.join(os.path.dirname(__file__), "runs"), "a") as file:
            file.write(f"{word}\\n")

    @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
    def work(seconds, fails=False):
        note("began")
        time.sleep(seconds)
        if fails:
            raise LookupError("not there")
        return {"slept": seconds}
"""
ATTACH = "import sys, mops\nfuture = mops.attach(sys.argv[1])\nprint(future.result(), future.metadata['epoch'])"


@pytest.fixture
def stage(project):
    project.write("stage.py", STAGE)
    return project


def uri_of(stage, *arguments):
    return stage.run("-c", f"from stage import *\nprint(work.memo_uri({', '.join(arguments)}))").stdout.strip()


def test_a_running_call_is_waited_for_and_not_run_again(stage):
    caller = stage.start("-c", "from stage import *\nprint(work(2))")
    stage.wait_until(lambda: stage.lines("runs"))
    attached = stage.run("-c", ATTACH, uri_of(stage, "2"))
    assert attached.stdout == "{'slept': 2} 1\n"
    assert caller.communicate(timeout=30)[0] == "{'slept': 2}\n"
    assert stage.lines("runs") == ["began"]
    assert len(stage.claims()) == 1


def test_a_call_whose_caller_was_killed_is_waited_for(stage):
    caller = stage.start("-c", "from stage import *\nprint(work(2))")
    stage.wait_until(lambda: stage.lines("runs"))
    os.kill(caller.pid, signal.SIGKILL)
    caller.communicate()
    assert stage.run("-c", ATTACH, uri_of(stage, "2")).stdout == "{'slept': 2} 1\n"


def test_a_stored_result_is_there_at_once(stage):
    stage.run("-c", "from stage import *\nwork(0)")
    assert stage.run("-c", ATTACH, uri_of(stage, "0")).stdout == "{'slept': 0} 1\n"


def test_the_failure_of_the_last_attempt_arrives_with_its_type(stage):
    stage.run("-c", "from stage import *\nwork(0, fails=True)", check=False)
    failed = stage.run("-c", ATTACH, uri_of(stage, "0", "fails=True"), check=False)
    assert failed.stderr.rstrip().endswith("LookupError: not there")


def test_what_nobody_runs_is_said(stage):
    failed = stage.run("-c", ATTACH, uri_of(stage, "7"), check=False)
    assert "nobody runs it" in failed.stderr
    assert "stage:work" in failed.stderr


def test_cancelling_withdraws_this_caller_alone(stage):
    caller = stage.start("-c", "from stage import *\nprint(work(2))")
    stage.wait_until(lambda: stage.lines("runs"))
    uri = uri_of(stage, "2")
    cancelled = "import sys, mops\nfuture = mops.attach(sys.argv[1])\nprint(future.cancel(), future.cancelled())"
    assert stage.run("-c", cancelled, uri).stdout == "True True\n"
    assert caller.communicate(timeout=30)[0] == "{'slept': 2}\n"


@pytest.mark.parametrize("address", ["file:///tmp", "memory://mine/mops1/memo/a", "file:///tmp/mops1/memo/a/b", "  "])
def test_what_is_no_address_is_refused(stage, address):
    failed = stage.run("-c", ATTACH, address, check=False)
    assert failed.returncode == 1
    assert "mops.core.errors." in failed.stderr
