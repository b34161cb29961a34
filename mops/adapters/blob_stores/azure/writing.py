"""Writing blobs: by one request where they are small, else by blocks that count from the commit of their list on."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, BlobClient

from mops.adapters.blob_stores.azure.clients import AT_ONCE, PIECE, SINGLE
from mops.adapters.blob_stores.azure.errors import BLOCKS_GONE, STANDS, archived, folder_stands, means
from mops.adapters.blob_stores.azure.reading import is_folder, properties
from mops.adapters.files.copying import UnreadableSource, hashed_pieces, source
from mops.adapters.pieces import in_order
from mops.core.canonical.leaves import content_digest
from mops.core.errors import FileChanged, StoreUnavailable
from mops.core.ports.blob_store import Buffer
from mops.core.ports.transfers import Advance

_CONTENT: Final = "mopscontent"  # names the digest of its content in the metadata of a blob
_MOST_BLOCKS: Final = 50_000  # of a blob
_ATTEMPTS: Final = 8


class Write:
    """One write of one blob, which is known again by the digest of its content.

    A name of its own would not do: who was not answered for long asks for the same write anew, by another one of these.

    Args:
        blob: the blob.
        uri: of the blob, for errors.
        replacing: whether it may stand.
    """

    def __init__(self, blob: BlobClient, uri: str, *, replacing: bool = False) -> None:
        self._blob = blob
        self._uri = uri
        self._name = os.urandom(16).hex()  # of its blocks
        self._content = ""
        self._refused_by_nothing = False
        self._condition: dict[str, Any] = {} if replacing else {"match_condition": MatchConditions.IfMissing}

    def put(self, parts: Sequence[Buffer]) -> bool:
        """Write the parts, one after the other; whether the blob that stands is of this write, or of the same bytes."""
        size = sum(map(len, parts))
        self._content = content_digest(*parts).hex()
        if size <= SINGLE:
            return self._settle(lambda: self._put(b"".join(parts)))
        if self._condition and (ours := self._is_ours()) is not None:
            return ours  # and nothing was sent
        return self._settle(lambda: self._put_blocks(_joined(parts, _block_size(size)), None))

    def put_file(self, path: str, digest: bytes, advance: Advance | None) -> bool:
        """As ``put``, with the content of a file that has a digest.

        Raises:
            FileChanged: it has another one, or cannot be read.
        """
        self._content = digest.hex()
        if self._is_ours() is not None:
            return False
        try:
            return self._settle(lambda: self._put_file(path, digest, advance))
        except UnreadableSource as error:
            raise FileChanged.told_by(path, error.reason) from error.reason

    def _put_file(self, path: str, digest: bytes, advance: Advance | None) -> None:
        with source(path) as fd:
            size = os.fstat(fd).st_size
            if size <= SINGLE:
                content = b"".join(hashed_pieces(fd, path, size, SINGLE, digest))
                self._put(content)
                if advance is not None:
                    advance(len(content))
                return
            self._put_blocks(hashed_pieces(fd, path, size, _block_size(size), digest), advance)

    def _put(self, content: bytes) -> None:
        # To a conditional Put Blob, the emulator at least, blocks that somebody sent and never committed are a blob.
        if self._refused_by_nothing:
            self._put_blocks([content] if content else [], None)
            return
        self._blob.upload_blob(
            content,
            length=len(content),
            overwrite=not self._condition,
            metadata={_CONTENT: self._content},
            **self._condition,
        )

    def _put_blocks(self, blocks: Iterable[bytes], advance: Advance | None) -> None:
        """Send the blocks, several at once; once all were there, they are the blob."""
        staged: list[BlobBlock] = []
        for name, size in in_order(self._stage, enumerate(blocks), AT_ONCE):
            staged.append(BlobBlock(name))
            if advance is not None:
                advance(size)
        self._blob.commit_block_list(staged, metadata={_CONTENT: self._content}, **self._condition)

    def _stage(self, numbered: tuple[int, bytes]) -> tuple[str, int]:
        number, block = numbered
        name = f"{self._name}{number:05}"  # nobody else's, and as long as all others of the blob
        self._blob.stage_block(name, block, length=len(block))
        return name, len(block)

    def _settle(self, write: Callable[[], None]) -> bool:
        for _ in range(_ATTEMPTS):
            try:
                write()
            except HttpResponseError as error:
                if not means(error, BLOCKS_GONE | STANDS if self._condition else BLOCKS_GONE):
                    raise
            else:
                return True
            ours = self._is_ours()
            if ours is not None and (ours or self._condition):
                return ours
            self._refused_by_nothing = True
        raise StoreUnavailable(f"cannot write {self._uri}: it keeps appearing and vanishing")

    def _is_ours(self) -> bool | None:
        """Whether the blob that stands has the content of this write; ``None`` if nothing stands any more."""
        found = properties(self._blob)
        if found is None:
            return None
        if is_folder(found.metadata):
            raise folder_stands(self._uri)
        if found.blob_tier == "Archive":
            raise archived(self._uri)
        return (found.metadata or {}).get(_CONTENT) == self._content


def _block_size(size: int) -> int:
    return max(PIECE, -(-size // _MOST_BLOCKS))


def _joined(parts: Sequence[Buffer], size: int) -> Iterator[bytes]:
    """The bytes of all parts, in blocks of a size; no more than one of them is held."""
    block = bytearray()
    for part in parts:
        view, at = memoryview(part), 0
        while at < len(view):
            taken = view[at : at + size - len(block)]
            block += taken
            at += len(taken)
            if len(block) == size:
                yield bytes(block)
                block.clear()
    if block:
        yield bytes(block)
