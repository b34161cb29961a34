"""One large model that many calls on warm workers take: shared, and for comparison not. The floor has a small one."""

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from contestants import mops_local
from harness import FLOOR, OURS, Budget, Contestant, Row, Sample, seconds
from sample import MEBIBYTE, score

UNSHARED = "unshared"
CALLS = 50
LAYERS = 128
"""Parts of a model. Those of a model of 64 MiB are pickled in band, like most of what models consist of."""


def model_of(size: int) -> dict[str, Any]:
    """A model of so many bytes."""
    layers = np.random.default_rng(4).random((LAYERS, size // LAYERS // 8))
    return {f"layer{number}": layer.copy() for number, layer in enumerate(layers)}


def calls(number: int, size: int, *shared: str) -> Contestant:
    """Make so many new calls with a model of so many bytes, which an earlier call has had."""

    def prepare(folder: Path) -> Sample:
        function, model, inputs = mops_local.sharing(folder, score, shared), model_of(size), count()
        function(model, next(inputs))

        def sample() -> None:
            for call in [function.submit(model, next(inputs)) for _ in range(number)]:
                call.result()

        return lambda: seconds(sample)

    return prepare


ROWS = [
    Row(
        "50 calls with a model of 64 MiB, 2 at a time",
        Budget(1, UNSHARED),
        2,
        {UNSHARED: calls(CALLS, 64 * MEBIBYTE), OURS: calls(CALLS, 64 * MEBIBYTE, "model")},
    ),
    Row(
        "one call with a model of 256 MiB",
        Budget(1, UNSHARED),
        5,
        {FLOOR: calls(1, 1024), UNSHARED: calls(1, 256 * MEBIBYTE), OURS: calls(1, 256 * MEBIBYTE, "model")},
    ),
]
