"""Run pure functions somewhere else, and never compute the same call twice."""

from typing import TYPE_CHECKING

from mops.core.version import MOPS_VERSION

if TYPE_CHECKING:
    from mops.adapters.codecs.plain_json import JsonCodec
    from mops.adapters.shells.docker import DockerShell
    from mops.adapters.shells.fork_server import ForkServerShell
    from mops.adapters.shells.in_thread import InThreadShell
    from mops.adapters.shells.subprocess import SubprocessShell
    from mops.api.calls.attachment import attach
    from mops.api.calls.futures import MopsFuture
    from mops.api.codec_registry import codec_for
    from mops.api.files.outputs import invocation_output_fqn, open_output, tempdir
    from mops.api.files.source import Source
    from mops.api.functions.key_registry import key_for
    from mops.api.memoizing_runner import MemoizingPicklingRunner
    from mops.api.observation import events, observe
    from mops.api.settings import config, defaults
    from mops.api.use_runner import pure, use_runner
    from mops.core.errors import MopsError, RemoteError
    from mops.core.result import Failure, Success
    from mops.core.retries import Grow, Retries

__all__ = [
    "DockerShell",
    "Failure",
    "ForkServerShell",
    "Grow",
    "InThreadShell",
    "JsonCodec",
    "MemoizingPicklingRunner",
    "MopsError",
    "MopsFuture",
    "RemoteError",
    "Retries",
    "Source",
    "SubprocessShell",
    "Success",
    "__version__",
    "attach",
    "codec_for",
    "config",
    "defaults",
    "events",
    "invocation_output_fqn",
    "key_for",
    "observe",
    "open_output",
    "pure",
    "tempdir",
    "use_runner",
]

__version__ = MOPS_VERSION

_HOMES = {
    "DockerShell": "mops.adapters.shells.docker",
    "Failure": "mops.core.result",
    "ForkServerShell": "mops.adapters.shells.fork_server",
    "Grow": "mops.core.retries",
    "InThreadShell": "mops.adapters.shells.in_thread",
    "JsonCodec": "mops.adapters.codecs.plain_json",
    "MemoizingPicklingRunner": "mops.api.memoizing_runner",
    "MopsError": "mops.core.errors",
    "MopsFuture": "mops.api.calls.futures",
    "RemoteError": "mops.core.errors",
    "Retries": "mops.core.retries",
    "Source": "mops.api.files.source",
    "SubprocessShell": "mops.adapters.shells.subprocess",
    "Success": "mops.core.result",
    "attach": "mops.api.calls.attachment",
    "codec_for": "mops.api.codec_registry",
    "config": "mops.api.settings",
    "defaults": "mops.api.settings",
    "events": "mops.api.observation",
    "invocation_output_fqn": "mops.api.files.outputs",
    "key_for": "mops.api.functions.key_registry",
    "observe": "mops.api.observation",
    "open_output": "mops.api.files.outputs",
    "pure": "mops.api.use_runner",
    "tempdir": "mops.api.files.outputs",
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
