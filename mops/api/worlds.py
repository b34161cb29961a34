"""The worlds of this process: one for each blob root, whoever uses it."""

import os
from typing import TYPE_CHECKING, Any, Final

from mops.api.display.terminal import TERMINAL
from mops.api.locate import locate_blob_store
from mops.api.roots import is_absolute, layers_in
from mops.api.trust import say_who_else_can_write, trust_of_process
from mops.core.ports.blob_store import BETWEEN_LAYERS, BlobStore, SupportsLayers
from mops.runtime.clock import SystemClock
from mops.runtime.world import World

if TYPE_CHECKING:
    from mops.core.ports.local_directories import LocalDirectories
    from mops.runtime.contents import Contents
    from mops.runtime.layered_contents import LayeredContents

_worlds: Final[dict[tuple[int, str, str], World]] = {}
_by_root: Final[dict[tuple[int, str, str | None], World]] = {}


def world_of(root: Any, heartbeat: float, verify: str | None = None) -> World:
    """The world of a blob root. ``root`` is what a user names: a URI, a path, a store, or a callable that is asked now.

    Args:
        root: see above.
        heartbeat: seconds between the beats of its session, where it is new.
        verify: whether signatures are required; by default, what the settings say when a process first asks.

    Raises:
        ConfigurationError: it names no blob store, or signatures are required and there is no key.
    """
    if callable(root) and not hasattr(root, "put_if_absent"):
        root = root()
    if type(root) is list and all(type(layer) is str for layer in root):
        root = BETWEEN_LAYERS.join(root)
    if type(root) is not str:
        return _world_of_store(root, heartbeat, verify)
    known = _by_root.get((os.getpid(), root, verify))
    if known is None:
        known = _world_of_store(root, heartbeat, verify)
        if is_absolute(root):
            _by_root[os.getpid(), root, verify] = known
    return known


def _world_of_store(root: Any, heartbeat: float, verify: str | None) -> World:
    trust = trust_of_process(verify)
    store = trust.around(locate_blob_store(root), say)
    key = os.getpid(), store.uri, trust.verify
    known = _worlds.get(key)
    if known is None or (known.store is not store and known.store != store):
        known = _worlds[key] = World(store, SystemClock(), say, heartbeat, contents_of, verify=trust.verify)
        if trust.verify == "off":
            for uri in layers_in(store.uri):
                say_who_else_can_write(uri, known.tell)
    return known


def contents_of(store: BlobStore) -> "Contents | LayeredContents":
    """What moves large payloads and files to and from a store, for a process that people look at."""
    if not isinstance(store, SupportsLayers):
        return _contents_of_one(store)
    from mops.runtime.layered_contents import LayeredContents

    first, *behind = store.layers
    return LayeredContents(_contents_of_one(first), [_contents_of_one(layer, cleans=False) for layer in behind])


def _contents_of_one(store: BlobStore, *, cleans: bool = True) -> "Contents":
    from mops.api.locate import local_copies_for, locate_file
    from mops.api.settings import defaults
    from mops.runtime.contents import Contents

    # Where others may change what was verified, nothing is handed out that they can reach.
    copies = local_copies_for(store, defaults.cache_size, say, beside=not getattr(store, "changes", False))
    return Contents(store, copies, _directories, locate_file, TERMINAL, cleans=cleans)


def _directories() -> "LocalDirectories":
    from mops.adapters.files.directories import PackedDirectories  # 5 ms that most values do not need

    return PackedDirectories()


def say(text: str) -> None:
    """Tell the user, through the logger of mops: on standard error, where nobody set logging up."""
    import logging  # 10 ms that a hit does not need

    logging.getLogger("mops").warning(text)
