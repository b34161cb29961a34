"""thds.mops, with its messages switched off and one pipeline id, which is in its favour."""

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from thds.mops import pure

logging.disable(logging.WARNING)


def memoize(root: Path, function: Callable[..., Any]) -> Any:
    """Run in the caller's thread."""
    pure.set_pipeline_id("bench")
    return pure.use_runner(pure.MemoizingPicklingRunner(pure.samethread_shim, f"file://{root}"))(function)


def in_subprocesses(root: Path, function: Callable[..., Any]) -> Any:
    """Run each call in a new process."""
    pure.set_pipeline_id("bench")
    return pure.use_runner(pure.MemoizingPicklingRunner(_silent_subprocess, f"file://{root}"))(function)


def _silent_subprocess(arguments: Sequence[str]) -> None:
    """As its own ``subprocess_shim``, without the messages of the new process."""
    command = [sys.executable, "-m", "thds.mops.pure.core.entry.main", *arguments]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
