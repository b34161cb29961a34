"""Containers of orchestrators that share calls, end, are interrupted and are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from mops.adapters.shells.docker.engine import engine
from mops.adapters.shells.docker.leftovers import remove_ended
from tests.services.docker_jobs import Held, eventually, held

ONCE = Held(1, (), 1)
PROGRAM = """
import sys
import docker_jobs
from mops import DockerShell, MemoizingPicklingRunner, events, observe, use_runner
observe(lambda event: isinstance(event, events.Waiting) and open(sys.argv[1] + ".waiting", "w").close())
code = {code!r}
shell = DockerShell({image!r}, user={user}, network="none", mounts={{code: code}}, env={{"PYTHONPATH": code}})
call = use_runner(MemoizingPicklingRunner(shell, {root!r}))(docker_jobs.begin_and_wait)
print(call.submit(*sys.argv[1:]).result())
"""


def start_program(jobs):
    code = PROGRAM.format(image=jobs.docker.image, user=os.getuid(), code=str(jobs.folder), root=str(jobs.root))
    return subprocess.Popen(
        [sys.executable, "-c", code, *jobs.signs],
        env={**os.environ, "PYTHONPATH": str(jobs.folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_stops_and_removes_the_container(jobs):
    with start_program(jobs) as program:
        eventually(Path(jobs.signs[0]).exists)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
    assert not jobs.docker.containers()
    assert held(str(jobs.root)) == Held(1, ("cancelled",), 0)
    Path(jobs.signs[1]).touch()
    assert jobs.call("begin_and_wait")(*jobs.signs) == jobs.signs[1]
    assert held(str(jobs.root)) == Held(2, ("cancelled",), 1)


def test_a_program_that_ends_leaves_no_container(jobs):
    Path(jobs.signs[1]).touch()
    with start_program(jobs) as program:
        assert program.communicate(timeout=60)[0] == f"{jobs.signs[1]}\n"
    assert not jobs.docker.containers()
    assert held(str(jobs.root)) == ONCE


def test_a_container_outlives_its_orchestrator_and_publishes_and_is_collected(jobs):
    with start_program(jobs) as program:
        eventually(Path(jobs.signs[0]).exists)
        program.kill()
    assert "kept" in jobs.collect(), "its call is under way"
    assert jobs.docker.containers()
    Path(jobs.signs[1]).touch()
    eventually(lambda: list(jobs.root.glob("mops1/memo/**/r0")))
    eventually(lambda: not jobs.docker.docker("ps", "-q"))
    assert "has ended" in jobs.collect()
    assert not jobs.docker.containers()
    assert held(str(jobs.root)) == ONCE
    assert jobs.call("begin_and_wait")(*jobs.signs) == jobs.signs[1]
    assert held(str(jobs.root)) == ONCE, "that was a hit"


def test_a_container_whose_call_is_over_is_stopped(jobs):
    with start_program(jobs) as program:
        eventually(Path(jobs.signs[0]).exists)
        program.kill()
    (container,) = jobs.docker.containers()
    jobs.docker.docker("pause", container)
    (claim,) = jobs.root.glob("mops1/memo/**/e1")
    claim.unlink()
    assert "ran on, while its call is over" in jobs.collect()
    assert not jobs.docker.containers()


def test_two_orchestrators_share_one_execution(jobs):
    with start_program(jobs) as first, start_program(jobs) as second:
        eventually(Path(jobs.signs[0]).exists)
        eventually(Path(f"{jobs.signs[0]}.waiting").exists)
        Path(jobs.signs[1]).touch()
        assert {program.communicate(timeout=60)[0] for program in (first, second)} == {f"{jobs.signs[1]}\n"}
    assert Path(jobs.signs[0]).read_text() == "begun\n"
    assert held(str(jobs.root)) == ONCE


def test_a_restarted_orchestrator_waits_for_the_container_of_the_one_before(jobs):
    with start_program(jobs) as first:
        eventually(Path(jobs.signs[0]).exists)
        first.kill()
    with start_program(jobs) as second:
        eventually(lambda: second.poll() is not None or len(jobs.docker.containers()) == 1)
        Path(jobs.signs[1]).touch()
        assert second.communicate(timeout=120)[0] == f"{jobs.signs[1]}\n"
    assert Path(jobs.signs[0]).read_text() == "begun\n"
    assert held(str(jobs.root)) == ONCE
    jobs.collect()


# ---------------------------------------------------------------------------------------------------- leftovers
def leave_behind(jobs, *how, **labels):
    """A container as a killed orchestrator leaves it; its id."""
    labels = {"mops.command": "c", "mops.root": str(jobs.root), "mops.memo": "m", "mops.epoch": "1", **labels}
    stated = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    command = [jobs.docker.image, "python", "-c", ""]
    return jobs.docker.docker(*how, "--network", "none", "--entrypoint", "", *stated, *command).strip()


def test_the_next_program_removes_what_ended_a_while_ago_and_nothing_else(jobs):
    never_started = leave_behind(jobs, "create")
    ended = leave_behind(jobs, "run", "--detach")
    kept = leave_behind(jobs, "create", **{"mops.kept": "yes"})
    jobs.docker.docker("wait", ended)

    remove_ended(engine(), 3600)
    assert {*jobs.docker.containers()} == {never_started, ended, kept}
    remove_ended(engine(), 0)
    assert jobs.docker.containers() == [kept]
    jobs.docker.docker("rm", kept)
