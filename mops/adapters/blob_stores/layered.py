"""Several blob stores as one: searched in order, written to the first.

Results, and what they refer to, are read from the first layer that has them. Everything that decides who runs what -
claims and their logs, heartbeats, manifests - is the matter of the first layer alone, and so is every write: who shares
the first layer shares single flight, whatever lies behind.

Rules:

* What stands in a layer hides what those behind it have under the same key. So a tombstone in the first voids a result
  of any layer.
* A tombstone that is found behind is copied to the first before it is shown. Who claims generation 1 may rely on
  everybody at the first layer seeing that generation 0 is void, also those who do not search the others.
* Nothing is written to a layer behind the first, nor removed from it.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from operator import attrgetter

from mops.core.blob_key import check_key
from mops.core.blob_layout import is_lasting, is_result
from mops.core.envelope import TOMBSTONE, kind_of
from mops.core.errors import ConfigurationError, StoreDenied, StoreFull, StoreReadOnly
from mops.core.ports.blob_store import (
    BETWEEN_LAYERS,
    LAYERS,
    BlobInfo,
    BlobStore,
    Buffer,
    SupportsLayers,
    SupportsProbe,
    SupportsSync,
)


class LayeredBlobStore(BlobStore, SupportsLayers, SupportsSync, SupportsProbe):
    """A blob store that consists of others, none of which has layers itself.

    Files and large payloads are better moved to and from the layers themselves, each of which knows how to do that.

    Args:
        layers: at least one; the first has to be writable where something is to be written.

    Raises:
        ConfigurationError: there is none; or the URI of one cannot stand among those of others.
    """

    def __init__(self, layers: Sequence[BlobStore]) -> None:
        if not layers:
            raise ConfigurationError("a list of blob roots has at least one")
        self._layers = tuple(layers)
        self._first, *self._behind = self._layers
        uris = [layer.uri for layer in layers]
        for uri in uris:
            if BETWEEN_LAYERS in uri:
                raise ConfigurationError(f"{uri} cannot be one of several blob roots: it contains {BETWEEN_LAYERS}")
        self._uri = LAYERS + BETWEEN_LAYERS.join(uris)

    @property
    def uri(self) -> str:
        """``layers:``, and the URIs of the layers with ``|`` between them."""
        return self._uri

    @property
    def layers(self) -> Sequence[BlobStore]:
        """As the port says."""
        return self._layers

    def get(self, key: str, /) -> Buffer | None:
        """As the port says, of the first layer that has the blob, if all may be asked for it."""
        data = self._first.get(key)
        if data is not None or not is_lasting(key):
            return data
        for layer in self._behind:
            data = layer.get(key)
            if data is not None:
                is_tombstone = is_result(key) and kind_of(data) == TOMBSTONE
                return self._brought_forward(key, data) if is_tombstone else data
        return None

    def _brought_forward(self, key: str, tombstone: Buffer) -> Buffer | None:
        """A tombstone from behind as the first layer has it from now on; or what stands there by now."""
        try:
            if self._first.put_if_absent(key, tombstone):
                return tombstone
        except (StoreReadOnly, StoreDenied, StoreFull):
            return tombstone  # nor can anybody claim what would rely on it
        return self._first.get(key)

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        """As the port says, of the first layer: what others have under the key is hidden."""
        return self._first.put_if_absent(key, *parts)

    def put(self, key: str, /, *parts: Buffer) -> None:
        """As the port says, of the first layer."""
        self._first.put(key, *parts)

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        """As the port says: what ``get`` would find."""
        behind = [(info for info in layer.list(prefix, after=after) if is_lasting(info.key)) for layer in self._behind]
        previous = ""
        for info in merge(self._first.list(prefix, after=after), *behind, key=attrgetter("key")):
            if info.key != previous:
                yield info
            previous = info.key

    def delete(self, key: str, /) -> None:
        """As the port says, of the first layer: what it hid in others is seen again."""
        self._first.delete(key)

    def sync(self, key: str, /) -> None:
        """As the port says, of the first layer; where that cannot lose a write, there is nothing to do."""
        check_key(key)
        if isinstance(self._first, SupportsSync):
            self._first.sync(key)

    def probe(self) -> None:
        """As the port says, of the first layer, if it can."""
        if isinstance(self._first, SupportsProbe):
            self._first.probe()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LayeredBlobStore) and other._layers == self._layers

    def __hash__(self) -> int:
        return hash((LayeredBlobStore, self._uri))

    def __reduce__(self) -> tuple[type["LayeredBlobStore"], tuple[Sequence[BlobStore]]]:
        return LayeredBlobStore, (self._layers,)

    def __repr__(self) -> str:
        return f"LayeredBlobStore({list(self._layers)!r})"
