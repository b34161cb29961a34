"""Surviving a power failure."""

import errno
import fcntl
import os

from mops.adapters.files.drafts import close
from mops.adapters.files.reading import OPENING

_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)  # on macOS, fsync alone leaves the bytes in the drive's cache


def sync_file(path: str, root: str) -> None:
    """Flush a file and the directories from it up to the root, any of which may be new."""
    _sync(path)
    while len(path) > len(root):
        path = os.path.dirname(path)
        _sync(path)


def sync_ancestors(root: str) -> None:
    """Flush what is above the root, as far as this user may: what he made, he may read."""
    path = root
    while path != (path := os.path.dirname(path)):
        try:
            _sync(path)
        except PermissionError:
            return


def _sync(path: str) -> None:
    fd = os.open(path, OPENING)
    try:
        if _FULL_SYNC is not None:
            fcntl.fcntl(fd, _FULL_SYNC)
        else:
            os.fsync(fd)
    except OSError as error:
        # Some file systems keep their directories safe by themselves, and refuse to be asked.
        if error.errno != errno.EINVAL or not os.path.isdir(path):
            raise
    finally:
        close(fd)
