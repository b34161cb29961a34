"""Who computed a result, where, when, for how long, with which versions."""

from collections.abc import Mapping
from typing import Any

from mops.core.blob_layout import Memo, result_slot
from mops.core.call import Answer
from mops.core.claim import key
from mops.core.envelope import RESULT, Envelope, unseal
from mops.core.errors import UnverifiedBlob
from mops.core.ports.blob_store import BlobStore


def metadata_of(store: BlobStore, memo: Memo, answer: Answer) -> Mapping[str, Any]:
    """The metadata of an answer; read from the store where this process published it itself.

    Raises:
        StoreError: it cannot be read.
    """
    envelope = answer.envelope or _stored(store, memo)
    if envelope is None:
        return {}
    header = envelope.header()
    code = envelope.fingerprint.hex()
    return {"memo_uri": f"{store.uri}/{memo.folder}", "fingerprint": code, "hit": answer.hit, **header}


def _stored(store: BlobStore, memo: Memo) -> Envelope | None:
    generation = 0
    while (data := store.get(key(memo, result_slot(generation)))) is not None:
        try:
            envelope = unseal(data, owner=memo.digest, slot=result_slot(generation))
        except UnverifiedBlob:
            pass  # as lookups pass it over
        else:
            if envelope.kind == RESULT:
                return envelope
        generation += 1
    return None
