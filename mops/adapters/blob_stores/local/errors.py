"""What the operating system says, in the words of the port."""

import errno
import os
import stat

from mops.core.errors import (
    InvalidKey,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    UnsupportedStore,
)

_CLASSES: dict[int, type[StoreError]] = {
    errno.EACCES: StoreDenied,
    errno.EPERM: StoreDenied,
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EFBIG: StoreFull,
    errno.EROFS: StoreReadOnly,
    errno.EXDEV: UnsupportedStore,
    errno.ENAMETOOLONG: UnsupportedStore,
    errno.EOPNOTSUPP: UnsupportedStore,
    errno.ENOSYS: UnsupportedStore,
    errno.ENOTDIR: InvalidKey,
    errno.EISDIR: InvalidKey,
}

_ADVICE = {
    errno.EXDEV: "let the whole blob root lie on one file system",
    errno.ENAMETOOLONG: "name a blob root with a shorter path",
    errno.ENOTDIR: "a key must not be the folder of another",
    errno.EISDIR: "a key must not be the folder of another",
    errno.EMFILE: "raise the limit of open files: ulimit -n",
}


_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def store_error(error: OSError, verb: str, root: str, path: str, uri: str) -> StoreError:
    """Say which blob could not be read or written, and why; what is in no table may work at the next attempt."""
    code = error.errno or 0
    if code in (errno.ENOTDIR, errno.EEXIST) and not os.path.isdir(root):
        return UnsupportedStore(
            f"cannot {verb} {uri}: the blob root {root} is not a directory", advice="name a directory as blob root"
        )
    kind = _foreign_kind(path)
    if kind:
        return UnsupportedStore(
            f"cannot {verb} {uri}: it is {kind}, not a file", advice="remove what mops did not make"
        )
    reason = error.strerror or repr(error)
    return _CLASSES.get(code, StoreUnavailable)(f"cannot {verb} {uri}: {reason}", advice=_ADVICE.get(code, ""))


def _foreign_kind(path: str) -> str:
    """What stands where only a file or a directory can; nothing where one of those does."""
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except OSError:
        return ""
