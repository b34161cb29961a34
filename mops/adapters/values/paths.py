"""Paths: an existing file counts by its content and its name, not by its folder; a path to nothing by its text."""

import os
from collections.abc import Callable
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from blake3 import blake3

from mops.core.errors import UnkeyableArgumentError

_CHUNK = 4 << 20


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class: paths of the file system, and pure ones."""
    return _path if issubclass(cls, Path) else str


def _path(path: Path) -> object:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "path", str(path)
    except (OSError, ValueError) as error:
        raise UnkeyableArgumentError(f"{path} cannot be looked at: {error}") from error
    if S_ISDIR(mode):
        raise UnkeyableArgumentError(
            f"{path} is a directory", advice="pass its files, or str(path) if the name is enough"
        )
    if not S_ISREG(mode):
        raise UnkeyableArgumentError(f"{path} is neither a file nor absent", advice="pass what you read from it")
    return "file", path.name, _digest(path)


def _digest(path: Path) -> bytes:
    hasher, buffer = blake3(max_threads=2), bytearray(_CHUNK)
    view = memoryview(buffer)
    try:
        with open(path, "rb", buffering=0) as file:  # not its own open, which a subclass may override
            while size := file.readinto(buffer):
                hasher.update(view[:size])
    except OSError as error:
        raise UnkeyableArgumentError(f"{os.fspath(path)} cannot be read: {error}") from error
    return hasher.digest()
