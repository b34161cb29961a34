"""Attempts with real processes: memory that grows, commands that are killed, orchestrators that are started again."""

import os
import signal
from pathlib import Path

import pytest

SHELLS = str(Path(__file__).parents[2])


@pytest.fixture
def stage(project):
    project.write(
        "stage.py",
        f"""
        sys.path.insert(0, {SHELLS!r})
        from tests.contract.detached_shell import DetachedShell

        folder = os.path.join(os.path.dirname(__file__), "commands")

        def note(*words):
            with open(os.path.join(os.path.dirname(__file__), "runs"), "a") as file:
                file.write(" ".join(map(str, words)) + "\\n")
        """,
    )
    return project


def test_a_function_that_runs_out_of_memory_gets_more(stage):
    stage.write(
        "hungry.py",
        """
        from stage import *

        retries = Retries(out_of_memory=Grow(max="3200Mi"), first_delay=0.0)
        @use_runner(MemoizingPicklingRunner(DetachedShell(folder, memory=400 << 20), root, retries=retries))
        def hungry(size):
            note("tried")
            return len(bytearray(size))
        """,
    )
    assert stage.run("-c", "from hungry import *\nprint(hungry(1 << 30))").stdout == f"{1 << 30}\n"
    assert 2 <= len(stage.lines("runs")) <= 4
    assert len(stage.claims()) == len(stage.lines("runs"))


def test_a_killed_command_is_tried_again_where_that_was_asked_for(stage):
    stage.write(
        "killed.py",
        """
        import signal
        from stage import *

        retries = Retries(interrupted=2, first_delay=0.01)
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root, retries=retries))
        def killed(times):
            note("tried")
            with open(os.path.join(os.path.dirname(__file__), "runs")) as file:
                if len(file.readlines()) <= times:
                    os.kill(os.getpid(), signal.SIGKILL)
            return "survived"
        """,
    )
    assert stage.run("-c", "from killed import *\nprint(killed(2))").stdout == "survived\n"
    assert len(stage.lines("runs")) == 3
    inspected = stage.run("-m", "mops", "inspect", str(stage.results()[0].parent)).stdout
    assert "e1" in inspected
    assert "e3" in inspected
    assert inspected.count("SIGKILL") >= 2


@pytest.mark.parametrize("moment", ["pending", "running"])
def test_a_restarted_orchestrator_finds_what_its_predecessor_started(stage, moment):
    """Between a command's start and its remote's first word, nothing but the Shell knows of it."""
    stage.write(
        "slow.py",
        f"""
        from stage import *

        @use_runner(MemoizingPicklingRunner(DetachedShell(folder, delay={3.0 if moment == "pending" else 0.0}), root))
        def slow(seconds):
            note("began")
            time.sleep(seconds)
            return "once"
        """,
    )
    call = "from slow import *\nprint(slow(2))"
    first = stage.start("-c", call)
    if moment == "pending":
        stage.wait_until(
            lambda: list((stage.folder / "commands").glob("*")) if (stage.folder / "commands").exists() else 0
        )
    else:
        stage.wait_until(lambda: stage.lines("runs"))
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert stage.run("-c", call).stdout == "once\n"
    assert stage.lines("runs") == ["began"]
    assert len(stage.claims()) == 1
