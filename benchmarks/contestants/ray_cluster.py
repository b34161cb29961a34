"""Ray on this machine; nothing is stored."""

import logging
from collections.abc import Callable
from typing import Any

import ray


class Cluster:
    """One runtime for this process, with the face of an executor."""

    def __init__(self, workers: int) -> None:
        ray.init(
            num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
            ignore_reinit_error=True,
        )  # fmt: skip

    def submit(self, function: Callable[..., Any], *args: Any) -> "Pending":
        """Start a task."""
        return Pending(ray.remote(function).remote(*args))


class Pending:
    """A future with the name that the standard library gives it."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def result(self) -> Any:
        """Wait for the value."""
        return ray.get(self._reference)
