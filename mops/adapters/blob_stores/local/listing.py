"""Listing in the order of keys, one directory at a time."""

import os
from collections.abc import Iterator

from mops.core.blob_key import is_key
from mops.core.ports.blob_store import BlobInfo


def list_files(root: str, prefix: str, after: str) -> Iterator[BlobInfo]:
    """List the files under the root whose key starts with the prefix and is greater than ``after``, in order.

    Holds the names of one directory a level. What vanishes meanwhile is left out; what is no key is skipped.
    """
    folder = prefix[: prefix.rfind("/") + 1]
    if not folder or is_key(folder[:-1]):
        yield from _list(root, folder, prefix, after)


def _list(root: str, folder: str, prefix: str, after: str) -> Iterator[BlobInfo]:
    for key in _keys(root, folder, prefix, after):
        if key.endswith("/"):
            yield from _list(root, key, prefix, after)
            continue
        try:
            status = os.stat(os.path.join(root, key))
        except (FileNotFoundError, NotADirectoryError):
            continue
        yield BlobInfo(key, status.st_size, status.st_mtime)


def _keys(root: str, folder: str, prefix: str, after: str) -> list[str]:
    """The keys and the folders (which end in a slash) of one folder that matter, in the order of keys.

    A folder sorts where the keys under it do: ``a-b`` comes before ``a/b``, and that before ``a0``.
    """
    keys: list[str] = []
    try:
        with os.scandir(os.path.join(root, folder)) as entries:
            for entry in entries:
                key = folder + entry.name
                if not is_key(key):
                    continue
                if entry.is_dir():
                    key += "/"
                    if (key > after or after.startswith(key)) and (key.startswith(prefix) or prefix.startswith(key)):
                        keys.append(key)
                elif key > after and key.startswith(prefix):
                    keys.append(key)
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        if not folder:
            raise
        return []
    return sorted(keys)
