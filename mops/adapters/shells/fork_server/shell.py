"""The Shell: its settings, and nothing that only the orchestrator needs."""

import os
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from mops.adapters.limits import LocalLimits
from mops.core.errors import ConfigurationError
from mops.core.ports.shell import Shell

if TYPE_CHECKING:
    from concurrent.futures import Future

_STARTING: Final = threading.RLock()
"""Held while a command is started, and while this process forks: no child finds a module or a server half made."""

os.register_at_fork(before=_STARTING.acquire, after_in_parent=_STARTING.release, after_in_child=_STARTING.release)


class ForkServerShell(LocalLimits, Shell):
    """Forks each command from an interpreter that is kept ready: milliseconds, where a new process takes tens of them.

    Each command has this process's ``sys.path``, working directory and environment of the moment. The interpreter has
    imported mops and the modules named by ``preload``, and never your own code. It is started at the first command, by
    each process for itself, shared by all Shells with the same ``preload``, and ends with this process. What a command
    prints appears on this process's standard error as it comes. A command outlives an orchestrator that is killed: it
    finishes and publishes. Safe to share between threads; pickles by its settings.

    Args:
        max_workers: running commands of this process; by default, as many as there are CPUs.
        start_timeout: seconds until the remote has to report, the preloading included.
        run_timeout: seconds until the function has to return, imports included; by default, as long as it takes. Then
            it is stopped with all that it started in its process group (what has left that, as with
            ``start_new_session=True``, lives on), and the call raises ``RunTimeout``.
        preload: installed modules to import before the first command, by name: ``["pandas", "scipy.optimize"]``. They
            must not start threads.
    """

    def __init__(
        self,
        *,
        max_workers: int | None = None,
        start_timeout: float = 300.0,
        run_timeout: float | None = None,
        preload: Iterable[str] = (),
    ) -> None:
        super().__init__(max_workers=max_workers, start_timeout=start_timeout, run_timeout=run_timeout)
        if isinstance(preload, str):
            raise ConfigurationError(f"preload is a list of module names, not {preload!r}")
        self._preload = tuple(preload)

    def __call__(self, argv: Sequence[str], /) -> "Future[None]":
        """See the port.

        Raises:
            ShellFailed: the server could not be started.
        """
        with _STARTING:
            from mops.adapters.shells.fork_server.client import start  # nothing that a remote of this Shell needs

            return start(argv, self._preload)

    def __repr__(self) -> str:
        return f"ForkServerShell(max_workers={self._max_workers}, preload={list(self._preload)})"
