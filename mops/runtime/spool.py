"""Results that no store took, kept on the machine that computed them."""

import os
import shutil
import tempfile
from collections.abc import Sequence

from mops.core.files import LocalFile
from mops.core.ports.blob_store import Buffer


def spool(name: str, parts: Sequence[Buffer], files: Sequence[LocalFile] = ()) -> str:
    """Keep bytes, and copies of files, in this machine's temporary directory, readable by this user alone.

    Returns:
        The path of the bytes, or of the folder that holds them and the files.

    Raises:
        OSError: they cannot be kept.
    """
    if not files:
        descriptor, path = tempfile.mkstemp(prefix=f"mops-{name}-", suffix=".result")
        _write(descriptor, parts)
        return path
    folder = tempfile.mkdtemp(prefix=f"mops-{name}-", suffix=".result")
    _write(os.open(os.path.join(folder, "value"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), parts)
    for number, file in enumerate(files):
        beside = os.path.join(folder, str(number))
        os.mkdir(beside)
        copy = shutil.copytree if file.kind == "directory" else shutil.copyfile
        copy(file.path, os.path.join(beside, file.name))
    return folder


def _write(descriptor: int, parts: Sequence[Buffer]) -> None:
    with os.fdopen(descriptor, "wb") as file:
        for part in parts:
            file.write(part)
