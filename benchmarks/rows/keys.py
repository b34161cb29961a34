"""The key of a large plain structure, beside pickling it."""

import pickle
from pathlib import Path

import joblib

from contestants import mops_local
from harness import Budget, Contestant, Row, Sample, seconds
from sample import small_dicts


def length(values: list[dict[str, object]]) -> int:
    """Return the number of values."""
    return len(values)


def pickled(*, ragged: bool) -> Contestant:
    """Pickle it."""

    def prepare(folder: Path) -> Sample:
        values = small_dicts(ragged)
        return lambda: seconds(lambda: pickle.dumps(values, 5))

    return prepare


def hashed_by_joblib(*, ragged: bool) -> Contestant:
    """What joblib.Memory does with an argument."""

    def prepare(folder: Path) -> Sample:
        values = small_dicts(ragged)
        return lambda: seconds(lambda: joblib.hash(values))

    return prepare


def keyed(*, ragged: bool) -> Contestant:
    """What mops does with an argument."""

    def prepare(folder: Path) -> Sample:
        function, values = mops_local.memoize(folder, length), small_dicts(ragged)
        return lambda: seconds(lambda: function.memo_uri(values))

    return prepare


def row(name: str, factor: float, *, ragged: bool) -> Row:
    """A row for one kind of dicts."""
    contestants = {"floor": pickled, "joblib": hashed_by_joblib, "mops": keyed}
    return Row(name, Budget(factor, "floor"), 7, {name: each(ragged=ragged) for name, each in contestants.items()})


ROWS = [
    row("key of 300,000 small dicts, same keys", 3, ragged=False),
    row("key of 300,000 small dicts, ragged", 12, ragged=True),
]
