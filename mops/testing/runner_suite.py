"""The contract of Runners as tests: subclass, fill in the fixture ``runner``, and run pytest.

``SubmittingRunnerContract`` is for Runners that have ``submit`` in addition. The laws are final.
"""

import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, final

import pytest

from mops.api.use_runner import use_runner
from mops.core.ports.runner import Runner, SupportsSubmit
from mops.testing import tasks

__all__ = ["RunnerContract", "SubmittingRunnerContract"]


class RunnerHooks:
    """Fill in ``runner``."""

    @pytest.fixture
    def runner(self) -> Runner:
        """The Runner under test."""
        raise NotImplementedError("a suite needs a fixture named runner")


class RunnerContract(RunnerHooks):
    """What ``use_runner`` asks of any callable."""

    @final
    def test_call_returns_what_the_function_returns(self, runner: Runner) -> None:
        assert runner(tasks.add, (1, 2), {}) == 3
        assert runner(tasks.add, (1,), {"b": 4}) == 5

    @final
    def test_call_raises_what_the_function_raises(self, runner: Runner) -> None:
        with pytest.raises(ValueError, match="these words"):
            runner(tasks.fail, ("these words",), {})

    @final
    def test_calls_from_several_threads_come_to_their_own_results(self, runner: Runner) -> None:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda number: runner(tasks.add, (number, number), {}), range(8))) == [
                *range(0, 16, 2)
            ]

    @final
    def test_decorated_function_is_called_through_it_and_plainly_at_the_other_end(self, runner: Runner) -> None:
        seen: list[Any] = []

        def passed_on(func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
            seen.append(pickle.loads(pickle.dumps(func)))
            return runner(func, args, kwargs)

        assert use_runner(passed_on)(tasks.add)(2, b=3) == 5
        assert [func(2, b=3) for func in seen] == [5]


class SubmittingRunnerContract(RunnerHooks):
    """What a Runner promises that can start a call and return."""

    @final
    def test_future_resolves_with_what_the_call_returns_or_raises(self, runner: SupportsSubmit) -> None:
        good, bad = runner.submit(tasks.add, 1, b=2), runner.submit(tasks.fail, "these words")
        assert isinstance(good, Future)
        assert good.result(60) == 3
        with pytest.raises(ValueError, match="these words"):
            bad.result(60)

    @final
    def test_submitted_calls_run_beside_their_caller(self, runner: SupportsSubmit) -> None:
        futures = [runner.submit(tasks.double_slowly, number) for number in range(3)]
        assert not any(future.done() for future in futures)
        assert [future.result(60) for future in futures] == [0, 2, 4]
