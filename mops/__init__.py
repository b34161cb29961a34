"""Run pure functions somewhere else, and never compute the same call twice."""

from typing import TYPE_CHECKING

from mops.core.version import MOPS_VERSION

if TYPE_CHECKING:
    from mops.adapters.shells.fork_server import ForkServerShell
    from mops.adapters.shells.in_thread import InThreadShell
    from mops.adapters.shells.subprocess import SubprocessShell
    from mops.api.calls.attachment import attach
    from mops.api.calls.futures import MopsFuture
    from mops.api.functions.key_registry import key_for
    from mops.api.memoizing_runner import MemoizingPicklingRunner
    from mops.api.observation import events, observe
    from mops.api.settings import defaults
    from mops.api.use_runner import pure, use_runner
    from mops.core.errors import MopsError, RemoteError
    from mops.core.result import Failure, Success
    from mops.core.retries import Grow, Retries

__all__ = [
    "Failure",
    "ForkServerShell",
    "Grow",
    "InThreadShell",
    "MemoizingPicklingRunner",
    "MopsError",
    "MopsFuture",
    "RemoteError",
    "Retries",
    "SubprocessShell",
    "Success",
    "__version__",
    "attach",
    "defaults",
    "events",
    "key_for",
    "observe",
    "pure",
    "use_runner",
]

__version__ = MOPS_VERSION

_HOMES = {
    "Failure": "mops.core.result",
    "ForkServerShell": "mops.adapters.shells.fork_server",
    "Grow": "mops.core.retries",
    "InThreadShell": "mops.adapters.shells.in_thread",
    "MemoizingPicklingRunner": "mops.api.memoizing_runner",
    "MopsError": "mops.core.errors",
    "MopsFuture": "mops.api.calls.futures",
    "RemoteError": "mops.core.errors",
    "Retries": "mops.core.retries",
    "SubprocessShell": "mops.adapters.shells.subprocess",
    "Success": "mops.core.result",
    "attach": "mops.api.calls.attachment",
    "defaults": "mops.api.settings",
    "events": "mops.api.observation",
    "key_for": "mops.api.functions.key_registry",
    "observe": "mops.api.observation",
    "pure": "mops.api.use_runner",
    "use_runner": "mops.api.use_runner",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: ``import mops`` itself costs nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mops' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
