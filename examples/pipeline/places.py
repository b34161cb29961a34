"""Where the stages run, and where their results are kept."""

from pathlib import Path

import mops

FOLDER = Path(__file__).parents[2] / ".mops-demo"

in_threads = mops.use_runner(mops.MemoizingPicklingRunner(mops.InThreadShell(), FOLDER / "root"))
in_subprocesses = mops.use_runner(mops.MemoizingPicklingRunner(mops.SubprocessShell(max_workers=2), FOLDER / "root"))
