"""What ``python -m mops fork-server`` does: the composition root of a fork server.

Everything that a remote imports sooner or later is imported here, once for all of them.
"""

import gc
import os
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NoReturn

from mops.adapters.shells.fork_server.server import ForkServer
from mops.adapters.shells.fork_server.wire import UNFIT
from mops.api import remote
from mops.api.functions.first_party import FirstParty

_LATER: Final = (
    *("faulthandler", "ipaddress", "mmap", "tempfile", "traceback", "urllib.parse"),
    "mops.adapters.blob_stores.local.content",
    "mops.adapters.blob_stores.local.listing",
    "mops.adapters.blob_stores.local.named_draft",
    "mops.adapters.blob_stores.local.syncing",
    "mops.adapters.blob_stores.local.whole_files",
    "mops.adapters.blob_stores.signed",
    "mops.adapters.serializers.by_value",
    "mops.adapters.signatures",
    "mops.api.calls.claims",
    "mops.api.calls.submission",
    "mops.api.worlds",
    "mops.runtime.failures",
    "mops.runtime.process_identity",
)
"""What a remote, or a function that makes calls of its own, imports only once it is needed."""


def main(arguments: Sequence[str]) -> NoReturn:
    """Serve the orchestrator at the other end of a socket.

    Args:
        arguments: the number of the socket's descriptor, and the modules to import first.
    """
    connection = socket.socket(fileno=int(arguments[0]))
    refusal = _why_unfit(arguments[1:])
    if refusal:
        sys.stderr.write(f"mops fork-server: {refusal}\n")
        sys.stderr.flush()
        os._exit(UNFIT)  # whatever threads there are by now
    sys.path_importer_cache.clear()  # it remembers what was in folders that change
    gc.collect()
    gc.freeze()
    ForkServer(connection, remote.main).run()
    os._exit(0)  # there is nothing to clean up, and the orchestrator waits at its own end


def _why_unfit(names: Sequence[str]) -> str:
    """Import modules. Returns why these cannot be shared, now or later; raises what may go better the next time."""
    try:
        return preload(names)
    except (MemoryError, OSError):
        raise
    except Exception:  # noqa: BLE001 - whatever a module raises
        return f"preloading {', '.join(names)} failed:\n{traceback.format_exc()}"


def preload(names: Sequence[str]) -> str:
    """Import modules for all the forks to come. Returns why these cannot be shared; nothing where they can."""
    for name in (*_LATER, *names):
        import_module(name)
    public = import_module("mops")
    for name in public.__all__:
        getattr(public, name)
    is_first_party = FirstParty("mops")
    for name, module in list(sys.modules.items()):
        if names and name != "__main__" and getattr(module, "__file__", None) and is_first_party(name, module):
            return f"preloading {', '.join(names)} imports {name}, your own code, which would not follow your edits"
    if threading.active_count() > 1:
        others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        return f"preloading {', '.join(names)} started threads, which no fork would have: {', '.join(others)}"
    return ""
