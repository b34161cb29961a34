"""A blob store whose records are signed when they are written, and verified before anybody opens them.

It stands around another store, so that whoever reads through it - a lookup, a remote, the command line - is given no
record that it must not believe. What is stored by content is named, by its digest, in records.
"""

from collections.abc import Callable, Iterator
from typing import Final, final

from mops.core.blob_layout import RECORDS
from mops.core.envelope import MAGIC, Refused, signature_of, signed
from mops.core.ports.blob_store import BlobInfo, BlobStore, Buffer, SupportsLayers
from mops.core.ports.signatures import Signer, Verifier

_UNSIGNED: Final = "it is not signed"
_UNKNOWN: Final = "no key that is known here signed it for this place"
_GIVES_THE_BYTES: Final = frozenset(("put_content", "get_content"))
_PASSED_ON: Final = _GIVES_THE_BYTES | {"put_file_if_absent", "get_file", "file_size", "sync", "probe"}
"""Members of capabilities that read and write no records; a store has some of them. Others are not offered: what would
read a record past this store must not be found."""


@final
class SignedBlobStore(BlobStore):
    """Another store, with signatures. It has the store's capabilities, as far as they concern no records.

    A record that nobody who is trusted signed is ``Refused``: it is there, and it cannot be opened.

    Args:
        store: the other one.
        signer: signs what is written; ``None``: nothing is signed.
        verifier: says who is believed; ``None``: everybody.
        report: told, once for this store, that it holds what is not signed, and once of each record that somebody else
            signed, or that was signed for another place.
        changes: others may change bytes after they were read from the store, as those of a file that is mapped. Then
            nothing is read but private copies: what was verified is what is decoded.
    """

    def __init__(
        self,
        store: BlobStore,
        signer: Signer | None,
        verifier: Verifier | None,
        report: Callable[[str], None],
        *,
        changes: bool = False,
    ) -> None:
        self._store = store
        self._signer = signer
        self._verifier = verifier
        self._report = report
        self._reported: set[str] = set()
        self._changes = changes
        passed_on = _PASSED_ON if not changes else _PASSED_ON - _GIVES_THE_BYTES
        vars(self).update({name: getattr(store, name) for name in passed_on if hasattr(store, name)})
        if isinstance(store, SupportsLayers):
            vars(self)["layers"] = [SignedBlobStore(layer, signer, verifier, report) for layer in store.layers]

    @property
    def uri(self) -> str:
        """That of the store inside."""
        return self._store.uri

    @property
    def changes(self) -> bool:
        """See above."""
        return self._changes

    @property
    def expires(self) -> float | None:
        """That of the store inside; see ``SupportsExpiry``."""
        return getattr(self._store, "expires", None)

    def get(self, key: str, /) -> Buffer | None:
        """See ``BlobStore``; what must not be believed is ``Refused``."""
        data = self._store.get(key)
        if self._changes and isinstance(data, memoryview):
            data = memoryview(bytearray(data))
        if data is None or self._verifier is None or not key.startswith(RECORDS):
            return data
        claimed = signature_of(data)
        if claimed is None:
            return data  # no envelope: whoever opens it finds it damaged
        algorithm, digest, signature = claimed
        if algorithm and self._verifier.believes(_message(key, digest), algorithm, signature):
            return data
        return self._refuse(key, _UNKNOWN if algorithm else _UNSIGNED)

    def _refuse(self, key: str, why: str) -> Refused:
        topic = key if why == _UNKNOWN else why
        if topic not in self._reported:
            self._reported.add(topic)
            others = "" if why == _UNKNOWN else "; nor are others under this root, perhaps"
            self._report(f"{self.uri}/{key} is not used: {why}{others}")
        return Refused(why.encode())

    def put_if_absent(self, key: str, /, *parts: Buffer) -> bool:
        """See ``BlobStore``."""
        return self._store.put_if_absent(key, *self._signed(key, parts))

    def put(self, key: str, /, *parts: Buffer) -> None:
        """See ``BlobStore``."""
        self._store.put(key, *self._signed(key, parts))

    def _signed(self, key: str, parts: tuple[Buffer, ...]) -> tuple[Buffer, ...] | list[Buffer]:
        if self._signer is None or not key.startswith(RECORDS) or len(parts) < 2 or parts[0][: len(MAGIC)] != MAGIC:
            return parts
        sign = self._signer.sign
        return signed(parts, self._signer.algorithm, lambda digest: sign(_message(key, digest)))

    def list(self, prefix: str = "", /, *, after: str = "") -> Iterator[BlobInfo]:
        """See ``BlobStore``. A listing says nothing of signatures."""
        return self._store.list(prefix, after=after)

    def delete(self, key: str, /) -> None:
        """See ``BlobStore``."""
        self._store.delete(key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SignedBlobStore) and other._parts == self._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[BlobStore, Signer | None, Verifier | None]:
        return self._store, self._signer, self._verifier

    def __repr__(self) -> str:
        return f"<{self._store!r}, signed>"


def _message(key: str, digest: bytes) -> bytes:
    """What is signed: all that a record holds, and where it stands, so that none passes for another."""
    return key.encode() + b"\0" + digest
