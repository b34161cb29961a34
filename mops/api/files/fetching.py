"""Bringing the file of a source here."""

from mops.api.file_uris import place_in_store
from mops.api.worlds import world_of
from mops.core.effects import FetchFile
from mops.core.files import StoredFile
from mops.core.patience import patiently
from mops.core.timing import Timing
from mops.runtime.inline import drive
from mops.runtime.session import DEFAULT_HEARTBEAT


def fetch(uri: str, digest: bytes, size: int, name: str) -> str | None:
    """The path of a read-only copy of a stored file, of that final name. ``None`` where it has gone.

    Raises:
        CorruptBlob: it is not what was stored.
        StoreError: it cannot be had; an unreachable store is asked again for a while.
    """
    root, key = place_in_store(uri)
    world = world_of(root, DEFAULT_HEARTBEAT)
    wanted = FetchFile(StoredFile(key, digest, size, "file", name, root))
    path: str | None = drive(patiently(wanted, Timing().first_look), world.perform_waiting)
    return path
