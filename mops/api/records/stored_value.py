"""The value of a past call, for whoever asks for it by its URI: the one reader that runs code of the store."""

from collections.abc import Sequence
from typing import Any

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.codec_registry import registry as codecs
from mops.api.records.history import PastCall
from mops.api.worlds import world_of
from mops.core import payload
from mops.core.claim import key
from mops.core.envelope import Envelope, Segment, unseal
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
    world = world_of(past.store, DEFAULT_HEARTBEAT)
    return PicklingSerializer(codecs).loads(*drive(payload.fetch(_envelope(past), 0), world.perform))


def stored_segments(past: PastCall) -> Sequence[Segment]:
    """What the value of a call that is stored consists of, beside its files.

    Raises:
        CorruptBlob, StoreError: as ``stored_value``.
    """
    return _envelope(past).segments()


def _envelope(past: PastCall) -> Envelope:
    slot = past.result.slot if past.result is not None else "r0"
    data = past.store.get(key(past.memo, slot))
    if data is None:
        raise CorruptBlob(f"{past.uri}/{slot} is gone")
    return unseal(data, owner=past.memo.digest, slot=slot)
