"""How an outcome is published: a value as the result of its generation, a failure as the end of its epoch."""

from mops.core import payload
from mops.core.answers import Ran, Ticket
from mops.core.blob_layout import Memo, result_slot
from mops.core.claim import FAILED, Epoch, close, create, key
from mops.core.effects import Describe, Issue, Published, Steps
from mops.core.envelope import RESULT, header_json, seal
from mops.core.errors import FileChanged
from mops.core.ports.blob_store import Buffer
from mops.core.ports.serializer import Serializer
from mops.core.stored_value import StoredValue


def result_parts(
    memo: Memo, generation: int, epoch: int, ran: Ran, ticket: Ticket, codec: str, value: StoredValue
) -> list[Buffer]:  # fmt: skip
    """The blob of a result."""
    header = header_json(
        codec=value.codec or codec,
        epoch=epoch,
        session=ticket.session,
        nonce=ticket.nonce,
        utc=ticket.utc,
        started=ran.started,
        elapsed=ran.elapsed,
        producer=ticket.producer,
        **({} if ran.peak_memory is None else {"peak_memory": ran.peak_memory}),
        **({"remark": ran.remark} if ran.remark else {}),
        **value.header(),
    )
    return seal(
        RESULT,
        owner=memo.digest,
        slot=result_slot(generation),
        fingerprint=memo.fingerprint,
        header=header,
        segments=value.segments,
        flags=value.flags,
    )


def prepare(
    memo: Memo, generation: int, epoch: int, ran: Ran, serializer: Serializer, patience: float, sync_after: float
) -> Steps[list[Buffer]]:  # fmt: skip
    """Serialize a value, store its large parts, and make the blob of the result.

    Raises:
        UnserializableError: nothing was stored.
        FileChanged: a file of the value changed while it was stored, or one that the call is keyed by.
    """
    if ran.changed:
        raise FileChanged(ran.changed)
    serialized = serializer.dumps(ran.result.value)
    ran.size = sum(map(len, serialized.buffers))
    value = yield from payload.store(serialized, patience, durable=ran.elapsed >= sync_after)
    ran.size += sum(file.size for file in value.files)
    ticket = yield Issue()
    return result_parts(memo, generation, epoch, ran, ticket, serializer.codec, value)


def publish(
    memo: Memo, generation: int, parts: list[Buffer], patience: float, *, durable: bool
) -> Steps[bool]:  # fmt: skip
    """Publish a result: the first one of a generation stands. ``True`` if it is ours."""
    blob_key = key(memo, result_slot(generation))
    ours = yield from create(blob_key, parts, patience)
    if ours and durable:
        yield from payload.sync(blob_key)
    yield Published(memo.folder)
    return ours


def fail(memo: Memo, epoch: Epoch, error: BaseException, patience: float) -> Steps[None]:
    """End an epoch with an exception, unless another remote has adopted it in the meantime: it is not ours any more."""
    record = yield Describe(error)
    mine = epoch.adopted_by
    while epoch.adopted_by is mine and not (yield from close(memo, epoch, FAILED, patience, record)):
        pass  # the holder left in the meantime
    yield Published(memo.folder)
