"""From what a user names to the adapter: the one place that imports adapters of blob stores."""

import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from mops.api.roots import layers_in, path_in, without_secrets
from mops.core.errors import ConfigurationError, MissingExtraError
from mops.core.ports.blob_store import BETWEEN_LAYERS, BlobStore, SupportsExpiry, SupportsLayers

if TYPE_CHECKING:
    from mops.core.ports.file_location import FileLocation
    from mops.core.ports.local_copies import LocalCopies

_EXTRAS: Final = {"s3": "s3", "gs": "gcs", "az": "s3"}
"""What each scheme of an object store needs; Azure has an extra of its own, with another library."""


def locate_blob_store(root: Any) -> BlobStore:
    """The blob store under a root: a URI, a path, or a store, which is returned as it is. Does no I/O.

    Several roots, in a list or in one text with ``|`` between them, are one store that searches them in order.

    Raises:
        ConfigurationError: it names no blob store.
    """
    if isinstance(root, str):
        if not root:
            raise ConfigurationError("the blob root is empty")
        if BETWEEN_LAYERS in root:
            return _layered(layers_in(root))
        return _from_uri(root) if "://" in root else _local(path_in(root))
    if isinstance(root, os.PathLike):
        return _local(os.fsdecode(root))
    if isinstance(root, list | tuple):
        return _layered(root)
    if all(callable(getattr(root, name, None)) for name in ("get", "put_if_absent", "put", "list", "delete")):
        return root  # type: ignore[no-any-return]
    raise ConfigurationError(f"a blob root is a URI, a path, a BlobStore or a callable that gives one, not {root!r}")


def _layered(roots: Iterable[Any]) -> BlobStore:
    from mops.adapters.blob_stores.layered import LayeredBlobStore

    stores = [locate_blob_store(root) for root in roots]
    layers = [layer for store in stores for layer in (store.layers if isinstance(store, SupportsLayers) else (store,))]
    return layers[0] if len(layers) == 1 else LayeredBlobStore(layers)


def _local(path: str) -> BlobStore:
    from mops.adapters.blob_stores.local import LocalBlobStore

    return LocalBlobStore(os.path.abspath(os.path.expanduser(path)))


def _from_uri(uri: str) -> BlobStore:
    from urllib.parse import unquote, urlsplit  # 7 ms that a path does not need

    try:
        parts = urlsplit(uri)
    except ValueError:
        raise ConfigurationError(f"{without_secrets(uri)} is no URI") from None
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path:
        return _local(unquote(parts.path))
    if parts.scheme == "memory" and parts.netloc and not parts.path.strip("/"):
        from mops.adapters.blob_stores.memory import MemoryBlobStore

        return MemoryBlobStore(parts.netloc)
    if parts.scheme in _EXTRAS:
        return _object_store(uri, _EXTRAS[parts.scheme])
    if parts.scheme in {"adls", "abfss", "https"}:
        return _azure(uri)
    if parts.scheme == "file":
        raise ConfigurationError(f"{without_secrets(uri)} names no path of this machine: write file:///path")
    raise ConfigurationError(
        f"{without_secrets(uri)} names no blob root that this mops can open: it knows paths, file:///, memory://name, "
        "s3://, gs:// and adls://account/container for Azure"
    )


def _object_store(uri: str, extra: str) -> BlobStore:
    try:
        from mops.adapters.blob_stores.object_store import ObjectBlobStore
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise MissingExtraError(
            f"{uri} needs a package that is not installed: obstore", advice=f"pip install 'mops-run[{extra}]'"
        ) from error
    return ObjectBlobStore(uri)


def _azure(uri: str) -> BlobStore:
    try:
        from mops.adapters.blob_stores.azure import AzureBlobStore, place_of
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("azure"):
            raise
        raise MissingExtraError(
            f"{uri} needs a package that is not installed: azure-storage-blob", advice="pip install 'mops-run[azure]'"
        ) from error
    return AzureBlobStore(place_of(uri))


def local_copies_for(
    store: BlobStore, cache_size: Callable[[], int | None], report: Callable[[str], None], *, beside: bool = True
) -> "LocalCopies":
    """Where what is fetched from a store lies on this machine. Does no I/O.

    Beside the blobs of a local root, so that a file system which can shares the bytes; in a folder of this process for
    one in memory; for every other, in the user's cache, ``$XDG_CACHE_HOME/mops``.

    Args:
        store: the store.
        cache_size: gives the bytes that the cache may take; ``None``: as much as seems right for its disk.
        report: tells the user something.
        beside: a local root is a place for copies.
    """
    from mops.adapters.local_copies.fallback import FallbackCopies

    if beside and store.uri.startswith("file:///"):
        return FallbackCopies(os.path.join(_path_of(store.uri), "~files"), None, report)
    cache = _cache_folder()
    if store.uri.startswith("memory:") or not cache:
        from mops.adapters.local_copies.temporary import TemporaryCopies

        return TemporaryCopies()
    return FallbackCopies(cache, cache_size, report)


def _path_of(uri: str) -> str:
    path = uri.removeprefix("file://")
    if "%" not in path:
        return path
    from urllib.parse import unquote_to_bytes

    return os.fsdecode(unquote_to_bytes(path))


def _cache_folder() -> str:
    """Where the cache of this user is; nowhere, if he has no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the specification wants relative ones ignored
        base = os.path.expanduser(os.path.join("~", ".cache"))
    return os.path.join(base, "mops") if os.path.isabs(base) else ""


def locate_file(uri: str) -> "FileLocation":
    """The place that the URI of a file names, in whatever store. Does no I/O.

    Raises:
        ConfigurationError: it names no file, or is of a scheme that this mops does not know.
    """
    from mops.api.file_uris import path_of, place_in_store

    path = path_of(uri)
    if path:
        from mops.adapters.file_of_machine import FileOfMachine

        return FileOfMachine(path)
    from mops.runtime.file_in_store import FileInStore

    root, key = place_in_store(uri)
    return FileInStore(locate_blob_store(root), key)


def check_lasting(store: BlobStore, seconds: float | None) -> None:
    """Let a store pass that can be used for so long, as far as anybody can know. Does no I/O.

    Raises:
        ConfigurationError: what it is opened with ends before.
    """
    if isinstance(store, SupportsLayers):
        for layer in store.layers:
            check_lasting(layer, seconds)
    expires = store.expires if seconds is not None and isinstance(store, SupportsExpiry) else None
    if seconds is None or expires is None:
        return
    left = expires - time.time()
    if left < seconds:
        raise ConfigurationError(
            f"the shared access signature of {store.uri} ends in {max(0, left):,.0f} s, and the Shell lets a function "
            f"run for {seconds:,.0f} s",
            advice="make a signature that lasts longer, or give the Shell a shorter run_timeout",
        )


def leaves_the_process(store: BlobStore) -> bool:
    """Whether another process can open the store by its URI."""
    return not any(uri.startswith("memory:") for uri in layers_in(store.uri))
