"""Programs that end, or are interrupted, while submitted calls are under way."""

import signal
import subprocess
import time
from textwrap import dedent

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


SHELLS = ["SubprocessShell(max_workers=2)", "ForkServerShell(max_workers=2)"]
WAYS = {
    "submitted calls": "[f.submit(n) for n in range(600, 605)][0].result()",
    "a direct call": "f(600)",
    "a map": "f.map(range(600, 605)).wait()",
    "async for": """
        import asyncio

        async def main():
            async for result in f.map(range(600, 605)):
                print(result)

        asyncio.run(main())
    """,
}


def interrupted_in(stage, shell, way):
    """A program that was interrupted while a call ran."""
    program = f"from stage import *\nf = use_runner(MemoizingPicklingRunner({shell}, root))(work)\n{dedent(way)}"
    path = stage.write("program.py", "")
    path.write_text(path.read_text() + program)
    process = stage.start(path, stderr=subprocess.PIPE)
    stage.wait_until(lambda: stage.lines("runs"))
    process.send_signal(signal.SIGINT)
    return process


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("way", ["submitted calls", "a direct call", "async for"])
def test_ctrl_c_leaves_no_process_behind(stage, shell, way):
    process = interrupted_in(stage, shell, WAYS[way])
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert "Exception ignored" not in err
    assert "could not be stopped" not in err
    stage.wait_until(lambda: stage.processes() == [], 20)
    assert "ended" not in stage.lines("runs")
    assert stage.results() == []


@pytest.mark.parametrize("shell", SHELLS)
def test_ctrl_c_and_once_more_leaves_no_process_of_a_map_behind(stage, shell):
    process = interrupted_in(stage, shell, WAYS["a map"])
    assert "are waited for" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "Exception ignored" not in err
    stage.wait_until(lambda: stage.processes() == [], 20)
    assert "ended" not in stage.lines("runs")
    assert stage.results() == []


def test_ctrl_c_once_more_does_not_wait_for_commands_to_stop_and_says_so(stage):
    program = """
        from stage import *
        from concurrent.futures import Future
        from threading import Event

        started = Event()

        class Stubborn(Future):
            def cancel(self):
                os.write(1, b"told\\n")  # a thread inside of print at the end of a program aborts it
                return True

            def running(self):
                started.set()
                return True

        def shell(argv):
            return Stubborn()

        future = use_runner(MemoizingPicklingRunner(shell, root))(work).submit(600)
        started.wait()
        raise KeyboardInterrupt
    """
    process = stage.start(stage.write("program.py", program), stderr=subprocess.PIPE)
    assert process.stdout.readline() == "told\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, err
    assert "Exception ignored" not in err
    assert err.endswith("1 command could not be stopped in time, and may run on\n")
