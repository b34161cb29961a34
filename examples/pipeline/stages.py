"""The stages: plain functions, and where each runs."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.agents import is_person
from pipeline.places import in_subprocesses, in_threads

_LINE = re.compile(r'(\S+) (\S+) (\S+) (\d+) ([\d.]+) "(.*)"')


@in_threads
def parse(log: Path) -> pd.DataFrame:
    """Read the requests that people made from one log."""
    rows = [match.groups() for match in map(_LINE.fullmatch, log.read_text().splitlines()) if match]
    kept = [(time, page, int(status), float(took)) for time, _, page, status, took, agent in rows if is_person(agent)]
    return pd.DataFrame(kept, columns=["time", "page", "status", "milliseconds"])


@in_threads
def combine(days: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the days together, without the requests that failed."""
    requests = pd.concat(days, ignore_index=True)
    return requests[requests["status"] < 400].sort_values("time", ignore_index=True)


@in_subprocesses
def interval(milliseconds: np.ndarray, rounds: int) -> tuple[float, float]:
    """Estimate, by resampling, between which bounds the median lies in 95 of 100 cases."""
    random = np.random.default_rng(seed=0)
    medians = [np.median(random.choice(milliseconds, milliseconds.size)) for _ in range(rounds)]
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)
