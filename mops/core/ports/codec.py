"""The Codec port: how results of one type are stored in a format of their own."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import NotImplementedType
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from mops.core.ports.blob_store import Buffer

T = TypeVar("T")


Reductions: TypeAlias = Mapping[type, Callable[[Any], Any]]
"""How values of some types are pickled: each function gives what ``__reduce_ex__`` would."""

NO_REDUCTIONS: Final[Reductions] = {}


class Codec(Protocol[T]):
    """Stores values of one type so that others can read them. All methods may be called by any number of threads.

    The law is ``decode(encode(value))``: it has the exact type of the value and the same memo key.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the format: it stands in what is stored, so it is never used for another one."""

    @abstractmethod
    def encode(self, value: T, /) -> Sequence[Buffer] | NotImplementedType:
        """Give the bytes of a value, in pieces that are stored one after the other.

        Neither changes nor keeps the value. Pieces may be views of its memory: large ones should be, so that they are
        not copied; they are written before anybody changes the value. The same value gives the same bytes again.

        Returns:
            The pieces; ``NotImplemented`` for a value that would not come back exactly: it is pickled.
        """

    @abstractmethod
    def decode(self, buffer: Buffer, /) -> T:
        """Rebuild a value from its bytes.

        Args:
            buffer: all of it, contiguous. A writable one belongs to the value, which may use its memory, and should
                where it is large: it is a private copy-on-write map. A read-only one may be shared, so a value that
                can be changed is built from a copy.
        """


class Codecs(Protocol):
    """The codecs of this process. All methods may be called from any number of threads at once."""

    @abstractmethod
    def encode(self, value: Any, /) -> tuple[str, Sequence[Buffer]] | None:
        """Give the name for the record and the pieces; ``None`` for a value that is pickled, at almost no cost.

        Raises:
            UnserializableError: the codec failed.
        """

    @abstractmethod
    def decode(self, name: str, buffer: Buffer, /) -> Any:
        """Rebuild a value.

        Raises:
            UndecodableResultError: the codec failed, or there is none of that name.
        """

    @abstractmethod
    def reductions(self) -> Reductions:
        """How to pickle what would copy large buffers into its pickle otherwise."""
