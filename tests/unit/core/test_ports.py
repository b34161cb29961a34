"""What the ports promise of themselves: the command line of a remote, and who has which capability."""

import sys
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.core.ports.runner import SupportsSubmit
from mops.core.ports.shell import BatchCommand, RemoteCommand, RunsInline, SupportsLimits, parse_remote

COMMAND = RemoteCommand("file:///root", "mops1/memo/default/pkg--f/any/00", 3)


@given(root=st.text(), memo=st.text(), epoch=st.integers(min_value=0), verify=st.sampled_from(["off", "require"]))
def test_a_remote_reads_what_the_orchestrator_wrote(root: str, memo: str, epoch: int, verify: str):
    command = RemoteCommand(root, memo, epoch, verify)

    python, *module, word = command.argv(sys.executable)[:4]

    assert (python, module, word) == (sys.executable, ["-m", "mops"], "remote")
    assert parse_remote(command.argv(sys.executable)[4:]) == command


def test_a_command_line_says_nothing_of_signatures_where_none_are_required():
    assert "--verify" not in COMMAND.argv(sys.executable)


@pytest.mark.parametrize("verify", ["off", "require"])
def test_what_a_batch_is_told_is_read_back(verify: str):
    command = BatchCommand("file:///root", "a.1", "INDEX", verify)
    assert command.argv(sys.executable)[-2:] == ["--index-env", "INDEX"]
    assert parse_remote(command.argv(sys.executable)[4:]) == command


def test_the_order_of_options_does_not_matter():
    assert parse_remote(["--epoch", "3", "--memo", COMMAND.memo, "--root", COMMAND.root]) == COMMAND


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--root", "r", "--memo", "m"],
        ["--root", "r", "--memo", "m", "--epoch"],
        ["--root", "r", "--memo", "m", "--epoch", "-1"],
        ["--root", "r", "--memo", "m", "--epoch", "one"],
        ["--root", "r", "--memo", "m", "--era", "1"],
        ["--root", "r", "--memo", "m", "--epoch", "1", "--more", "x"],
        ["--root", "r", "--root", "s", "--memo", "m"],
        ["--root", "r", "--verify", "off", "--memo", "m", "--epoch", "1"],
        ["--root", "r", "--verify", "require"],
        ["--root", "r", "--batch", "b"],
        ["--root", "r", "--batch", "b", "--index-env"],
        ["--root", "r", "--batch", "b", "--epoch", "1"],
    ],
)
def test_another_command_line_is_refused_with_the_right_one(arguments: list[str]):
    with pytest.raises(ValueError, match="--epoch EPOCH or --root ROOT --batch BATCH --index-env INDEX-ENV, not: "):
        parse_remote(arguments)


def test_capabilities_are_told_by_shape():
    class Inline:
        runs_inline = True
        max_workers = 1

    class Limited:
        max_workers = 1
        start_timeout = 10.0
        run_timeout = None

    assert isinstance(Inline(), RunsInline)
    assert not isinstance(Inline(), SupportsLimits)
    assert isinstance(Limited(), SupportsLimits)
    assert not isinstance(Limited(), RunsInline)
    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool, SupportsSubmit)
    assert not isinstance(Future(), SupportsSubmit)
