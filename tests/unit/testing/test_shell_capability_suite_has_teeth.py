"""The shipped suites of what some Shells can do in addition reject what breaks one promise, by its law."""

import pytest

from mops import SubprocessShell
from mops.testing.shell_capability_suite import AttachingShellContract, LimitedShellContract, MemoryShellContract
from tests.contract.detached_shell import DetachedShell, Watched


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


REJECTED = [
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
    (FindsWhatIsNotThere, AttachingShellContract, "test_command_that_nobody_started_is_not_found"),
]


@pytest.mark.parametrize(("fake", "suite", "law"), REJECTED, ids=lambda value: getattr(value, "__name__", ""))
def test_broken_shell_is_rejected_by_the_law_that_it_breaks(fake, suite, law, tmp_path):
    shell = fake(tmp_path / "commands") if issubclass(fake, DetachedShell) else fake()
    arguments = {
        "test_running_command_is_found_and_waited_for": (shell, shell, str(tmp_path / "root")),
        "test_failure_of_a_command_that_was_found_arrives": (shell, shell, str(tmp_path / "root")),
        "test_command_that_nobody_started_is_not_found": (shell, str(tmp_path / "root")),
        "test_function_that_runs_for_too_long_is_stopped_where_it_stands": (shell, str(tmp_path / "root")),
    }.get(law, (shell,))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(suite(), law)(*arguments)
