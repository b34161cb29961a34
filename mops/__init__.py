"""Run pure functions somewhere else, and never compute the same call twice."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mops.api.futures import MopsFuture
    from mops.api.key_registry import key_for
    from mops.api.memoizing_runner import MemoizingPicklingRunner
    from mops.api.settings import defaults
    from mops.api.use_runner import pure, use_runner
    from mops.adapters.shells.in_thread import InThreadShell
    from mops.adapters.shells.subprocess import SubprocessShell
    from mops.core.result import Failure, Success

__version__ = "0.1.0"
__all__ = [
    "Failure",
    "InThreadShell",
    "MemoizingPicklingRunner",
    "MopsFuture",
    "SubprocessShell",
    "Success",
    "defaults",
    "key_for",
    "pure",
    "use_runner",
]
