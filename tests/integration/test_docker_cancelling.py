"""Calls that nobody wants any more before their containers run, and processes that fork while theirs do."""

import os
import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent

import pytest

from mops.core.errors import RemoteCrashed
from mops.core.ports.shell import RemoteCommand
from tests.integration.test_docker_orchestrators import start_program
from tests.services.docker_jobs import eventually


def roots_of_containers(jobs):
    """Of all that were made during this test."""
    until = str(int(time.time()) + 1)  # whole seconds alone are kept apart
    shown = '{{index .Actor.Attributes "mops.root"}}'
    stated = ["--since", "10m", "--until", until, "--filter", "event=create", "--format", shown]
    return {root for root in jobs.docker.docker("events", *stated).split() if str(jobs.root) in root}


def test_no_container_is_started_for_a_call_that_was_cancelled_while_its_image_was_built(jobs):
    begun, go = threading.Event(), threading.Event()

    def build():
        begun.set()
        go.wait()
        return jobs.docker.image

    command = RemoteCommand(f"file://{jobs.root}", f"mops1/memo/default/m--f/any/{'0' * 64}", 1)
    future = jobs.shell(image=build)(command.argv(sys.executable))
    begun.wait()
    assert future.cancel()
    go.set()
    with pytest.raises(RemoteCrashed, match="cancelled before its container started"):
        future.result(60)
    assert roots_of_containers(jobs) == set()
    assert jobs.call("add", image=build)(2) == 2
    assert roots_of_containers(jobs) == {f"file://{jobs.root}"}


BUILDING = """
    import os, signal, sys, time
    import docker_jobs
    from mops import DockerShell, MemoizingPicklingRunner, use_runner

    def build():
        open({begun!r}, "w").close()
        while not os.path.exists({go!r}):
            time.sleep(0.02)
        return {image!r}

    use_runner(MemoizingPicklingRunner(DockerShell(build, user={user}, network="none"), {root!r}))(docker_jobs.add)(1)
"""


def test_ctrl_c_while_an_image_is_built_ends_the_program_and_starts_nothing(jobs):
    begun = jobs.folder / "begun"
    stated = {"begun": str(begun), "go": "/never", "image": jobs.docker.image, "root": str(jobs.root)}
    code = dedent(BUILDING.format(**stated, user=os.getuid()))
    environment = {**os.environ, "PYTHONPATH": str(jobs.folder)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True) as program:
        eventually(begun.exists)
        program.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in program.communicate(timeout=60)[1]
    assert not jobs.docker.containers()


def test_ctrl_c_twice_leaves_no_container_running(jobs):
    with start_program(jobs) as program:
        eventually(lambda: os.path.exists(jobs.signs[0]))
        program.send_signal(signal.SIGINT)
        eventually(lambda: list(jobs.root.glob("mops1/memo/**/e1.2")) or program.poll() is not None)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
    eventually(lambda: not jobs.docker.docker("ps", "-q"))
    jobs.collect()


def test_a_forked_child_makes_calls_while_those_of_its_parent_run(jobs):
    waiting = jobs.call("begin_and_wait").submit(*jobs.signs)
    eventually(lambda: os.path.exists(jobs.signs[0]))
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if jobs.call("add")(1, 2) == 3 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not waiting.done(), "the end of the child stops nothing of its parent's"
    open(jobs.signs[1], "w").close()
    assert waiting.result(60) == jobs.signs[1]
    assert jobs.call("add")(1, 2) == 3
    jobs.collect()  # the child ended before it had removed its own
