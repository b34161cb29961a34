"""URIs of files: those of this machine, those inside of a blob root, and those of other stores. Does no I/O."""

import os
import re
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

from mops.core.blob_key import is_key
from mops.core.blob_layout import ROOT
from mops.core.errors import ConfigurationError

_FILE: Final = "file://"
_OF_ACCOUNTS: Final = frozenset({"adls", "az", "https"})
"""Schemes whose places are a container of an account."""
_IN_A_ROOT: Final = re.compile(rf"(.*?)/({ROOT}/(?:out|blob)/.*)", re.DOTALL)


def file_uri(path: str) -> str:
    """The one URI of an absolute path; inside of a blob root, as a store spells it: its own URI, and the key."""
    root, key = in_root(path) or (path, "")
    uri = _FILE + quote(os.fsencode(root))
    return under(uri, key) if key else uri


def path_of(uri: str) -> str:
    """The path that a ``file://`` URI names; empty for another URI."""
    if not uri.startswith(_FILE):
        return ""
    path = uri.removeprefix(_FILE).removeprefix("localhost")
    return os.path.abspath(os.fsdecode(unquote_to_bytes(os.fsencode(path)))) if path.startswith("/") else ""


def canonical(uri: object) -> str:
    """The spelling of a URI that is compared with others.

    Raises:
        ConfigurationError: it is none.
    """
    if not isinstance(uri, str) or "://" not in uri:
        raise ConfigurationError(f"{uri!r} is no URI; a path of this machine is for Source.from_file")
    path = path_of(uri)
    if not path and uri.startswith(_FILE):
        raise ConfigurationError(f"{uri} names no path of this machine: write file:///path")
    return file_uri(path) if path else uri


def in_root(place: str) -> tuple[str, str] | None:
    """The blob root and the key, of the URI or path of a file stored under a root; ``None`` for another."""
    found = _IN_A_ROOT.fullmatch(place)
    return (found[1], found[2]) if found and is_key(found[2]) else None


def place_in_store(uri: str) -> tuple[str, str]:
    """The blob root and the key of the URI of a file in any store but this machine's file system.

    Raises:
        ConfigurationError: it names no file.
    """
    found = in_root(uri)
    if found is not None:
        return found
    scheme, _, rest = uri.partition("://")
    place, _, key = rest.partition("/")
    if scheme in _OF_ACCOUNTS:
        container, _, key = key.partition("/")
        place = f"{place}/{container}"
    if not is_key(key):
        raise ConfigurationError(f"{uri} names no file: what follows the place is no blob key")
    return f"{scheme}://{place}", key


def under(root: str, key: str) -> str:
    """The URI of a key under a root."""
    return f"{root.rstrip('/')}/{key}"


def final_name(uri: str) -> str:
    """The last component of the path of a URI.

    Raises:
        ConfigurationError: it names no file.
    """
    name = unquote(uri.rpartition("/")[2], errors="surrogateescape")
    if name in {"", ".", ".."} or "/" in name:
        raise ConfigurationError(f"{uri} names no file")
    return name
