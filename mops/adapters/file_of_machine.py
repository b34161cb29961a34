"""A file of this machine, outside of any blob root, as the place that its URI names."""

import errno
import os
import shutil
import tempfile
from typing import Final, NoReturn, final

from mops.adapters.files.digests import file_digest
from mops.core.errors import FileChanged, StoreDenied, StoreError, StoreFull, StoreReadOnly, StoreUnavailable
from mops.core.ports.file_location import FileLocation

_ERRORS: Final[dict[int, type[StoreError]]] = {
    errno.EACCES: StoreDenied,
    errno.EPERM: StoreDenied,
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EFBIG: StoreFull,
    errno.EROFS: StoreReadOnly,
}
_ABSENT: Final = (FileNotFoundError, NotADirectoryError)


@final
class FileOfMachine(FileLocation):
    """A file, under any name that a file system takes.

    Args:
        path: absolute.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def size(self) -> int | None:
        """See the port."""
        try:
            return os.stat(self._path).st_size
        except _ABSENT:
            return None
        except OSError as error:
            self._fail(error, "look at")

    def digest(self) -> tuple[bytes, int] | None:
        """See the port."""
        try:
            return file_digest(self._path)
        except _ABSENT:
            return None
        except OSError as error:
            self._fail(error, "read")

    def put(self, path: str, digest: bytes, /) -> bool:
        """See the port. A process that is killed half-way leaves a draft beside the place, whose name begins with ~."""
        folder = os.path.dirname(self._path)
        try:
            os.makedirs(folder, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(prefix="~", dir=folder)
            os.close(descriptor)
            try:
                _copy(path, draft)
                if file_digest(draft).digest != digest:
                    raise FileChanged(f"{path} changed before it was copied to {self._path}")
                os.chmod(draft, 0o444)
                os.link(draft, self._path)
            finally:
                os.unlink(draft)
        except FileExistsError:
            return False
        except OSError as error:
            self._fail(error, "write")
        return True

    def _fail(self, error: OSError, verb: str) -> NoReturn:
        kind = _ERRORS.get(error.errno or 0, StoreUnavailable)
        raise kind(f"cannot {verb} {self._path}: {error.strerror or error}") from error


def _copy(path: str, draft: str) -> None:
    try:
        shutil.copyfile(path, draft)
    except _ABSENT as error:
        raise FileChanged(f"{path} has gone") from error
