"""Paths: an existing file counts by its content and its name, not by its folder; a path to nothing by its text."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
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


def structure_of_constant(path: PurePath, roots: Iterable[str]) -> object:
    """The structure of a path that stands in code: a file counts by its place and content, all else by its place.

    Args:
        path: of the file system, or a pure one.
        roots: directories of code. What lies in there has its place relative to them, wherever they are installed.
    """
    text = str(path)
    below = next((text[len(root) :] for root in roots if text == root or text.startswith(f"{root}/")), None)
    if isinstance(path, Path) and os.path.isfile(text):
        return "file", path.name if below is None else below, _digest(path)
    return ("path", text) if below is None else ("below", below)


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
