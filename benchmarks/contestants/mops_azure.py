"""mops with its root in Azure Blob Storage, through Microsoft's SDK or, for comparison, through obstore."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mops import InThreadShell, MemoizingPicklingRunner, use_runner

_CONTAINER = "devstoreaccount1/shared"


def root_of(folder: Path, scheme: str = "adls") -> str:
    """The root of a contestant, which has a folder of its own on the disk."""
    return f"{scheme}://{_CONTAINER}/{folder.parent.name}/{folder.name}"


def memoize(folder: Path, function: Callable[..., Any]) -> Any:
    """Run in the caller's thread."""
    return use_runner(MemoizingPicklingRunner(InThreadShell(), root_of(folder)))(function)


def by_obstore(folder: Path, function: Callable[..., Any]) -> Any:
    """As ``memoize``, with another client."""
    return use_runner(MemoizingPicklingRunner(InThreadShell(), root_of(folder, "az")))(function)
