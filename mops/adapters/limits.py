"""The limits of every Shell whose commands run on this machine."""

import os

from mops.core.errors import ConfigurationError
from mops.core.ports.shell import SupportsLimits


class LocalLimits(SupportsLimits):
    """Limits as the user sets them, or as this machine has them.

    Args:
        max_workers: running commands of this process; by default, as many as there are CPUs.
        start_timeout: seconds until the remote has to report.
        run_timeout: seconds until the function has to return, imports included; by default, as long as it takes. Then
            it is stopped with all that it started in its process group (what has left that, as with
            ``start_new_session=True``, lives on), and the call raises ``RunTimeout``.

    Raises:
        ConfigurationError: a limit that cannot be meant.
    """

    def __init__(
        self, *, max_workers: int | None = None, start_timeout: float = 300.0, run_timeout: float | None = None
    ) -> None:
        for name, limit in (("start_timeout", start_timeout), ("run_timeout", run_timeout)):
            if not _is_a_time(limit) and not (limit is None and name == "run_timeout"):
                raise ConfigurationError(f"{name} must be a positive number of seconds, not {limit!r}")
        if max_workers is not None and (type(max_workers) is not int or max_workers < 1):
            raise ConfigurationError(f"max_workers must be a positive number, not {max_workers!r}")
        self._max_workers = max_workers
        self._start_timeout = start_timeout
        self._run_timeout = run_timeout

    @property
    def max_workers(self) -> int:
        """See the port."""
        return self._max_workers or os.cpu_count() or 1

    @property
    def start_timeout(self) -> float:
        """See the port."""
        return self._start_timeout

    @property
    def run_timeout(self) -> float | None:
        """See the port."""
        return self._run_timeout


def _is_a_time(limit: object) -> bool:
    return isinstance(limit, int | float) and limit is not True and limit > 0
