"""Faults of a call in a container: what the caller sees, within how long, and what the store holds then."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from mops import Retries
from mops.adapters.shells.docker.engine import engine
from mops.adapters.shells.docker.leftovers import remove_ended
from mops.core.errors import ConfigurationError, RemoteCrashed, ShellFailed, StoreFull
from tests.services.docker_jobs import eventually

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The SDK leaves each socket open that found no engine."""


class Fault(NamedTuple):
    """What a fault comes to.

    Attributes:
        call: makes the call, and has the fault befall it; its future.
        error: what the caller sees.
        words: what that says.
        kind: under which field of ``Retries`` it falls; ``None``: under none.
        within: seconds.
        epochs: what was claimed in the store.
    """

    call: object
    error: type[Exception]
    words: str
    kind: str | None
    within: float
    epochs: int = 1


def kill_the_supervisor(jobs):
    return jobs.call("kill_supervisor").submit(1)


def kill_the_function(jobs):
    return jobs.call("kill_myself").submit(int(signal.SIGKILL))


def waiting(jobs, **settings):
    """A call that waits in its container for a file that never comes."""
    future = jobs.call("begin_and_wait", **settings).submit(str(jobs.root / "begun"), str(jobs.root / "never"))
    eventually((jobs.root / "begun").exists)
    return future


def kill_the_container(jobs):
    future = waiting(jobs)
    jobs.docker.docker("kill", *jobs.docker.containers())
    return future


def restart_the_engine(jobs):
    future = waiting(jobs)
    jobs.docker.stop()
    jobs.docker.start()
    return future


def delete_the_image(jobs):
    jobs.docker.docker("tag", jobs.docker.image, "localhost:1/short-lived:1")
    add = jobs.call("add", image="localhost:1/short-lived:1")
    assert add(1) == 1
    jobs.docker.docker("rmi", "localhost:1/short-lived:1")
    return add.submit(2)


def fill_the_disk(jobs):
    return jobs.call("fill", mounts={str(jobs.small): "/small:rw"}).submit("/small")


def exceed_the_memory(jobs):
    return jobs.call("take", memory="96MiB").submit(300 << 20)


def cut_the_network(jobs):
    return jobs.call("add", "s3://cut/root", network="none").submit(1)


FAULTS = {
    "kill -9 of the supervisor": Fault(kill_the_supervisor, RemoteCrashed, "killed from outside", "interrupted", 60),
    "kill -9 of the function": Fault(kill_the_function, RemoteCrashed, "SIGKILL", "interrupted", 60),
    "docker kill": Fault(kill_the_container, RemoteCrashed, "killed from outside", "interrupted", 60),
    "engine restarted": Fault(restart_the_engine, RemoteCrashed, "143|went away", "interrupted", 120),
    "image deleted": Fault(delete_the_image, ShellFailed, "image localhost:1/short-lived:1", "infrastructure", 60, 2),
    "disk full": Fault(fill_the_disk, OSError, "No space left on device", None, 60),
    "memory limit": Fault(exceed_the_memory, RemoteCrashed, "its limit is 96 MiB", "out_of_memory", 60),
    "no network": Fault(cut_the_network, ConfigurationError, "the containers have none", None, 60, 0),
}


@contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_in_time_and_the_store_holds_no_result_of_it(jobs, s3, tmp_path, name):
    fault = FAULTS[name]
    s3.make_bucket("cut")
    with small_disk(tmp_path / "small", "4m") as jobs.small:
        future = fault.call(jobs)
        with pytest.raises(fault.error, match=fault.words) as raised:
            future.result(fault.within)
        gc(jobs)  # an engine that is away removes nothing
    assert getattr(raised.value, "kind", None) == fault.kind
    claimed = [path.name for path in jobs.root.glob("mops1/memo/**/e1")]
    assert len(claimed) == fault.epochs
    assert len(list(jobs.root.glob("mops1/memo/**/r0"))) == max(0, fault.epochs - 1), (
        "of the call before, if there was one"
    )
    assert len(list(jobs.root.glob("mops1/memo/**/e1.*"))) >= fault.epochs - 1


def test_what_was_interrupted_is_tried_again(jobs):
    retries = Retries(interrupted=1, first_delay=0.01)
    future = jobs.call("begin_and_wait", retries=retries).submit(str(jobs.root / "begun"), str(jobs.root / "go"))
    eventually((jobs.root / "begun").exists)
    jobs.docker.docker("kill", *jobs.docker.containers())
    (jobs.root / "go").touch()
    assert future.result(60) == str(jobs.root / "go")


