"""Paths: files and directories count by content and final name, not by the folder that they are in.

A path to nothing is refused: it would count by its text today, and by its content once somebody has written it.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import Any, Final

from mops.adapters.files.digests import file_digest
from mops.adapters.files.directories import SeenDirectory
from mops.adapters.files.local_file import local_file, own_state
from mops.core.errors import FileChanged, UnkeyableArgumentError
from mops.core.files import LocalFile

_ABSENT: Final = (
    "write it before the call; have the function write to mops.open_output and return that; pass str(path) where the "
    "name alone matters; or name the argument in ignore="
)
_UNREADABLE: Final = (
    "pass what you read from it, str(path) where the name alone matters, or name the argument in ignore="
)
_CHANGED: Final = "make the call when whoever writes there is done"


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class: paths of the file system, and pure ones."""
    return structure_of_path if issubclass(cls, Path) else str


def structure_of_path(path: Path, meet: Callable[[LocalFile], None] | None = None) -> object:
    """The structure of a path of the file system, from what it names now.

    Args:
        path: to a file or directory.
        meet: is told of it.

    Raises:
        UnkeyableArgumentError: it names nothing, or something that has no meaning as a value.
    """
    text = os.fspath(path)
    try:
        file = local_file(text)
        if file.kind == "directory":
            file.seen = seen = SeenDirectory(text)
            file.digest = seen.digest
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnkeyableArgumentError(_nothing(text, error), advice=_ABSENT) from error
    except FileChanged as error:
        raise UnkeyableArgumentError(str(error.args[0]), advice=_CHANGED) from error
    except (OSError, ValueError) as error:
        raise UnkeyableArgumentError(f"{text} cannot be read: {error}", advice=_UNREADABLE) from error
    if meet is not None:
        meet(file)
    state = own_state(path)
    return (file.kind, file.name, file.digest, *([state] if state else []))


def _nothing(text: str, error: OSError) -> str:
    """In words: the path itself may name nothing, or a link below a directory, or a file that has just gone."""
    named = error.filename if error.filename is None or isinstance(error.filename, str) else os.fsdecode(error.filename)
    if named is None or named == text:
        return f"{text} names nothing"
    return f"{named}, below {text}, names nothing"


def structure_of_constant(path: PurePath, roots: Iterable[str]) -> object:
    """The structure of a path that stands in code: a file counts by its place and content, all else by its place.

    Args:
        path: of the file system, or a pure one.
        roots: directories of code. What lies in there has its place relative to them, wherever they are installed.

    Raises:
        UnkeyableArgumentError: it names a file that cannot be read.
    """
    text = str(path)
    below = next((text[len(root) :] for root in roots if text == root or text.startswith(f"{root}/")), None)
    if isinstance(path, Path) and os.path.isfile(text):
        try:
            digest = file_digest(text).digest
        except (OSError, FileChanged) as error:
            raise UnkeyableArgumentError(f"{text} cannot be read: {error}") from error
        return "file", path.name if below is None else below, digest
    return ("path", text) if below is None else ("below", below)
