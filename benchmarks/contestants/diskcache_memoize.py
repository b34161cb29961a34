"""diskcache."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from diskcache import Cache


def memoize(root: Path, function: Callable[..., Any]) -> Any:
    """Run in the caller's thread. The limit is raised, or it would evict what was stored."""
    return Cache(str(root), size_limit=2**40).memoize()(function)
