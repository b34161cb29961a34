"""The file or directory of this machine that a path names."""

import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import MemberDescriptorType

from mops.adapters.files.digests import file_digest
from mops.core.files import LocalFile

_PLAIN = type(Path())


def local_file(path: str) -> LocalFile:
    """Look at a file, and hash it; of a directory, nothing below is looked at.

    Args:
        path: relative to the working directory, or absolute; ``~`` stands for itself. It names what the system says
            that it names: ``link/..`` is where the link leads to.

    Raises:
        OSError: it names nothing, or what it names cannot be read.
        FileChanged: somebody changed the file meanwhile.
        ValueError: it names neither a file nor a directory, or has no final name, as the root; or no path is like it.
    """
    absolute = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    mode = os.stat(path).st_mode
    if not (S_ISDIR(mode) or S_ISREG(mode)):
        raise ValueError("it is neither a file nor a directory")
    name = os.path.basename(path)
    if name in {"", ".", ".."}:
        name = os.path.basename(os.path.realpath(path))
    if not name:
        raise ValueError("it has no name under which it could travel")
    if S_ISDIR(mode):
        return LocalFile(absolute, name, kind="directory")
    digest, size = file_digest(path)
    return LocalFile(absolute, name, digest, size=size)


def own_state(path: Path) -> dict[str, object]:
    """What an instance of a subclass has, by name, besides its path: its attributes and slots."""
    cls = type(path)
    if cls is _PLAIN:
        return {}
    spaces = [base.__dict__ for base in cls.__mro__ if base.__module__.partition(".")[0] != "pathlib"]
    slots = {name for space in spaces for name, member in space.items() if type(member) is MemberDescriptorType}
    return {**getattr(path, "__dict__", {}), **{name: getattr(path, name) for name in slots if hasattr(path, name)}}
