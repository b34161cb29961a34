"""Plain data as JSON, for those who register it: every language reads it."""

from collections.abc import Sequence
from types import NotImplementedType
from typing import Any, Final

from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import Codec

_DEEPEST: Final = 100  # the decoder may have less of the stack than the encoder had
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


class JsonCodec(Codec[Any]):
    """Dicts with keys of text, lists, text, numbers, ``True``, ``False`` and ``None``, of exactly these types.

    What JSON does not tell is pickled: NaN and infinities, tuples, subclasses, text that is not Unicode, one dict or
    list at two places, more than 100 levels, and integers of more digits than Python reads.
    """

    @property
    def name(self) -> str:
        """``json``."""
        return "json"

    def encode(self, value: Any, /) -> Sequence[Buffer] | NotImplementedType:
        """As the port says."""
        from json import dumps

        if not _is_plain(value):
            return NotImplemented
        try:
            return [dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()]
        except ValueError:  # not finite, too many digits, or not Unicode
            return NotImplemented

    def decode(self, buffer: Buffer, /) -> Any:
        """As the port says."""
        from json import loads

        return loads(str(buffer, "utf-8"))


def _is_plain(value: Any) -> bool:
    seen: set[int] = set()
    level = [value]
    for _ in range(_DEEPEST):
        deeper: list[Any] = []
        for each in level:
            kind = type(each)
            if kind in _SCALARS:
                continue
            if id(each) in seen or not (kind is list or (kind is dict and all(type(key) is str for key in each))):
                return False
            seen.add(id(each))
            deeper += each if kind is list else each.values()
        if not deeper:
            return True
        level = deeper
    return False
