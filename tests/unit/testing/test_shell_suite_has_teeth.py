"""The shipped suites of Shells, Runners and Serializers reject what breaks one promise, by the law that states it."""

import pickle
import subprocess
import threading
import time
from concurrent.futures import Future

import pytest

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.core.ports.serializer import Serialized
from mops.testing.runner_suite import RunnerContract, SubmittingRunnerContract
from mops.testing.serializer_suite import SerializerContract
from mops.testing.shell_suite import FutureShellContract, ShellContract


# ------------------------------------------------------------------------------------------------ Shells
def swallows_failures(argv):
    subprocess.run(argv, check=False)


def reports_success_too_early(argv):
    process = subprocess.Popen(argv)
    threading.Thread(target=process.wait, daemon=True).start()


def mangles_the_command_line(argv):
    subprocess.run(" ".join(argv), shell=True, check=True)


def modifies_the_command_line(argv):
    if isinstance(argv, list):
        argv.insert(1, "-B")
    subprocess.run(argv, check=True)


def fails_without_a_word(argv):
    if subprocess.run(argv, check=False).returncode:
        raise RuntimeError


def takes_an_exception_for_a_failure(argv):
    subprocess.run(argv, check=True)
    raise RuntimeError("the function may have raised")


class SharesItsCommand:
    def __call__(self, argv):
        self.argv = argv
        time.sleep(0.2)
        subprocess.run(self.argv, check=True)


class StandardFuture:
    """As an executor's: a call that runs cannot be cancelled."""

    def __call__(self, argv):
        self.process = subprocess.Popen(argv)
        future = Future()
        self.begin(future)
        threading.Thread(target=self.watch, args=(self.process, future), daemon=True).start()
        return future

    def begin(self, future):
        future.set_running_or_notify_cancel()

    def watch(self, process, future):
        if process.wait():
            future.set_exception(RuntimeError(f"exit status {process.returncode}"))
        else:
            future.set_result(None)


class CancelsTheFutureAlone(StandardFuture):
    def __call__(self, argv):
        future = super().__call__(argv)

        def cancel():
            future.set_exception(RuntimeError("cancelled"))
            return True

        future.cancel = cancel
        return future

    def watch(self, process, future):
        process.wait()


class IsPendingForEver(StandardFuture):
    def begin(self, future):
        pass


class SwallowsIntoTheFuture(StandardFuture):
    def watch(self, process, future):
        process.wait()
        future.set_result(None)


class FinishesAtOnce(StandardFuture):
    def watch(self, process, future):
        future.set_result(None)


class ShellSuite(ShellContract, FutureShellContract):
    """All laws, run by hand."""


REJECTED_SHELLS = {
    swallows_failures: "test_command_that_ends_otherwise_is_a_failure_in_words",
    reports_success_too_early: "test_finished_command_has_its_outcome_in_the_store",
    mangles_the_command_line: "test_arguments_arrive_letter_by_letter",
    modifies_the_command_line: "test_command_line_is_not_modified",
    fails_without_a_word: "test_command_that_ends_otherwise_is_a_failure_in_words",
    takes_an_exception_for_a_failure: "test_exception_of_the_function_is_an_outcome_too",
    SharesItsCommand: "test_commands_started_from_several_threads_come_to_their_own_outcomes",
    StandardFuture: "test_cancelled_command_stops",
    CancelsTheFutureAlone: "test_cancelled_command_stops",
    IsPendingForEver: "test_future_runs_until_its_command_has_ended",
    SwallowsIntoTheFuture: "test_failure_arrives_through_the_future",
    FinishesAtOnce: "test_future_runs_until_its_command_has_ended",
}
WRONG = (AssertionError, subprocess.CalledProcessError, RuntimeError, pytest.fail.Exception)


