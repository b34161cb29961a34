"""The port through which somebody follows transfers: large values and files on their way to and from a store."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

Advance: TypeAlias = Callable[[int], None]
"""Is told of the bytes that were moved since it was told last, by any thread."""


class Transfers(Protocol):
    """Is told when a transfer begins, how far it is, and when it ends; shows that to people, say.

    All methods may be called from any number of threads at once.
    """

    @abstractmethod
    def begin(self, name: str, total: int | None, /) -> AbstractContextManager[Advance | None]:
        """A transfer begins, and ends with the context, however that ends.

        Args:
            name: for people: what is done to what, such as ``storing model.npy``.
            total: bytes; ``None`` where nobody knows.

        Returns:
            The context. It gives what is to be told of the bytes; ``None`` where nobody wants to know.
        """
