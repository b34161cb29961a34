"""Programs that end, or are interrupted, while submitted calls are under way."""

import signal
import time

import pytest

STAGE = """
    def note(word):
        with open(os.path.join(os.path.dirname(__file__), "runs"), "a") as file:
            file.write(f"{word}\\n")

    def work(seconds):
        note("began")
        time.sleep(seconds)
        note("ended")
        return seconds

    elsewhere = use_runner(MemoizingPicklingRunner(SubprocessShell(max_workers=1), root))(work)
    here = use_runner(MemoizingPicklingRunner(InThreadShell(max_workers=1), root))(work)
"""


@pytest.fixture
def stage(project):
    project.write("stage.py", STAGE)
    return project


def test_what_runs_elsewhere_runs_on_and_how_to_wait_for_it_is_said(stage):
    program = """
        from stage import *
        futures = [elsewhere.submit(2), elsewhere.submit(3)]
        while not os.path.exists("runs"):
            time.sleep(0.01)
    """
    done = stage.run(stage.write("program.py", program))
    assert "1 call of it is under way elsewhere" in done.stderr
    assert "with 1 call of it undone" in done.stderr
    (uri,) = (line.strip() for line in done.stderr.splitlines() if line.startswith("    file:"))
    attached = stage.run("-c", "import sys, mops\nprint(mops.attach(sys.argv[1]).result())", uri)
    assert attached.stdout == "2\n"
    assert stage.lines("runs") == ["began", "ended"]


def test_a_call_that_ran_in_the_program_itself_is_free_for_the_next(stage):
    program = """
        from stage import *
        here.submit(600)
        while not os.path.exists("runs"):
            time.sleep(0.01)
    """
    done = stage.run(stage.write("program.py", program))
    assert "with 1 call of it undone" in done.stderr
    started = time.monotonic()
    again = stage.start("-c", "from stage import *\nhere(600)")
    stage.wait_until(lambda: len(stage.lines("runs")) == 2, 20)
    assert time.monotonic() - started < 20
    again.kill()
    again.communicate()


def test_a_program_that_waited_for_its_calls_says_nothing(stage):
    done = stage.run("-c", "from stage import *\nprint(elsewhere.submit(0).result(), here.submit(1).result())")
    assert (done.stdout, done.stderr) == ("0 1\n", "")


def test_ctrl_c_leaves_no_process_behind(stage):
    program = """
        from stage import *
        futures = [elsewhere.submit(600), elsewhere.submit(601)]
        print("waits", flush=True)
        futures[0].result()
    """
    process = stage.start(stage.write("program.py", program), stderr=-3)
    stage.wait_until(lambda: stage.lines("runs"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    stage.wait_until(lambda: stage.processes() == [], 20)
    assert stage.lines("runs") == ["began"]
    assert stage.results() == []
