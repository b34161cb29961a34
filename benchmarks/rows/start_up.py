"""What a program pays before its first result, over a bare interpreter."""

import os
import subprocess
import sys
from pathlib import Path

from harness import Budget, Contestant, Row, Sample, seconds

IMPORTS = {
    "diskcache": ("import diskcache", "diskcache_memoize"),
    "joblib": ("import joblib", "joblib_memory"),
    "thds.mops": ("from thds.mops import pure", "thds_mops"),
    "mops": ("import mops", "mops_local"),
}


def interpreter(program: str, folder: Path) -> float:
    """Seconds of a new interpreter that runs this program."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", program, str(folder)]
    return seconds(lambda: subprocess.run(command, check=True, env=environment, cwd=folder, stderr=subprocess.DEVNULL))


def bare(folder: Path) -> Sample:
    """A program that does nothing."""
    return lambda: interpreter("pass", folder)


def over_bare(program: str) -> Contestant:
    """How much longer a program takes than one that does nothing."""

    def prepare(folder: Path) -> Sample:
        interpreter(program, folder)
        return lambda: interpreter(program, folder) - interpreter("pass", folder)

    return prepare


def one_hit(module: str) -> str:
    """A program with one hit."""
    return f"""
import sys
from pathlib import Path
from contestants.{module} import memoize
from contestants.small_function import add_one
memoize(Path(sys.argv[1]), add_one)(1)
"""


ROWS = [
    Row(
        "import, over a bare interpreter",
        Budget(0.6, "diskcache"),
        21,
        {"floor": bare, **{name: over_bare(statement) for name, (statement, _) in IMPORTS.items()}},
    ),
    Row(
        "program with one hit, over a bare interpreter",
        Budget(1.5, "diskcache"),
        21,
        {"floor": bare, **{name: over_bare(one_hit(module)) for name, (_, module) in IMPORTS.items()}},
    ),
]
