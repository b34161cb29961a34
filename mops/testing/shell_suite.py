"""The contract of Shells as tests: subclass, fill in the fixture ``shell``, and run pytest.

    class TestMyShell(ShellContract):
        @pytest.fixture
        def shell(self):
            return MyShell()

``ShellContract`` is for every Shell, and ``FutureShellContract`` for those that return a Future in addition. Where the
Shell leaves this machine, ``root`` has to name a blob root that both sides reach. The laws are final.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final, final

import pytest

from mops.api.locate import locate_blob_store
from mops.api.memoizing_runner import MemoizingPicklingRunner
from mops.api.use_runner import use_runner
from mops.core.ports.shell import Shell
from mops.core.result import Failure, Success
from mops.testing import tasks

__all__ = ["FutureShellContract", "ShellContract"]

_PATIENCE: Final = 120.0
"""Seconds for what may have to wait for a machine."""


class ShellHooks:
    """Fill in ``shell``, and ``root`` where a Shell leaves this machine."""

    @pytest.fixture
    def shell(self) -> Shell:
        """The Shell under test."""
        raise NotImplementedError("a suite needs a fixture named shell")

    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        """A blob root within reach of the commands, for each test its own. Its name is part of their arguments."""
        return str(tmp_path / 'a root\'s "place" $HOME größer;')


@final
class Order:
    """A call that waits for somebody to start its command.

    Attributes:
        argv: the command.
    """

    def __init__(self, root: str, function: Callable[..., Any], *args: Any) -> None:
        self.argv: Sequence[str] = ()
        self._given = Event()
        self._args = args
        self._function = use_runner(MemoizingPicklingRunner(self._take, root, on_code_change="ignore"))(function)
        self._future = self._function.submit(*args)
        assert self._given.wait(_PATIENCE), "the call asked for no command"

    def _take(self, argv: Sequence[str]) -> Future[None]:
        self.argv = argv
        self._given.set()
        return Future()  # pending for ever: the suite starts the command

    def outcome(self) -> Success[Any] | Failure | None:
        """What is in the store."""
        return self._function.peek(*self._args)

    def withdraw(self) -> None:
        """Leave nothing that waits."""
        self._future.cancel()


@contextmanager
def ordered(root: str, function: Callable[..., Any], *args: Any) -> Iterator[Order]:
    """An order, withdrawn at the end."""
    order = Order(root, function, *args)
    try:
        yield order
    finally:
        order.withdraw()


def finish(shell: Shell, argv: Sequence[str]) -> None:
    """Run a command to its end; raises what the Shell raises."""
    returned = shell(argv)
    if isinstance(returned, Future):
        returned.result(_PATIENCE)


class ShellContract(ShellHooks):
    """What every Shell promises."""

    @final
    def test_finished_command_has_its_outcome_in_the_store(self, shell: Shell, root: str) -> None:
        with ordered(root, tasks.double_slowly, 21) as order:
            finish(shell, order.argv)
            assert order.outcome() == Success(42)

    @final
    def test_exception_of_the_function_is_an_outcome_too(self, shell: Shell, root: str) -> None:
        with ordered(root, tasks.fail, "these words") as order:
            finish(shell, order.argv)
            outcome = order.outcome()
            assert isinstance(outcome, Failure)
            assert repr(outcome.exception) == "ValueError('these words')"

    @final
    def test_command_that_ends_otherwise_is_a_failure_in_words(self, shell: Shell, root: str) -> None:
        with ordered(root, tasks.add, 1) as order:
            with pytest.raises(Exception, match=r"\w+"):
                finish(shell, [*order.argv[:-1], "99"])  # nobody claimed that epoch
            assert order.outcome() is None

    @final
    def test_arguments_arrive_letter_by_letter(self, shell: Shell, root: str) -> None:
        with ordered(root, tasks.add, 1) as order:
            position = order.argv.index("--root") + 1
            finish(shell, [*order.argv[:position], root, *order.argv[position + 1 :]])  # as named, not as a URI
            assert order.outcome() == Success(1)

    @final
    def test_command_line_is_not_modified(self, shell: Shell, root: str) -> None:
        with ordered(root, tasks.add, 1, 2) as order:
            argv = list(order.argv)
            finish(shell, argv)
            assert argv == list(order.argv)
            finish(shell, tuple(argv))  # any sequence will do; the call has its outcome already
            assert order.outcome() == Success(3)

    @final
    def test_commands_started_from_several_threads_come_to_their_own_outcomes(self, shell: Shell, root: str) -> None:
        orders = [Order(root, tasks.add, number) for number in range(4)]
        try:
            with ThreadPoolExecutor(len(orders)) as pool:
                list(pool.map(lambda order: finish(shell, order.argv), orders))
            assert [order.outcome() for order in orders] == [Success(number) for number in range(4)]
        finally:
            for order in orders:
                order.withdraw()


class FutureShellContract(ShellHooks):
    """What a Shell promises that returns before its command has ended."""

    @final
    def test_future_runs_until_its_command_has_ended(self, shell: Shell, root: str) -> None:
        with ordered(root, tasks.tick, root, 2.0) as order:
            future = shell(order.argv)
            assert isinstance(future, Future)
            self._wait_for_a_tick(root)
            assert future.running()
            assert not future.done()
            assert order.outcome() is None
            assert future.result(_PATIENCE) is None
            assert not future.running()
            assert order.outcome() == Success(None)

    @final
    def test_failure_arrives_through_the_future(self, shell: Shell, root: str) -> None:
        with ordered(root, tasks.add, 1) as order:
            future = shell([*order.argv[:-1], "99"])
            assert isinstance(future, Future)
            error = future.exception(_PATIENCE)
            assert isinstance(error, Exception)
            assert str(error)

    @final
    @pytest.mark.parametrize("moment", ["at its start", "when it runs"])
    def test_cancelled_command_stops(self, shell: Shell, root: str, moment: str) -> None:
        with ordered(root, tasks.tick, root, _PATIENCE) as order:
            future = shell(order.argv)
            assert isinstance(future, Future)
            if moment == "when it runs":
                self._wait_for_a_tick(root)
            assert future.cancel()
            with pytest.raises((CancelledError, Exception)):
                future.result(_PATIENCE / 2)
            last = self._tick(root)
            time.sleep(1)
            assert self._tick(root) == last, "the function runs on"
            assert order.outcome() is None

    def _tick(self, root: str) -> bytes | None:
        data = locate_blob_store(root).get(tasks.TICK)
        return None if data is None else bytes(data)

    def _wait_for_a_tick(self, root: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._tick(root) is None:
            assert time.monotonic() < deadline, "the function never ran"
            time.sleep(0.01)
