"""Whether a file is still the one that was looked at."""

import os
from typing import Final, TypeAlias

SETTLED: Final = 2.0
"""Seconds after which a change of a file cannot have the time of another one: clocks of file systems are coarse."""

Identity: TypeAlias = tuple[int, int, int, int, int]


def identity_of(status: os.stat_result) -> Identity:
    """What changes with the content of a file: whoever changes it changes its ctime, which nobody can set back."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_named(fd: int, path: str) -> bool:
    """Whether an open file still has that name: nobody has removed or replaced it since it was opened."""
    try:
        named, opened = os.lstat(path), os.fstat(fd)
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
