"""The Serializer port: how values become bytes."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from mops.core.files import AnyFile, Arrived, SharedObject
from mops.core.ports.blob_store import Buffer

Shared: TypeAlias = Mapping[int, Callable[[bool], SharedObject]]
"""By the ``id`` of an object that has a blob of its own: makes what stands for it, asked where it is met.

It is told whether the object is met inside of what travels as it is written, see ``AsWritten``.
"""
NOT_SHARED: Final[Shared] = {}


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
    def dumps(self, value: Any, /, shared: "Shared" = NOT_SHARED) -> Serialized:
        """Serialize one value. Files that it names are hashed, and left where they are.

        Raises:
            UnserializableError: with the path to the offending part.
        """

    @abstractmethod
    def loads(self, buffers: Sequence[Buffer], /, files: Sequence[Arrived] = (), codec: str = "") -> Any:
        """Rebuild the value from what ``dumps`` returned. Large parts of it may be views of the buffers.

        Args:
            buffers: as they were returned.
            files: what became of each file.
            codec: as it was returned.

        Raises:
            UndecodableResultError: the bytes are sound, but something that they name is missing here.
        """
