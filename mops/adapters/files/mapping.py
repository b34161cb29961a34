"""Mapping files into memory, as far as this process has room for maps."""

import mmap
import resource
import sys
from typing import Final
from weakref import WeakSet

_maps: Final["WeakSet[mmap.mmap]"] = WeakSet()  # that somebody uses


def map_file(fd: int, size: int) -> memoryview | None:
    """Map an open file, copy-on-write; ``None`` where that cannot be, and reading still works.

    There are only so many maps, and before Python 3.13 each keeps a descriptor, of which there are fewer: half of them
    are left to everything else that this process opens.
    """
    try:
        if sys.version_info >= (3, 13):
            return memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_COPY, trackfd=False))
        if len(_maps) >= _most_maps():
            return None
        found = mmap.mmap(fd, size, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):
        return None  # out of address space, or a file system without maps
    _maps.add(found)
    return memoryview(found)


def _most_maps() -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit // 2
