"""``python benchmarks [word ...]``: measure the rows whose names contain one of the words, or all of them.

Writes ``benchmarks/results/latest.md`` and ``latest.png``. The exit status does not depend on the budgets: figures are
for reading, tests are for passing.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from emulator import RUNNING

from disk import journalled
from harness import Measured, measure
from report import line, markdown, plot
from rows import (
    azure,
    calls,
    code_trees,
    containers,
    files,
    keyed_files,
    keys,
    large,
    operations,
    processes,
    shared,
    start_up,
    stored_files,
    subprocesses,
    warm_workers,
)

HERE = Path(__file__).resolve().parent
ROWS = [
    *calls.ROWS,
    *start_up.ROWS,
    *subprocesses.ROWS,
    *warm_workers.ROWS,
    *large.ROWS,
    *stored_files.ROWS,
    *keyed_files.ROWS,
    *files.ROWS,
    *shared.ROWS,
    *keys.ROWS,
    *processes.ROWS,
    *operations.ROWS,
    *code_trees.ROWS,
    *containers.ROWS,
    *azure.ROWS,
]


def main(words: Sequence[str]) -> None:
    """Measure, print each row as it comes, and write the report."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    # What children of the contestants find: this environment's Python, and the functions that they are to run.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = str(HERE)
    with journalled(HERE.parent / ".cache" / "bench-disk") as (folder, file_system), RUNNING:
        os.chdir(folder)
        measured = [measure_row(number, folder, words) for number in range(len(ROWS))]
        os.chdir(HERE)
    rows = [each for each in measured if each]
    (results / "latest.md").write_text(markdown(rows, file_system))
    plot(rows, results / "latest.png")
    print(f"\nwritten to {results}/latest.md and latest.png")


def measure_row(number: int, folder: Path, words: Sequence[str]) -> Measured | None:
    """Measure one row and remove what it stored."""
    row = ROWS[number]
    if words and not any(word in row.name for word in words):
        return None
    own = folder / f"row{number}"
    measured = measure(row, own)
    print(line(measured), flush=True)
    shutil.rmtree(own, ignore_errors=True)  # a background thread of a peer may be writing still
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
