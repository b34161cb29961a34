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
_AZURE = "adls://"
REQUESTS = ("get", "put_if_absent", "put", "get_content", "put_content", "list", "delete")


def in_thread(folder: Path, function: Callable[..., Any], root: str = "") -> Any:
    """Run in the caller's thread. The root is the folder, unless another one is given."""
    return _noted(InThreadShell(), folder, function, root)


def in_subprocess(folder: Path, function: Callable[..., Any], root: str = "") -> Any:
    """Run each call in a new process, which notes its requests too."""
    return _noted(_start_remote, folder, function, root)


def requests_of(call: Callable[[], object]) -> int:
    """Make a call and count its requests, heartbeats and looks while waiting apart.

    So of what the caller asks after its claim, only the last request counts: it publishes the result, or brings it.
    """
    log = Path(os.environ[LOG])
    before = len(log.read_text().splitlines())
    call()
    noted = [line.split() for line in log.read_text().splitlines()[before:] if "mops1/session/" not in line]
    mine = [request for pid, request, _ in noted if pid == str(os.getpid())]
    claim = mine.index("put_if_absent") + 1 if "put_if_absent" in mine else len(mine)
    return len(noted) - len(mine) + claim + bool(mine[claim:])


def remote() -> None:
    """What the new process runs in place of ``python -m mops``."""
    from mops.__main__ import main

    _note_requests(" ".join(sys.argv))
    sys.exit(main())


def _noted(shell: Any, folder: Path, function: Callable[..., Any], root: str) -> Any:
    os.environ[LOG] = str(folder / "requests")
    _note_requests(root)
    return use_runner(MemoizingPicklingRunner(shell, root or f"file://{folder}"))(function)


def _start_remote(argv: Sequence[str]) -> None:
    python, _, _, *arguments = argv
    program = "from contestants import mops_operations; mops_operations.remote()"
    subprocess.run([python, "-c", program, *arguments], check=True)


def _note_requests(root: str) -> None:
    if _AZURE in root:
        _note_requests_to_azure()
    for name in REQUESTS:
        setattr(LocalBlobStore, name, _noting(name, getattr(LocalBlobStore, name)))


def _noting(name: str, request: Callable[..., Any]) -> Callable[..., Any]:
    def noting(store: LocalBlobStore, key: Any = "", /, *rest: Any, **options: Any) -> Any:
        _note(name, key)
        return request(store, key, *rest, **options)

    return noting


def _note_requests_to_azure() -> None:
    from mops.adapters.blob_stores.azure.transport import Transport

    send = Transport.send

    def noting(transport: Transport, request: Any, **options: Any) -> Any:
        creates = request.headers.get("If-None-Match") == "*"
        _note("put_if_absent" if creates else request.method, request.url)
        return send(transport, request, **options)

    Transport.send = noting  # type: ignore[method-assign]


def _note(name: str, key: str) -> None:
    descriptor = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{os.getpid()} {name} {key}\n".encode())
    os.close(descriptor)
