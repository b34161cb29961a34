"""Where a listing begins: services take a text behind which they start, and a folder, not a prefix."""

from typing import Final

from mops.core.blob_key import is_key

_ALPHABET: Final = ",-.0123456789=@_abcdefghijklmnopqrstuvwxyz"
"""What keys consist of, in order, behind one character that sorts before; ``/`` stands between ``.`` and ``0``."""
_CHARACTERS: Final = {"/", *_ALPHABET[1:]}
_LAST: Final = "~"  # sorts behind all of them


def folder_of(prefix: str) -> str | None:
    """The folder that has all keys with a prefix, without its last slash; ``None`` if no key can have it."""
    folder, slash, _ = prefix.rpartition("/")
    return None if set(prefix) - _CHARACTERS or (slash and not is_key(folder)) else folder


def start_of(prefix: str, after: str) -> str:
    """A text that sorts before all keys with the prefix behind ``after``, and close to them; empty for all keys."""
    if after >= prefix:
        while after and not is_key(after):
            after = after[:-1]
        return after
    last = "." if prefix[-1] == "/" else _ALPHABET[_ALPHABET.index(prefix[-1]) - 1]
    return prefix[:-1] + last + _LAST