def test_a_result_that_the_store_has_no_room_for_is_kept_in_its_container(jobs, capfd, tmp_path):
    with small_disk(tmp_path / "full", "2m") as root:
        future = jobs.call("large", root).submit(8 << 20)
        with pytest.raises(StoreFull) as raised:
            future.result(60)
        (kept,) = jobs.docker.containers()
        eventually(lambda: "is kept: docker cp" in capfd.readouterr().err)
        gc(jobs)
        assert jobs.docker.containers() == [kept], "gc leaves it alone"
    place = str(raised.value).partition("is kept in ")[2].split()[0]
    jobs.docker.docker("cp", f"{kept}:{place}", str(tmp_path / "result"))
    assert (tmp_path / "result").stat().st_size >= 8 << 20
    jobs.docker.docker("rm", "-v", kept)


# ---------------------------------------------------------------------------------------------------- orchestrators
PROGRAM = """
import sys
import docker_jobs
from mops import DockerShell, MemoizingPicklingRunner, use_runner
code = {code!r}
shell = DockerShell({image!r}, user={user}, network="none", mounts={{code: code}}, env={{"PYTHONPATH": code}})
call = use_runner(MemoizingPicklingRunner(shell, {root!r}))(docker_jobs.begin_and_wait)
print(call.submit(*sys.argv[1:]).result())
"""


def start_program(jobs):
    code = PROGRAM.format(image=jobs.docker.image, user=os.getuid(), code=str(jobs.folder), root=str(jobs.root))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(jobs.root / "begun"), str(jobs.root / "go")],
        env={**os.environ, "PYTHONPATH": str(jobs.folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def gc(jobs):
    command = [sys.executable, "-m", "mops", "docker", "gc", "--older-than", "0"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_ctrl_c_stops_and_removes_the_container(jobs):
    with start_program(jobs) as program:
        eventually((jobs.root / "begun").exists)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
    assert not jobs.docker.containers()


def test_a_program_that_ends_leaves_no_container(jobs):
    (jobs.root / "go").touch()
    with start_program(jobs) as program:
        assert program.communicate(timeout=60)[0] == f"{jobs.root}/go\n"
    assert not jobs.docker.containers()


def test_a_container_outlives_its_orchestrator_and_publishes_and_is_collected(jobs):
    with start_program(jobs) as program:
        eventually((jobs.root / "begun").exists)
        program.kill()
    assert "kept" in gc(jobs), "its call is under way"
    assert jobs.docker.containers()
    (jobs.root / "go").touch()
    eventually(lambda: list(jobs.root.glob("mops1/memo/**/r0")))
    eventually(lambda: not jobs.docker.docker("ps", "-q"))
    assert "has ended" in gc(jobs)
    assert not jobs.docker.containers()


def test_a_container_whose_call_is_over_is_stopped(jobs):
    with start_program(jobs) as program:
        eventually((jobs.root / "begun").exists)
        program.kill()
    (container,) = jobs.docker.containers()
    jobs.docker.docker("pause", container)
    (claim,) = jobs.root.glob("mops1/memo/**/e1")
    claim.unlink()
    assert "ran on, while its call is over" in gc(jobs)
    assert not jobs.docker.containers()


def test_two_orchestrators_share_one_execution(jobs):
    with start_program(jobs) as first, start_program(jobs) as second:
        eventually((jobs.root / "begun").exists)
        (jobs.root / "go").touch()
        assert {program.communicate(timeout=60)[0] for program in (first, second)} == {f"{jobs.root}/go\n"}
    assert (jobs.root / "begun").read_text() == "begun\n"


def test_a_restarted_orchestrator_waits_for_the_container_of_the_one_before(jobs):
    with start_program(jobs) as first:
        eventually((jobs.root / "begun").exists)
        first.kill()
    with start_program(jobs) as second:
        eventually(lambda: second.poll() is not None or len(jobs.docker.containers()) == 1)
        (jobs.root / "go").touch()
        assert second.communicate(timeout=120)[0] == f"{jobs.root}/go\n"
    assert (jobs.root / "begun").read_text() == "begun\n"
    gc(jobs)


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
