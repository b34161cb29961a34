"""The contracts of what some Shells can do in addition: limits, memory, reach, finding commands of earlier processes.

Subclass one beside ``ShellContract``, with the same fixtures. The laws are final.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from secrets import token_hex
from typing import Any, Final, final

import pytest

from mops.api.locate import locate_blob_store
from mops.api.memoizing_runner import MemoizingPicklingRunner
from mops.api.use_runner import use_runner
from mops.api.worlds import world_of
from mops.core import batch as manifest
from mops.core.errors import ConfigurationError, RunTimeout
from mops.core.ports.shell import (
    BatchCommand,
    RemoteCommand,
    Shell,
    SupportsAttach,
    SupportsBatch,
    SupportsLimits,
    SupportsMemory,
    SupportsReach,
    parse_remote,
)
from mops.core.result import Success
from mops.runtime.inline import drive
from mops.runtime.session import DEFAULT_HEARTBEAT
from mops.testing import tasks
from mops.testing.shell_suite import Order, ShellHooks, finish, ordered

__all__ = [
    "AttachingShellContract",
    "BatchingShellContract",
    "LimitedShellContract",
    "MemoryShellContract",
    "ReachingShellContract",
]

_PATIENCE: Final = 120.0


class LimitedShellContract(ShellHooks):
    """What a Shell promises that states its limits.

    Fill in ``impatient_shell`` too: the same with a ``run_timeout`` of a second or two.
    """

    @pytest.fixture
    def impatient_shell(self) -> Shell:
        """The Shell under test, whose functions may run for a second or two."""
        raise NotImplementedError("a suite needs a fixture named impatient_shell")

    @final
    def test_limits_are_numbers_that_can_be_kept(self, shell: Shell) -> None:
        assert isinstance(shell, SupportsLimits)
        assert type(shell.max_workers) is int
        assert shell.max_workers >= 1
        assert shell.start_timeout > 0
        assert shell.run_timeout is None or shell.run_timeout > 0

    @final
    def test_function_that_runs_for_too_long_is_stopped_where_it_stands(
        self, impatient_shell: Shell, root: str
    ) -> None:  # fmt: skip
        assert isinstance(impatient_shell, SupportsLimits)
        limit = impatient_shell.run_timeout
        assert limit is not None
        runner = MemoizingPicklingRunner(impatient_shell, root, on_code_change="ignore")
        with pytest.raises(RunTimeout, match=r"tasks\.py:\d+ in tick"):
            use_runner(runner)(tasks.tick)(root, 10 * limit)
        store = locate_blob_store(root)
        last = store.get(tasks.TICK)
        time.sleep(1)
        assert store.get(tasks.TICK) == last, "the function runs on"


class BatchingShellContract(ShellHooks):
    """What a Shell promises that starts many copies of a command with one submission."""

    @final
    def test_each_copy_comes_to_the_outcome_of_its_number(self, shell: Shell, root: str) -> None:
        orders = [Order(root, tasks.add, number) for number in range(3)]
        try:
            for future in _start_together(shell, root, orders):
                assert future.result(_PATIENCE) is None
            assert [order.outcome() for order in orders] == [Success(number) for number in range(3)]
        finally:
            for order in orders:
                order.withdraw()

    @final
    def test_failure_of_one_copy_is_told_by_its_future_alone(self, shell: Shell, root: str) -> None:
        orders = [Order(root, tasks.add, number) for number in range(3)]
        try:
            first, second, third = _start_together(shell, root, orders, missing=1)
            assert isinstance(second.exception(_PATIENCE), Exception)
            assert first.result(_PATIENCE) is third.result(_PATIENCE) is None
            assert [order.outcome() for order in orders] == [Success(0), None, Success(2)]
        finally:
            for order in orders:
                order.withdraw()

    @final
    def test_batch_size_is_a_number_of_copies(self, shell: Shell) -> None:
        assert isinstance(shell, SupportsBatch)
        assert type(shell.batch_size) is int
        assert shell.batch_size > 1


def _start_together(
    shell: Shell, root: str, orders: Sequence[Order], missing: int | None = None
) -> Sequence[Future[None]]:  # fmt: skip
    """One submission for the orders; the one that is ``missing`` names an epoch that nobody claimed."""
    assert isinstance(shell, SupportsBatch)
    commands = [parse_remote(order.argv[4:]) for order in orders]
    entries = [
        manifest.Order(command.memo, 99 if number == missing else command.epoch)
        for number, command in enumerate(commands)
        if isinstance(command, RemoteCommand)
    ]
    store = locate_blob_store(root)
    batch = f"suite.{token_hex(8)}"
    world = world_of(store, DEFAULT_HEARTBEAT)
    drive(manifest.write_manifest(batch, entries, _PATIENCE), world.perform_waiting)
    return shell.start_batch(BatchCommand(store.uri, batch, "MOPS_SUITE_INDEX").argv(sys.executable), len(entries))


class MemoryShellContract(ShellHooks):
    """What a Shell promises whose commands have a limit of memory."""

    @final
    def test_another_limit_makes_another_shell(self, shell: Shell) -> None:
        assert isinstance(shell, SupportsMemory)
        before = shell.memory
        assert type(before) is int
        larger: Any = shell.with_memory(2 * before)
        assert (larger.memory, shell.memory) == (2 * before, before)
        assert type(larger) is type(shell)

    @final
    def test_shell_with_more_memory_comes_to_an_outcome(self, shell: Shell, root: str) -> None:
        assert isinstance(shell, SupportsMemory)
        with ordered(root, tasks.add, 1) as order:
            finish(shell.with_memory(2 * shell.memory), order.argv)
            assert order.outcome() == Success(1)


class ReachingShellContract(ShellHooks):
    """What a Shell promises whose commands reach some blob roots and not others.

    Fill in ``unreachable`` too: the URI of a root that they cannot open.
    """

    @pytest.fixture
    def unreachable(self) -> str:
        """A blob root out of reach of the commands."""
        raise NotImplementedError("the suite needs a fixture named unreachable")

    @final
    def test_root_that_passes_is_opened_by_the_commands(self, shell: Shell, root: str) -> None:
        assert isinstance(shell, SupportsReach)
        shell.check_reach(locate_blob_store(root).uri)
        with ordered(root, tasks.add, 1) as order:
            finish(shell, order.argv)
            assert order.outcome() == Success(1)

    @final
    def test_root_out_of_reach_is_refused_by_its_name_with_advice(self, shell: Shell, unreachable: str) -> None:
        assert isinstance(shell, SupportsReach)
        with pytest.raises(ConfigurationError) as raised:
            shell.check_reach(unreachable)
        assert unreachable in str(raised.value.args[0])
        assert raised.value.advice

    @final
    def test_question_leaves_no_trace(self, shell: Shell, root: str) -> None:
        assert isinstance(shell, SupportsReach)
        store = locate_blob_store(root)
        shell.check_reach(store.uri)
        assert not list(store.list())

    @final
    def test_answers_stay_the_same_whoever_asks(self, shell: Shell, root: str, unreachable: str) -> None:
        reaching: Any = shell
        uri = locate_blob_store(root).uri

        def ask(question: str) -> bool:
            try:
                reaching.check_reach(question)
            except ConfigurationError:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, [uri, unreachable] * 8)) == [True, False] * 8


class AttachingShellContract(ShellHooks):
    """What a Shell promises whose commands outlive the process that started them.

    Fill in ``same_shell`` too: what another process would make from the same settings.
    """

    @pytest.fixture
    def same_shell(self) -> Shell:
        """A second object of the same settings."""
        raise NotImplementedError("the suite needs a fixture named same_shell")

    @final
    def test_running_command_is_found_and_waited_for(self, shell: Shell, same_shell: Shell, root: str) -> None:
        assert isinstance(same_shell, SupportsAttach)
        with ordered(root, tasks.tick, root, 2.0) as order:
            shell(order.argv)
            found = same_shell.attach(_with_another_interpreter(order.argv))
            assert isinstance(found, Future)
            found.result(_PATIENCE)
            assert order.outcome() == Success(None)

    @final
    def test_failure_of_a_command_that_was_found_arrives(self, shell: Shell, same_shell: Shell, root: str) -> None:
        assert isinstance(same_shell, SupportsAttach)
        with ordered(root, tasks.tick, root, _PATIENCE) as order:
            started = shell(order.argv)
            found = same_shell.attach(order.argv)
            assert isinstance(found, Future)
            assert isinstance(started, Future)
            started.cancel()
            assert isinstance(found.exception(_PATIENCE), Exception)

    @final
    def test_command_that_nobody_started_is_not_found(self, same_shell: Shell, root: str) -> None:
        assert isinstance(same_shell, SupportsAttach)
        with ordered(root, tasks.add, 1) as order:
            assert same_shell.attach(order.argv) is None


def _with_another_interpreter(argv: Sequence[str]) -> list[str]:
    return ["another-python", *argv[1:]]
