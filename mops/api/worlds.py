"""The worlds of this process: one for each blob root, whoever uses it."""

import os
from typing import TYPE_CHECKING, Any, Final

from mops.api.display.terminal import TERMINAL
from mops.api.locate import locate_blob_store
from mops.core.ports.blob_store import BlobStore
from mops.runtime.clock import SystemClock
from mops.runtime.world import World

if TYPE_CHECKING:
    from mops.core.ports.local_directories import LocalDirectories
    from mops.runtime.contents import Contents

_worlds: Final[dict[tuple[int, str], World]] = {}
_by_root: Final[dict[tuple[int, str], World]] = {}


def world_of(root: Any, heartbeat: float) -> World:
    """The world of a blob root. ``root`` is what a user names: a URI, a path, a store, or a callable that is asked now.

    Raises:
        ConfigurationError: it names no blob store.
    """
    if callable(root) and not hasattr(root, "put_if_absent"):
        root = root()
    if type(root) is not str:
        return _world_of_store(root, heartbeat)
    known = _by_root.get((os.getpid(), root))
    if known is None:
        known = _world_of_store(root, heartbeat)
        if "://" in root or os.path.isabs(root):
            _by_root[os.getpid(), root] = known
    return known


def _world_of_store(root: Any, heartbeat: float) -> World:
    store = locate_blob_store(root)
    key = os.getpid(), store.uri
    known = _worlds.get(key)
    if known is None or (known.store is not store and known.store != store):
        known = _worlds[key] = World(store, SystemClock(), say, heartbeat, contents_of)
    return known


def contents_of(store: BlobStore) -> "Contents":
    """What moves large payloads and files to and from a store, for a process that people look at."""
    from mops.api.locate import local_copies_for, locate_file
    from mops.api.settings import defaults
    from mops.runtime.contents import Contents

    copies = local_copies_for(store, defaults.cache_size, say)
    return Contents(store, copies, _directories, locate_file, TERMINAL)


def _directories() -> "LocalDirectories":
    from mops.adapters.files.directories import PackedDirectories  # 5 ms that most values do not need

    return PackedDirectories()


def say(text: str) -> None:
    """Tell the user, through the logger of mops: on standard error, where nobody set logging up."""
    import logging  # 10 ms that a hit does not need

    logging.getLogger("mops").warning(text)
