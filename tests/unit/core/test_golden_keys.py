"""Keys never change: a changed one is a result that nobody finds again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden_keys.json").read_text())


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_keys_are_the_frozen_ones_in_other_processes_with_other_hash_seeds(seed):
    run = subprocess.run(
        [sys.executable, str(HERE / "golden_values.py")],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == GOLDEN


def test_frozen_keys_are_all_different():
    assert len(set(GOLDEN.values())) == len(GOLDEN)
