"""The value of a past call, for whoever asks for it by its URI: the one reader that runs code of the store."""

from typing import Any

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.records.history import PastCall
from mops.api.worlds import world_of
from mops.core import payload
from mops.core.claim import key
from mops.core.envelope import unseal
from mops.core.errors import CorruptBlob
from mops.runtime.inline import drive
from mops.runtime.session import DEFAULT_HEARTBEAT


def stored_value(past: PastCall) -> Any:
    """Unpickle the value of a call that is stored. Whoever wrote the pickle decides what code that runs.

    Raises:
        CorruptBlob: it is not what was written; nothing was unpickled.
        UndecodableResultError: it cannot be decoded in this process.
        StoreError: the store cannot be read.
    """
    slot = past.result.slot if past.result is not None else "r0"
    data = past.store.get(key(past.memo, slot))
    if data is None:
        raise CorruptBlob(f"{past.uri}/{slot} is gone")
    envelope = unseal(data, owner=past.memo.digest, slot=slot)
    world = world_of(past.store, DEFAULT_HEARTBEAT)
    return PicklingSerializer().loads(*drive(payload.fetch(envelope, 0), world.perform))
