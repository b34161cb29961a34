"""The Shell: its settings, and nothing that only the orchestrator needs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mops.adapters.limits import LocalLimits
from mops.adapters.unforked import UNFORKED
from mops.core.ports.shell import Shell

if TYPE_CHECKING:
    from concurrent.futures import Future


class SubprocessShell(LocalLimits, Shell):
    """Starts each command as a child of this process, with its ``sys.path`` and working directory.

    What a command prints appears on this process's standard error as it comes. A child outlives an orchestrator that is
    killed: it finishes and publishes. Stateless, and safe to share between threads.

    Args:
        max_workers: running commands of this process; by default, as many as there are CPUs.
        start_timeout: seconds until the remote has to report.
        run_timeout: seconds until the function has to return, imports included; by default, as long as it takes. Then
            it is stopped with all that it started in its process group (what has left that, as with
            ``start_new_session=True``, lives on), and the call raises ``RunTimeout``.
    """

    def __call__(self, argv: Sequence[str], /) -> "Future[None]":
        """See the port.

        Raises:
            ShellFailed: the process could not be started.
        """
        with UNFORKED:
            from mops.adapters.shells.subprocess.process import start  # 15 ms that a remote of this Shell does not need

        return start(argv)

    def __repr__(self) -> str:
        return f"SubprocessShell(max_workers={self._max_workers})"