@pytest.mark.parametrize(("fake", "law"), REJECTED_SHELLS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_broken_shell_is_rejected_by_the_law_that_it_breaks(fake, law, tmp_path):
    shell = fake() if isinstance(fake, type) else fake
    moment = ("when it runs",) if law == "test_cancelled_command_stops" else ()
    try:
        with pytest.raises(WRONG):
            getattr(ShellSuite(), law)(shell, str(tmp_path / "a root's place"), *moment)
    finally:
        if isinstance(shell, StandardFuture):
            shell.process.terminate()
            shell.process.wait()


# ------------------------------------------------------------------------------------------------ Runners
def forgets_keywords(func, args, kwargs):
    return func(*args)


def returns_the_exception(func, args, kwargs):
    try:
        return func(*args, **kwargs)
    except ValueError as error:
        return error


def wraps_the_exception(func, args, kwargs):
    try:
        return func(*args, **kwargs)
    except ValueError as error:
        raise RuntimeError("it failed") from error


class SharesItsArguments:
    def __call__(self, func, args, kwargs):
        self.args = args
        time.sleep(0.05)
        return func(*self.args, **kwargs)


class SubmitsInline:
    def submit(self, func, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(func(*args, **kwargs))
        except ValueError as error:
            future.set_exception(error)
        return future


class RunnerSuite(RunnerContract, SubmittingRunnerContract):
    """All laws, run by hand."""


REJECTED_RUNNERS = {
    forgets_keywords: "test_call_returns_what_the_function_returns",
    returns_the_exception: "test_call_raises_what_the_function_raises",
    wraps_the_exception: "test_call_raises_what_the_function_raises",
    SharesItsArguments: "test_calls_from_several_threads_come_to_their_own_results",
    SubmitsInline: "test_submitted_calls_run_beside_their_caller",
}


@pytest.mark.parametrize(("fake", "law"), REJECTED_RUNNERS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_broken_runner_is_rejected_by_the_law_that_it_breaks(fake, law):
    with pytest.raises((*WRONG, pytest.fail.Exception)):
        getattr(RunnerSuite(), law)(fake() if isinstance(fake, type) else fake)


# ------------------------------------------------------------------------------------------------ Serializers
class CopiesBuffers(PicklingSerializer):
    def dumps(self, value, /):
        return Serialized([bytes(buffer) for buffer in super().dumps(value).buffers])


class RaisesWhatPickleRaises(PicklingSerializer):
    def dumps(self, value, /):
        return Serialized((pickle.dumps(value),))


class NamesNoPath(PicklingSerializer):
    def dumps(self, value, /):
        try:
            return super().dumps(value)
        except Exception as error:
            error.path = ""
            raise


class ForgetsTypes(PicklingSerializer):
    def loads(self, buffers, /, files=(), codec=""):
        value = super().loads(buffers, files, codec)
        return list(value) if isinstance(value, tuple) else value


class SharesItsBuffer(PicklingSerializer):
    def dumps(self, value, /):
        self.buffers = super().dumps(value)
        time.sleep(0.001)
        return self.buffers


REJECTED_SERIALIZERS = [
    (CopiesBuffers, "test_large_buffers_are_not_copied_and_come_back_writable", ()),
    (RaisesWhatPickleRaises, "test_value_that_cannot_be_stored_is_named_by_its_path", ()),
    (NamesNoPath, "test_value_that_cannot_be_stored_is_named_by_its_path", ()),
    (ForgetsTypes, "test_values_come_back_equal_and_of_their_type", ((1,),)),
    (SharesItsBuffer, "test_threads_do_not_meet", ()),
]


@pytest.mark.parametrize(
    ("fake", "law", "more"), REJECTED_SERIALIZERS, ids=lambda value: getattr(value, "__name__", "")
)
def test_broken_serializer_is_rejected_by_the_law_that_it_breaks(fake, law, more):
    with pytest.raises((AssertionError, TypeError, pickle.PicklingError)):
        getattr(SerializerContract(), law)(fake(), *more)
