"""Reading one object: whole, or in ranges of one version, several at once."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from mops.adapters.blob_stores.object_store.client import Place
from mops.adapters.blob_stores.object_store.refusals import Refusal
from mops.adapters.pieces import in_order
from mops.core.ports.blob_store import Buffer

_WHOLE: Final = 8 << 20
"""Bytes up to which an object is read by one request."""
_PIECE: Final = 4 << 20
"""Bytes of one range. The library holds them twice while it puts them together."""
_PARALLEL: Final = 4
"""Requests at once, of one transfer."""
_COPIED: Final = 64 << 10
"""Bytes up to which a copy is cheaper than whoever holds on to what the library made."""


class Replaced(Exception):
    """The object is not the one any more whose beginning was read."""


class Found:
    """An object as it was at one moment.

    Attributes:
        size: bytes.
    """

    def __init__(self, place: Place, answer: Any) -> None:
        self._place = place
        self._answer = answer
        self._version: str | None = answer.meta["e_tag"]
        self.size: int = answer.meta["size"]

    def whole(self) -> Buffer:
        """All bytes.

        Raises:
            Replaced: it has been replaced, or removed.
            StoreError: as the service says.
        """
        if self.size <= _WHOLE or not self._version:
            content = self._place.ask("read", self._answer.bytes)
            if isinstance(content, Refusal):
                raise Replaced
            return bytes(content) if self.size <= _COPIED else memoryview(content)
        buffer, at = memoryview(bytearray(self.size)), 0
        for piece in self._ranges():
            buffer[at : at + len(piece)] = piece
            at += len(piece)
        return buffer

    def pieces(self) -> Iterator[Buffer]:
        """All bytes, one piece after the other. Raises as ``whole``."""
        if self.size <= _WHOLE or not self._version:
            yield self.whole()
        else:
            yield from self._ranges()

    def _ranges(self) -> Iterator[memoryview]:
        return in_order(self._range, range(0, self.size, _PIECE), _PARALLEL)

    def _range(self, start: int) -> memoryview:
        end = min(start + _PIECE, self.size)
        client, options = self._place.client, {"range": (start, end), "if_match": self._version}
        get = partial(client.library.do.get, client.bulk, self._place.name, options=options)
        content = self._place.ask("read", lambda: get().bytes())
        if isinstance(content, Refusal):
            raise Replaced
        return memoryview(content)


def find(place: Place) -> Found | None:
    """Begin to read an object; ``None`` if there is none."""
    client = place.client
    answer = place.ask("read", lambda: client.library.do.get(client.control, place.name))
    return None if isinstance(answer, Refusal) else Found(place, answer)


def size_of(place: Place) -> int | None:
    """The size of an object in bytes; ``None`` if there is none."""
    client = place.client
    answer = place.ask("look at", lambda: client.library.do.head(client.control, place.name))
    if not isinstance(answer, Refusal):
        size: int = answer["size"]
        return size
    found = find(place)  # an answer without a body does not tell a missing object from a missing bucket
    return None if found is None else found.size
