"""Signatures by keys that all who sign and verify share: HMAC with SHA-512 (RFC 2104, RFC 6234)."""

from collections.abc import Sequence
from hmac import compare_digest, digest
from typing import Final, NoReturn, final

from mops.core.ports.signatures import Signer, Verifier

_PURPOSE: Final = b"mops-run 2026-11 signatures of stored records\0"
"""Comes before each message, so that no other use of a key makes a signature."""


@final
class HmacSha512(Signer, Verifier):
    """Signs with the first of some secret keys, and believes all of them. It does not pickle, and shows no key.

    Args:
        secrets: any bytes that nobody can guess.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(secrets)

    @property
    def algorithm(self) -> int:
        """Its number."""
        return 1

    def sign(self, message: bytes, /) -> bytes:
        """See ``Signer``."""
        return _signature(message, self._keys[0])

    def believes(self, message: bytes, algorithm: int, signature: bytes, /) -> bool:
        """See ``Verifier``. The time that it takes says nothing of the signature."""
        return algorithm == self.algorithm and any(
            compare_digest(_signature(message, key), signature) for key in self._keys
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HmacSha512) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(self._keys)

    def __reduce__(self) -> NoReturn:
        raise TypeError("signing keys do not travel: each process has them from its own environment")

    def __repr__(self) -> str:
        return f"<{len(self._keys)} signing keys>"


def _signature(message: bytes, key: bytes) -> bytes:
    return digest(key, _PURPOSE + message, "sha512")
