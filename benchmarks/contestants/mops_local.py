"""mops on the local disk."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mops import ForkServerShell, InThreadShell, MemoizingPicklingRunner, SubprocessShell, use_runner


def memoize(root: Path, function: Callable[..., Any]) -> Any:
    """Run in the caller's thread."""
    return use_runner(MemoizingPicklingRunner(InThreadShell(), f"file://{root}"))(function)


def in_warm_workers(root: Path, function: Callable[..., Any], workers: int) -> Any:
    """Run each call in a fork of an interpreter that is ready."""
    return use_runner(MemoizingPicklingRunner(ForkServerShell(max_workers=workers), f"file://{root}"))(function)


def in_subprocesses(root: Path, function: Callable[..., Any], workers: int = 2) -> Any:
    """Run each call in a new process."""
    return use_runner(MemoizingPicklingRunner(SubprocessShell(max_workers=workers), f"file://{root}"))(function)


def sharing(root: Path, function: Callable[..., Any], shared: Sequence[str]) -> Any:
    """Run two calls at a time in forks, where some arguments are stored once for all calls."""
    runner = MemoizingPicklingRunner(ForkServerShell(max_workers=2), f"file://{root}")
    return use_runner(runner, shared=shared)(function)
