"""What a Shell returns or raises, in the words of the core."""

import subprocess
import threading
from concurrent.futures import Future

import pytest

from mops.core.answers import Job
from mops.core.errors import RemoteCrashed, SetupError, ShellFailed
from mops.runtime.commands import Command

ARGV = ["python", "-m", "mops"]


class Started:
    """A command, and the news of it."""

    def __init__(self, shell):
        self.news, self.ends = threading.Event(), []
        self.command = Command.started(shell, ARGV, self.news.set, lambda: self.ends.append(1))

    def over(self) -> Job:
        assert self.news.wait(10)
        assert self.ends == [1]
        return self.command.job()


@pytest.mark.parametrize("returned", [None, "anything", 7])
def test_a_return_that_is_no_future_is_the_end(returned):
    job = Started(lambda argv: returned).over()
    assert (job.started, job.ended, job.error) == (True, True, None)


def test_a_shell_that_blocks_is_running_meanwhile():
    release = threading.Event()
    started = Started(lambda argv: release.wait(10))
    assert (started.command.job().started, started.command.job().ended) == (True, False)
    release.set()
    assert started.over().ended


def test_a_future_is_pending_until_it_runs_and_over_when_it_resolves():
    future, given = Future(), threading.Event()
    started = Started(lambda argv: (given.set(), future)[1])
    assert given.wait(10)
    while started.command.job().started:
        pass
    assert not started.command.job().ended
    future.set_running_or_notify_cancel()
    assert started.command.job().started
    assert not started.command.job().ended
    future.set_result(None)
    assert started.over().error is None


def test_what_a_shell_raises_becomes_a_failure_with_its_words_its_kind_and_its_cause():
    class OutOfMemory(Exception):
        kind = "out_of_memory"

    original = OutOfMemory("the node had no memory left")

    def shell(argv):
        raise original

    error = Started(shell).over().error
    assert isinstance(error, ShellFailed)
    assert "OutOfMemory: the node had no memory left" in str(error)
    assert error.kind == "out_of_memory"
    assert error.__cause__ is original


def test_what_a_shell_says_in_our_words_stays_as_it_is():
    original = RemoteCrashed("the pod was evicted", exit_code=137)
    future = Future()
    future.set_exception(original)
    assert Started(lambda argv: future).over().error is original


def test_the_output_of_a_failed_process_is_read_for_advice():
    def shell(argv):
        raise subprocess.CalledProcessError(1, argv, stderr="/usr/bin/python: No module named mops")

    assert "pip install mops-run" in Started(shell).over().error.advice


@pytest.mark.parametrize("moment", ["before it has a future", "later"])
def test_a_stopped_command_has_its_future_cancelled(moment):
    future, release, given = Future(), threading.Event(), threading.Event()

    def shell(argv):
        given.set()
        release.wait(10)
        return future

    started = Started(shell)
    assert given.wait(10)
    if moment == "later":
        release.set()
        while started.command.job().started:  # as long as the Shell has not returned, the command counts as started
            pass
    started.command.stop()
    release.set()
    error = started.over().error
    assert future.cancelled()
    assert isinstance(error, ShellFailed)
    assert "cancelled" in str(error)


def test_an_error_of_ours_arrives_as_it_is():
    error = SetupError("there is no such image", advice="build it")

    def refuse(argv):
        raise error

    assert Started(refuse).over().error is error
