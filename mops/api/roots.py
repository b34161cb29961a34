"""Blob roots as texts: one place, or several that are searched in order. Does no I/O.

Several are written with ``|`` between them, which no URI holds; spaces around it do not count. A folder whose name has
one is named by its URI, in which it is ``%7C``, or by a ``Path``.
"""

import os
from collections.abc import Sequence
from typing import Any, Final

from mops.core.errors import ConfigurationError
from mops.core.ports.blob_store import BETWEEN_LAYERS, LAYERS

_SCHEMES: Final = ("file:", "memory:", "s3:", "gs:", "adls:", "abfss:", "https:")
"""What begins a URI: ``s3:/bucket`` was meant for a bucket, and would be a folder."""


def layers_in(root: str) -> Sequence[str]:
    """The places that a root names, in order.

    Raises:
        ConfigurationError: one of several is empty.
    """
    if BETWEEN_LAYERS not in root:
        return (root,)
    places = [place.strip() for place in root.removeprefix(LAYERS).split(BETWEEN_LAYERS)]
    if not all(places):
        raise ConfigurationError(f"{root!r} names no place before or after a {BETWEEN_LAYERS}")
    return places


def without_secrets(root: str) -> str:
    """A root that cannot be meant as an error may repeat it: without query, fragment, and who opens it."""
    scheme, separator, place = root.partition("?")[0].partition("#")[0].partition("://")
    host, slash, path = place.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def is_absolute(root: str) -> bool:
    """Whether a root means the same in every working directory."""
    return all("://" in place or os.path.isabs(place) for place in layers_in(root))


def absolute(root: str, folder: str = "") -> str:
    """A root whose relative paths are taken from a folder, by default from the working directory.

    Raises:
        ConfigurationError: as ``layers_in`` and ``path_in``.
        OSError: the working directory was removed.
    """
    places = layers_in(root)
    return BETWEEN_LAYERS.join(place if "://" in place else _absolute_path(place, folder) for place in places)


def path_in(root: str) -> str:
    """The path that a text without ``://`` is.

    Raises:
        ConfigurationError: it was meant for a URI.
    """
    if not root.startswith(_SCHEMES):
        return root
    shown = without_secrets(root)
    scheme, _, rest = shown.partition(":")
    uri = f"{scheme}:{'///' if scheme == 'file' else '//'}{rest.lstrip('/')}"
    raise ConfigurationError(f"{shown} is neither a path nor a URI", advice=f"write {uri}, or ./{shown} for a folder")


def text_of(root: Any) -> str:
    """A root as a user names it, a URI, a path or several of them, as one text.

    Raises:
        ConfigurationError: it is none, or holds one that is none.
        OSError: as ``absolute``.
    """
    if isinstance(root, str):
        return absolute(root) if root else _refuse(root)
    if isinstance(root, os.PathLike):
        return spelled(os.path.abspath(os.path.expanduser(os.fsdecode(root))))
    if isinstance(root, list | tuple) and root:
        return BETWEEN_LAYERS.join(map(text_of, root))
    return _refuse(root)


def spelled(path: str) -> str:
    """An absolute path as it can stand among several."""
    if BETWEEN_LAYERS not in path:
        return path
    from mops.api.file_uris import file_uri  # what takes URIs apart costs 7 ms that most paths do not need

    return file_uri(path)


def _absolute_path(path: str, folder: str) -> str:
    expanded = os.path.expanduser(path_in(path))
    return spelled(os.path.join(folder, expanded) if folder else os.path.abspath(expanded))


def _refuse(root: object) -> str:
    raise ConfigurationError(f"a blob root is a URI or a path, or a list of them, not {root!r}")
