"""The Serializer port: how values become bytes."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from mops.core.files import AnyFile, StoredFile
from mops.core.ports.blob_store import Buffer


class Serialized(NamedTuple):
    """A value on its way to the store.

    Attributes:
        buffers: the stream, then the out-of-band buffers it refers to, which are views of the value's own memory: they
            are not copied, and must be written before the value is changed.
        files: what the value has outside of memory; the stream names them by their places in this list.
        codec: the format, where it is not the serializer's own.
    """

    buffers: Sequence[Buffer]
    files: Sequence[AnyFile] = ()
    codec: str = ""


class Serializer(Protocol):
    """Turns values into buffers and back. All methods may be called from any number of threads at once."""

    @property
    @abstractmethod
    def codec(self) -> str:
        """Name of its own format, written into the envelope, for example ``pickle5``."""

    @abstractmethod
    def dumps(self, value: Any, /) -> Serialized:
        """Serialize one value. Files that it names are looked up, but not read.

        Raises:
            UnserializableError: with the path to the offending part.
        """

    @abstractmethod
    def loads(self, buffers: Sequence[Buffer], /, files: Sequence[str | StoredFile] = (), codec: str = "") -> Any:
        """Rebuild the value from what ``dumps`` returned. Large parts of it may be views of the buffers.

        Args:
            buffers: as they were returned.
            files: for each file, the local path that it was brought to; or what it is in the store, if it stays there.
            codec: as it was returned.

        Raises:
            UndecodableResultError: the bytes are sound, but something that they name is missing here.
        """
