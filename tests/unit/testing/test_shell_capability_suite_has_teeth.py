"""The shipped suites of what some Shells can do in addition reject what breaks one promise, by its law."""

import os
import subprocess
from concurrent.futures import Future

import pytest

from mops import SubprocessShell
from mops.api.locate import locate_blob_store
from mops.core.errors import ConfigurationError
from mops.testing.shell_capability_suite import (
    AttachingShellContract,
    BatchingShellContract,
    LimitedShellContract,
    MemoryShellContract,
    ReachingShellContract,
)
from tests.contract.array_shell import ArrayShell
from tests.contract.detached_shell import DetachedShell, Watched

BEYOND = "s3://beyond/the-sea"


class HasNoPlaceForAnybody:
    max_workers, start_timeout, run_timeout = 0, 1.0, None

    def __call__(self, argv):
        return None


class CountsInFloats(HasNoPlaceForAnybody):
    max_workers = 2.0


class ForgetsItsHurry(SubprocessShell):
    def __init__(self):
        super().__init__()
        self._stated = iter([1.0])

    @property
    def run_timeout(self):
        return next(self._stated, None)


class ForgetsTheLimit(DetachedShell):
    def with_memory(self, memory):
        return DetachedShell(self.folder)


class ChangesItself(DetachedShell):
    def with_memory(self, memory):
        self._memory = memory
        return self


class FindsNothing(DetachedShell):
    def attach(self, argv):
        return None

    def __call__(self, argv):
        super().__call__(argv)
        return DetachedShell.attach(self, argv)


class FindsWhatIsNotThere(DetachedShell):
    def attach(self, argv):
        found = Watched(self._record(argv), 0)
        found.cancel = lambda: False
        return found


class LooksAtTheInterpreter(DetachedShell):
    def _record(self, argv):
        return super()._record(["", *argv])


class SwallowsTheFailure(DetachedShell):
    def attach(self, argv):
        found = super().attach(argv)
        if found is not None:
            found.set_exception = lambda _: found.set_result(None)
        return found


class IsOneCopy(ArrayShell):
    """Every copy takes itself for the first."""

    def start_batch(self, argv, count):
        os.environ[argv[-1]] = "0"
        futures = [Future() for _ in range(count)]
        for future in futures:
            future.set_result(subprocess.run(argv, check=True) and None)
        return futures


class TellsTheWorst(ArrayShell):
    """The failure of one copy is every copy's."""

    def settle(self, future, status):
        self.statuses = [*getattr(self, "statuses", ()), (future, status)]
        if len(self.statuses) == 3:
            for each, _ in self.statuses:
                super().settle(each, max(status for _, status in self.statuses))


class TellsTheBest(ArrayShell):
    def settle(self, future, status):
        future.set_result(None)


class IsNoBatch(ArrayShell):
    def __init__(self):
        super().__init__(batch_size=1)


class StaysOnItsIsland(SubprocessShell):
    """Keeps every promise of reach: what is not in the folder ``beyond`` is within it."""

    def check_reach(self, root):
        if "beyond" in root:
            raise ConfigurationError(f"{root} is beyond the sea", advice="take a boat")


class RefusesAll(StaysOnItsIsland):
    def check_reach(self, root):
        super().check_reach(f"{root}/beyond")


class OpensNothing(StaysOnItsIsland):
    def __call__(self, argv):
        raise RuntimeError("the sea was too rough")


class LetsAllPass(StaysOnItsIsland):
    def check_reach(self, root):
        pass


class RefusesInOtherWords(StaysOnItsIsland):
    def check_reach(self, root):
        try:
            super().check_reach(root)
        except ConfigurationError as error:
            raise OSError(root) from error


class NamesNoRoot(StaysOnItsIsland):
    def check_reach(self, root):
        try:
            super().check_reach(root)
        except ConfigurationError as error:
            raise ConfigurationError("beyond the sea", advice=error.advice) from error


class KnowsNoAdvice(StaysOnItsIsland):
    def check_reach(self, root):
        try:
            super().check_reach(root)
        except ConfigurationError as error:
            raise ConfigurationError(*error.args) from error


class TriesItOut(StaysOnItsIsland):
    def check_reach(self, root):
        super().check_reach(root)
        locate_blob_store(root).put("attempt", b"")


class TiresOfQuestions(StaysOnItsIsland):
    def __init__(self):
        super().__init__()
        self._patience = iter(range(5))

    def check_reach(self, root):
        super().check_reach(root)
        if next(self._patience, None) is None:
            super().check_reach(f"{root}/beyond")


