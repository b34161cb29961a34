"""thds.mops, with its messages switched off and one pipeline id, which is in its favour."""

import logging
from collections.abc import Callable
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
    return pure.use_runner(pure.MemoizingPicklingRunner(pure.subprocess_shim, f"file://{root}"))(function)
