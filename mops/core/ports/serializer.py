"""The Serializer port: how values become bytes."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from mops.core.ports.blob_store import Buffer


class Serializer(Protocol):
    """Turns values into buffers and back. All methods may be called from any number of threads at once."""

    @property
    @abstractmethod
    def codec(self) -> str:
        """Name of the format, written into the envelope, for example ``pickle5``."""

    @abstractmethod
    def dumps(self, value: Any, /) -> Sequence[Buffer]:
        """Serialize one value.

        Returns:
            The stream, then the out-of-band buffers it refers to, which are views of the value's own memory: they are
            not copied, and must be written before the value is changed.

        Raises:
            UnserializableError: with the path to the offending part.
        """

    @abstractmethod
    def loads(self, buffers: Sequence[Buffer], /) -> Any:
        """Rebuild the value from what ``dumps`` returned. Large parts of it may be views of the buffers.

        Raises:
            UndecodableResultError: the bytes are sound, but something that they name is missing here.
        """
