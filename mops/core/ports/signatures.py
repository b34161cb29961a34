"""The signature ports: who vouches for what is stored, and who believes it.

What is signed is one message for each record: where it stands, and the digest of all that it holds.
"""

from abc import abstractmethod
from typing import Protocol


class Signer(Protocol):
    """Vouches for messages. May be called from any number of threads at once.

    Attributes:
        algorithm: 1 to 255; stands beside each signature, and says how it is verified. 1 is ``HmacSha512``.
    """

    @property
    @abstractmethod
    def algorithm(self) -> int: ...

    @abstractmethod
    def sign(self, message: bytes, /) -> bytes:
        """The signature of a message, at most 64 bytes. Equal messages have equal signatures: writes are repeated."""


class Verifier(Protocol):
    """Knows whom to believe. May be called from any number of threads at once."""

    @abstractmethod
    def believes(self, message: bytes, algorithm: int, signature: bytes, /) -> bool:
        """Whether somebody who is trusted signed the message.

        Args:
            message: what is to have been signed.
            algorithm: the number that stands beside the signature; one that is not known is not believed.
            signature: 64 bytes, a shorter one followed by zeros.
        """
