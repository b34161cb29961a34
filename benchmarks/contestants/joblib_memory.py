"""joblib.Memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from joblib import Memory


def memoize(root: Path, function: Callable[..., Any]) -> Any:
    """Run in the caller's thread."""
    return Memory(root, verbose=0).cache(function)
