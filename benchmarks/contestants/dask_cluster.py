"""Dask's scheduler and worker processes on this machine; nothing is stored beyond their lives."""

import logging
from functools import cache

from distributed import Client, LocalCluster


@cache
def start(workers: int) -> Client:
    """One cluster for this process; its client is an executor."""
    cluster = LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    )
    return Client(cluster)
