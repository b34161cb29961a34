"""What values have under ``blob/`` and ``out/`` of several stores: looked for in order, written to the first."""

from collections.abc import Callable, Sequence
from typing import Any, Final, final

from mops.core.errors import CorruptBlob
from mops.core.files import StoredFile
from mops.core.ports.blob_store import Buffer
from mops.runtime.contents import Contents


@final
class LayeredContents:
    """``Contents`` of several layers. All methods may be called from any number of threads at once.

    Each layer moves its files in its own way, and has its own copies on this machine.

    Args:
        first: takes everything that is stored.
        behind: where the rest is looked for, in order.
    """

    def __init__(self, first: Contents, behind: Sequence[Contents]) -> None:
        self._first = first
        self._behind = behind
        self.put_payload: Final = first.put_payload
        self.put: Final = first.put

    def get_payload(self, digest: bytes, size: int) -> Buffer | None:
        """See ``Contents``."""
        data: Buffer | None = self._searched(lambda layer: layer.get_payload(digest, size))
        return data

    def fetch(self, file: StoredFile) -> str | None:
        """See ``Contents``."""
        path: str | None = self._searched(lambda layer: layer.fetch(file))
        return path

    def find(self, file: StoredFile) -> StoredFile | None:
        """See ``Contents``. What lies behind the first is named by an absolute URI: so the first alone can be read."""
        found = self._first.find(file)
        if found is not None:
            return found
        for layer in self._behind:
            found = layer.find(file)
            if found is not None:
                uri = f"{found.root.rstrip('/')}/{found.key}" if found.root else found.key
                return StoredFile(uri, found.digest, found.size, found.kind, found.name)
        return None

    def _searched(self, look: Callable[[Contents], Any]) -> Any:
        """What the first layer gives that has it undamaged.

        Raises:
            CorruptBlob: of the first layer that has it, where no other has it undamaged.
        """
        damage: CorruptBlob | None = None
        for layer in (self._first, *self._behind):
            try:
                found = look(layer)
            except CorruptBlob as error:
                damage = damage or error
                continue
            if found is not None:
                return found
        if damage is not None:
            raise damage
        return None