REJECTED = [
    (IsOneCopy, BatchingShellContract, "test_each_copy_comes_to_the_outcome_of_its_number"),
    (TellsTheWorst, BatchingShellContract, "test_failure_of_one_copy_is_told_by_its_future_alone"),
    (TellsTheBest, BatchingShellContract, "test_failure_of_one_copy_is_told_by_its_future_alone"),
    (IsNoBatch, BatchingShellContract, "test_batch_size_is_a_number_of_copies"),
    (HasNoPlaceForAnybody, LimitedShellContract, "test_limits_are_numbers_that_can_be_kept"),
    (CountsInFloats, LimitedShellContract, "test_limits_are_numbers_that_can_be_kept"),
    (DetachedShell, LimitedShellContract, "test_limits_are_numbers_that_can_be_kept"),
    (SubprocessShell, LimitedShellContract, "test_function_that_runs_for_too_long_is_stopped_where_it_stands"),
    (ForgetsItsHurry, LimitedShellContract, "test_function_that_runs_for_too_long_is_stopped_where_it_stands"),
    (ForgetsTheLimit, MemoryShellContract, "test_another_limit_makes_another_shell"),
    (ChangesItself, MemoryShellContract, "test_another_limit_makes_another_shell"),
    (FindsNothing, AttachingShellContract, "test_running_command_is_found_and_waited_for"),
    (LooksAtTheInterpreter, AttachingShellContract, "test_running_command_is_found_and_waited_for"),
    (SwallowsTheFailure, AttachingShellContract, "test_failure_of_a_command_that_was_found_arrives"),
    (SubprocessShell, ReachingShellContract, "test_root_that_passes_is_opened_by_the_commands"),
    (RefusesAll, ReachingShellContract, "test_root_that_passes_is_opened_by_the_commands"),
    (OpensNothing, ReachingShellContract, "test_root_that_passes_is_opened_by_the_commands"),
    (LetsAllPass, ReachingShellContract, "test_root_out_of_reach_is_refused_by_its_name_with_advice"),
    (RefusesInOtherWords, ReachingShellContract, "test_root_out_of_reach_is_refused_by_its_name_with_advice"),
    (NamesNoRoot, ReachingShellContract, "test_root_out_of_reach_is_refused_by_its_name_with_advice"),
    (KnowsNoAdvice, ReachingShellContract, "test_root_out_of_reach_is_refused_by_its_name_with_advice"),
    (TriesItOut, ReachingShellContract, "test_question_leaves_no_trace"),
    (TiresOfQuestions, ReachingShellContract, "test_answers_stay_the_same_whoever_asks"),
    (LetsAllPass, ReachingShellContract, "test_answers_stay_the_same_whoever_asks"),
    (FindsWhatIsNotThere, AttachingShellContract, "test_command_that_nobody_started_is_not_found"),
]


@pytest.mark.parametrize(("fake", "suite", "law"), REJECTED, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_shell_is_rejected_by_the_law_that_it_breaks(fake, suite, law, tmp_path, monkeypatch):
    monkeypatch.setenv("MOPS_SUITE_INDEX", "")  # undone at the end
    shell = fake(tmp_path / "commands") if issubclass(fake, DetachedShell) else fake()
    arguments = {
        "test_each_copy_comes_to_the_outcome_of_its_number": (shell, str(tmp_path / "root")),
        "test_failure_of_one_copy_is_told_by_its_future_alone": (shell, str(tmp_path / "root")),
        "test_running_command_is_found_and_waited_for": (shell, shell, str(tmp_path / "root")),
        "test_failure_of_a_command_that_was_found_arrives": (shell, shell, str(tmp_path / "root")),
        "test_command_that_nobody_started_is_not_found": (shell, str(tmp_path / "root")),
        "test_function_that_runs_for_too_long_is_stopped_where_it_stands": (shell, str(tmp_path / "root")),
        "test_root_that_passes_is_opened_by_the_commands": (shell, str(tmp_path / "root")),
        "test_root_out_of_reach_is_refused_by_its_name_with_advice": (shell, BEYOND),
        "test_question_leaves_no_trace": (shell, str(tmp_path / "root")),
        "test_answers_stay_the_same_whoever_asks": (shell, str(tmp_path / "root"), BEYOND),
    }.get(law, (shell,))
    with pytest.raises((AssertionError, RuntimeError, OSError, ConfigurationError, pytest.fail.Exception)):
        getattr(suite(), law)(*arguments)


def test_shell_that_keeps_its_promises_of_reach_passes(tmp_path):
    suite, shell, root = ReachingShellContract(), StaysOnItsIsland(), str(tmp_path / "root")
    suite.test_question_leaves_no_trace(shell, root)
    suite.test_root_that_passes_is_opened_by_the_commands(shell, root)
    suite.test_root_out_of_reach_is_refused_by_its_name_with_advice(shell, BEYOND)
    suite.test_answers_stay_the_same_whoever_asks(shell, root, BEYOND)
