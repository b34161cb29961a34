"""Use cases that start nothing: what is stored of a call, and what somebody else's execution of it comes to."""

from collections.abc import Sequence

from mops.core import payload
from mops.core.blob_layout import Memo
from mops.core.call import Answer, Call
from mops.core.claim import Epoch, current, last_claimed, read_epoch, read_log, void_corrupt
from mops.core.effects import Now, Steps, Wait
from mops.core.envelope import Envelope
from mops.core.errors import CorruptBlob, NothingToAttachTo
from mops.core.ownership import over
from mops.core.ports.blob_store import Buffer
from mops.core.result import Success


def peek(call: Call) -> Steps[Answer | None]:
    """What is stored of a call: its value, else the failure of its last epoch, else nothing.

    It starts nothing and waits for nobody.

    Raises:
        StoreError: the store cannot be read.
    """
    patience = call.timing.first_look
    generation, envelope = yield from current(call.memo, 0, patience)
    if envelope is not None:
        return (yield from load(call, generation, envelope, hit=True))
    epoch = yield from _last_epoch(call.memo, patience)
    if epoch is None:
        return None
    yield from read_log(call.memo, epoch, patience)
    return Answer(epoch.end.failure) if epoch.end is not None and epoch.end.failure is not None else None


def _last_epoch(memo: Memo, patience: float) -> Steps[Epoch | None]:
    first = yield from read_epoch(memo, 1, patience)
    if first is None:
        return None
    number = yield from last_claimed(memo, 1, patience)
    return first if number == 1 else (yield from read_epoch(memo, number, patience))


def attend(call: Call) -> Steps[Answer]:
    """Wait for an execution that others started: its value, else its failure.

    It claims nothing; an epoch whose owner is dead is ended, as any observer may.

    Raises:
        NothingToAttachTo: nothing is stored, and nobody runs it.
        StoreError: the store was out of reach for too long.
    """
    generation, epoch, since = 0, (yield from _last_epoch(call.memo, call.timing.first_look)), (yield Now())
    while True:
        generation, envelope = yield from current(call.memo, generation, call.timing.in_flight)
        if envelope is not None:
            answer = yield from load(call, generation, envelope, hit=True)
            if answer is not None:
                return answer
            generation += 1
        if epoch is None:
            raise NothingToAttachTo("nothing is stored of this call, and nobody runs it")
        if (yield from _may_still_start(call, epoch)) or not (
            yield from over(call.memo, epoch, generation, call.timing)
        ):
            yield Wait(call.timing.until_next_look((yield Now()) - since), call.memo.folder)
            continue
        last, epoch = epoch, (yield from read_epoch(call.memo, epoch.number + 1, call.timing.in_flight))
        if epoch is None and last.end is not None and last.end.failure is not None:
            return Answer(last.end.failure)


def _may_still_start(call: Call, epoch: Epoch) -> Steps[bool]:
    """Whether a command may be on its way that nobody has heard of yet, though the one who started it has left."""
    yield from read_log(call.memo, epoch, call.timing.in_flight)
    if epoch.log or epoch.claim is None or not epoch.claim.is_for_a_remote:
        return False
    return not epoch.watch.see("unheard of", (yield Now()), call.timing.start_timeout)


def load(call: Call, generation: int, envelope: Envelope, *, hit: bool = False) -> Steps[Answer | None]:
    """Decode a stored value. ``None`` where its payload is gone or damaged: then it has been voided."""
    try:
        fetched = yield from payload.fetch(envelope, call.timing.in_flight)
    except CorruptBlob as error:
        yield from void_corrupt(call.memo, generation, str(error.args[0]), call.timing.in_flight)
        return None
    return Answer(Success(call.serializer.loads(*fetched)), envelope, hit=hit)


def decode(call: Call, envelope: Envelope, buffers: Sequence[Buffer], *, hit: bool) -> Answer:
    """Decode a value whose bytes are all here, in the serializer's own format."""
    return Answer(Success(call.serializer.loads(buffers)), envelope, hit=hit)
