"""mops with every request to its store noted in a file, in the orchestrator and in what it starts."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mops import InThreadShell, MemoizingPicklingRunner, use_runner
from mops.adapters.blob_stores.local import LocalBlobStore

LOG = "MOPS_BENCH_LOG"
REQUESTS = ("get", "put_if_absent", "put", "get_content", "put_content", "list", "delete")


def in_thread(root: Path, function: Callable[..., Any]) -> Any:
    """Run in the caller's thread."""
    return _noted(InThreadShell(), root, function)


def in_subprocess(root: Path, function: Callable[..., Any]) -> Any:
    """Run each call in a new process, which notes its requests too."""
    return _noted(_start_remote, root, function)


def requests_so_far() -> int:
    """The requests noted up to now, heartbeats apart."""
    return sum(" mops1/session/" not in line for line in Path(os.environ[LOG]).read_text().splitlines())


def remote() -> None:
    """What the new process runs in place of ``python -m mops``."""
    from mops.__main__ import main

    _note_requests()
    sys.exit(main())


def _noted(shell: Any, root: Path, function: Callable[..., Any]) -> Any:
    os.environ[LOG] = str(root / "requests")
    _note_requests()
    return use_runner(MemoizingPicklingRunner(shell, f"file://{root}"))(function)


def _start_remote(argv: Sequence[str]) -> None:
    python, _, _, *arguments = argv
    program = "from contestants import mops_operations; mops_operations.remote()"
    subprocess.run([python, "-c", program, *arguments], check=True)


def _note_requests() -> None:
    for name in REQUESTS:
        setattr(LocalBlobStore, name, _noting(name, getattr(LocalBlobStore, name)))


def _noting(name: str, request: Callable[..., Any]) -> Callable[..., Any]:
    def noting(store: LocalBlobStore, key: Any = "", /, *rest: Any, **options: Any) -> Any:
        descriptor = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{name} {key}\n".encode())
        os.close(descriptor)
        return request(store, key, *rest, **options)

    return noting
