"""Bringing a file to a path of this machine: complete, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mops.adapters.files.drafts import ANONYMOUS, UNSUPPORTED, AnonymousDraft, close


@contextmanager
def delivery(path: str) -> Iterator[tuple[int, bool]]:
    """Create or replace a file with what is written in the context; if that raises, nothing is changed.

    A process that is killed meanwhile leaves nothing, or a hidden file beside the path where the file system knows no
    nameless ones.

    Args:
        path: in a directory that exists.

    Returns:
        The context. It gives a descriptor of an empty file for reading and writing, and whether its file system can
        reserve space.

    Raises:
        OSError: as the file system does.
    """
    draft = _draft(os.path.dirname(path))
    try:
        yield draft.fd, draft.can_reserve
        draft.deliver(path)
    finally:
        draft.close()


def _draft(directory: str) -> "_Nameless | _Hidden":
    if ANONYMOUS and os.path.isdir("/proc/self/fd"):
        try:
            return _Nameless(directory)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
    return _Hidden(directory)


class _Nameless(AnonymousDraft):
    """A file without a name."""

    __slots__ = ()
    can_reserve = True

    def deliver(self, path: str) -> None:
        try:
            self.publish(path)
        except FileExistsError:
            temporary = _hidden_name(os.path.dirname(path))
            self.publish(temporary)
            try:
                os.rename(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise


class _Hidden:
    """A file beside the one that it becomes."""

    __slots__ = ("_name", "fd")
    can_reserve = False  # on a network file system that would write the whole file

    def __init__(self, directory: str) -> None:
        self._name = _hidden_name(directory)
        self.fd = os.open(self._name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)

    def deliver(self, path: str) -> None:
        os.fsync(self.fd)  # a network file system says only then what it could not write
        os.rename(self._name, path)

    def close(self) -> None:
        with suppress(OSError):
            os.unlink(self._name)
        close(self.fd)


def _hidden_name(directory: str) -> str:
    return os.path.join(directory, f".{os.urandom(8).hex()}.part")
