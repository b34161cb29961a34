"""Signatures by keys that all who sign and verify share: BLAKE3 in its keyed mode."""

from collections.abc import Sequence
from hmac import compare_digest
from typing import Final, NoReturn, final

from blake3 import blake3

from mops.core.ports.signatures import Signer, Verifier

_PURPOSE: Final = "mops-run 2026-11 signatures of stored records"
_SIZE: Final = 64


@final
class KeyedBlake3(Signer, Verifier):
    """Signs with the first of some secret keys, and believes all of them. It does not pickle, and shows no key.

    Args:
        secrets: any bytes that nobody can guess.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(blake3(secret, derive_key_context=_PURPOSE).digest() for secret in secrets)

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
        return isinstance(other, KeyedBlake3) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(self._keys)

    def __reduce__(self) -> NoReturn:
        raise TypeError("signing keys do not travel: each process has them from its own environment")

    def __repr__(self) -> str:
        return f"<{len(self._keys)} signing keys>"


def _signature(message: bytes, key: bytes) -> bytes:
    return blake3(message, key=key).digest(length=_SIZE)
