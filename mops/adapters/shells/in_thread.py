"""No Shell at all: calls run in the orchestrator's own process."""

import os
from collections.abc import Sequence
from typing import Literal

from mops.core.errors import ConfigurationError, ShellFailed
from mops.core.ports.shell import RunsInline, Shell


class InThreadShell(Shell, RunsInline):
    """Runs direct calls in the caller's thread, and submitted ones in up to ``max_workers`` threads.

    Arguments are live objects, and whoever computes a result gets the object that was computed. Stateless, and safe
    to share.

    Args:
        max_workers: threads for submitted calls; by default, as many as there are CPUs.
    """

    def __init__(self, *, max_workers: int | None = None) -> None:
        if max_workers is not None and (type(max_workers) is not int or max_workers < 1):
            raise ConfigurationError(f"max_workers must be a positive number, not {max_workers!r}")
        self._max_workers = max_workers

    @property
    def runs_inline(self) -> Literal[True]:
        """See the port."""
        return True

    @property
    def max_workers(self) -> int:
        """See the port."""
        return self._max_workers or os.cpu_count() or 1

    def __call__(self, argv: Sequence[str], /) -> None:
        """Refuse: there is no command in which to run."""
        raise ShellFailed("InThreadShell runs calls, not commands")

    def __repr__(self) -> str:
        return f"InThreadShell(max_workers={self._max_workers})"
