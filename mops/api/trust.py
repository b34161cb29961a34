"""Who is believed: the signing keys of this process, and whether records have to be signed by one of them."""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final, final

from mops.api.settings import defaults
from mops.core.errors import ConfigurationError
from mops.core.ports.blob_store import BlobStore, SupportsLayers

if TYPE_CHECKING:
    from mops.adapters.signatures import HmacSha512

_VARIABLE: Final = "MOPS_SIGNING_KEY"
_SHORTEST: Final = 32
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+")
_ADVICE: Final = (
    f"{_VARIABLE} holds keys, or paths of files with keys, which begin with / or ~; between them {os.pathsep}; a key "
    f"is {_SHORTEST} or more random letters and digits, as 'openssl rand -hex 32' makes them"
)
_WORLD_READS: Final = 0o004
_WORLD_WRITES: Final = 0o002
_GROUP_WRITES: Final = 0o020
_SUPERUSER: Final = 0


@final
class Trust:
    """Whom this process believes. The keys are read when a store is opened first.

    Attributes:
        verify: ``"off"``: everybody who can write; ``"require"``: whoever has a key.
    """

    def __init__(self, verify: str) -> None:
        self.verify = verify
        self._remarks: list[str] = []

    @cached_property
    def _keys(self) -> "HmacSha512 | None":
        secrets = _secrets(os.environ.get(_VARIABLE, ""), self._remarks.append)
        if not secrets:
            return None
        from mops.adapters.signatures import HmacSha512

        return HmacSha512(secrets)

    def around(self, store: BlobStore, report: Callable[[str], None]) -> BlobStore:
        """The store as this process uses it: the one that was passed, where nothing is signed. Reads key files.

        Args:
            store: any.
            report: told of what is not believed, and once of key files that others can read.

        Raises:
            ConfigurationError: signatures are required, and there is no key; or what names the keys names none.
        """
        if self._keys is None and self.verify == "off":
            return store
        if self._keys is None:
            raise ConfigurationError(f"verify='require', and there is no key in {_VARIABLE}", advice=_ADVICE)
        while self._remarks:
            report(self._remarks.pop())
        from mops.adapters.blob_stores.signed import SignedBlobStore

        if isinstance(store, SignedBlobStore):
            return store
        if isinstance(store, SupportsLayers):  # each by itself: no layer is to be read past its signatures
            from mops.adapters.blob_stores.layered import LayeredBlobStore

            return LayeredBlobStore([self.around(layer, report) for layer in store.layers])
        if self.verify == "off":
            return SignedBlobStore(store, self._keys, None, report)
        return SignedBlobStore(store, self._keys, self._keys, report, changes=bool(_that_others_write_to(store.uri)))


_known: Final[dict[tuple[int, str | None], Trust]] = {}


def trust_of_process(verify: str | None = None) -> Trust:
    """Whom this process believes, as its settings said when it was asked first; a fork asks anew.

    Args:
        verify: what a Runner says; ``None``: what the settings say.

    Raises:
        ConfigurationError: the settings cannot be meant.
    """
    known = _known.get((os.getpid(), verify))
    if known is None:
        known = _known[os.getpid(), verify] = Trust(defaults.verify() if verify is None else verify)
    return known


def _secrets(text: str, remark: Callable[[str], None]) -> list[bytes]:
    """The keys that the variable holds or names. No message quotes any of it: it may be a key."""
    if not text:
        return []
    entries = enumerate(text.strip().split(os.pathsep), 1)
    found = [_secrets_in(entry, f"entry {number} of {_VARIABLE}", remark) for number, entry in entries]
    return [secret for secrets in found for secret in secrets]


def _secrets_in(entry: str, where: str, remark: Callable[[str], None]) -> list[bytes]:
    if not entry.startswith(("/", "~")):
        if os.path.lexists(entry):  # its name would be the key, which is no secret
            raise ConfigurationError(f"{where} is the relative path of a file, and would be a key", advice=_ADVICE)
        return [_secret(entry, where)]
    try:
        with open(os.path.expanduser(entry), encoding="ascii") as file:
            status = os.fstat(file.fileno())
            lines = file.read().split()
    except OSError as error:
        why = os.strerror(error.errno or 0)
    except UnicodeDecodeError:
        why = "it is no text"
    else:
        if lines:
            _say_who_else_has_it(status, where, remark)
            return [_secret(line, f"the file of {where}") for line in lines]
        why = "it is empty"
    raise ConfigurationError(f"the file that {where} names cannot be read: {why}", advice=_ADVICE)


def _say_who_else_has_it(status: os.stat_result, where: str, remark: Callable[[str], None]) -> None:
    """Remark on a key file that is not one user's alone. What a platform gives a group of its own is left to it."""
    if status.st_mode & (_WORLD_WRITES | _WORLD_READS):
        remark(f"others can read or replace the file of {where}, and so sign as you do: chmod 600 it")


def _secret(text: str, where: str) -> bytes:
    if len(text) < _SHORTEST or not _PLAIN.issuperset(text):
        raise ConfigurationError(f"{where} holds what is no signing key", advice=_ADVICE)
    return text.encode()


# ------------------------------------------------------------------------------------------------ local roots
def say_who_else_can_write(uri: str, tell: Callable[[str], None]) -> None:
    """Warn of a local root that other users of the machine can write to. Never fails."""
    path = _that_others_write_to(uri)
    if path:
        tell(
            f"others can write to {path}, and so run code as whoever reads results there: "
            f"chmod go-w it, use a root of your own, or sign what is stored and set verify='require'"
        )


def _that_others_write_to(uri: str) -> str:
    """The path of a local root that other users of the machine can write to; empty for another root."""
    if not uri.startswith("file:///"):
        return ""
    path = uri.removeprefix("file://")
    if "%" in path:
        from urllib.parse import unquote_to_bytes  # 7 ms that most paths do not need

        path = os.fsdecode(unquote_to_bytes(path))
    try:
        status = os.stat(path)
    except OSError:
        return ""  # it is not there yet, and will be its owner's alone
    theirs = status.st_uid not in {os.geteuid(), _SUPERUSER}
    for_all = status.st_mode & _WORLD_WRITES
    for_group = status.st_mode & _GROUP_WRITES and not _is_our_own_group(status.st_gid)
    return path if theirs or for_all or for_group else ""


def _is_our_own_group(group: int) -> bool:
    """Whether a group is the one that many systems make for each user, with nobody else in it."""
    import grp
    import pwd

    try:
        named = grp.getgrgid(group)
        user = pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return named.gr_name == user.pw_name and user.pw_gid == group and set(named.gr_mem) <= {user.pw_name}
