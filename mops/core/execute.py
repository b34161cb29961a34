"""The remote's use case: adopt an epoch, run its call, publish what it came to.

A remote is two processes: a supervisor, which adopts, keeps the heartbeat and reports a death, and its child, which
serves the call. So a function that never lets go of the interpreter, or kills it, is seen and said.
"""

from typing import Final

from mops.core.answers import GONE, Pulse, Ran
from mops.core.blob_layout import Memo, log_slot, result_slot
from mops.core.claim import (
    STALE_AFTER,
    Adoption,
    Claim,
    Epoch,
    Watch,
    adoption_parts,
    create,
    key,
    read_epoch,
    read_log,
)
from mops.core.effects import Get, Issue, KnownDead, Look, Run, Spool, Steps, Wait
from mops.core.errors import FileChanged, ShellFailed, StoreError, UnserializableError
from mops.core.files import LocalFile
from mops.core.ownership import unheard
from mops.core.patience import patiently
from mops.core.ports.serializer import Serialized, Serializer
from mops.core.publish import fail, prepare, publish
from mops.core.result import Failure
from mops.core.timing import Timing

_POLL: Final = 3.0


def adopt(memo: Memo, number: int, timing: Timing) -> Steps[Epoch | None]:
    """Become the owner of an epoch; where another remote is, wait for its result or its death.

    Returns:
        The epoch, adopted by this process, or ``None`` where there is nothing left to do.

    Raises:
        ShellFailed: nobody claimed that epoch, or nobody who is trusted here.
    """
    epoch = yield from read_epoch(memo, number, timing.in_flight)
    if epoch is None:
        raise ShellFailed(f"nothing claims epoch {number} of {memo.folder}")
    if epoch.refused:
        raise ShellFailed(f"the claim of epoch {number} of {memo.folder} is not believed here: {epoch.refused}")
    if epoch.claim is None:
        return None
    while not (yield from _took(memo, epoch, timing)):  # tried first: most epochs have no log yet
        if not (yield from _vacant(memo, epoch, epoch.claim, timing)):
            return None
    return epoch


def _took(memo: Memo, epoch: Epoch, timing: Timing) -> Steps[bool]:
    """Write our adoption at the slot after the log that we know."""
    slot = log_slot(epoch.number, len(epoch.log) + 1)
    ticket = yield Issue()
    if not (yield from create(key(memo, slot), adoption_parts(memo, slot, ticket), timing.in_flight)):
        return False
    epoch.log.append(Adoption({"session": ticket.session, "nonce": ticket.nonce}))
    return True


def _vacant(memo: Memo, epoch: Epoch, claim: Claim, timing: Timing) -> Steps[bool]:
    """Wait until the remote that adopted before us is gone or dead; ``False`` where there is nothing left to do."""
    watch = Watch()
    while True:
        yield from read_log(memo, epoch, timing.in_flight)
        if epoch.end is not None:
            return False
        if not (yield from _alive(epoch, watch, timing)):
            return True
        if (yield from _decided(memo, claim.generation, timing)):
            return False
        yield Wait(_POLL)


def _alive(epoch: Epoch, watch: Watch, timing: Timing) -> Steps[bool]:
    """Whether the remote that adopted before us may still be running."""
    other = epoch.adopted_by
    if not isinstance(other, Adoption):
        return other is not None and not (yield from unheard(epoch, watch))
    pulse: Pulse = yield from patiently(Look(other.session), timing.in_flight)
    if pulse.token == GONE or (yield KnownDead(other.producer)):
        return False
    return not watch.see((len(epoch.log), pulse.token), pulse.seen_at, STALE_AFTER * pulse.interval)


def _decided(memo: Memo, generation: int, timing: Timing) -> Steps[bool]:
    return (yield from patiently(Get(key(memo, result_slot(generation))), timing.in_flight)) is not None


def serve(memo: Memo, epoch: Epoch, serializer: Serializer, timing: Timing) -> Steps[None]:
    """Run the call of an epoch that this remote adopted, and publish its outcome.

    Raises:
        StoreError: the outcome could not be published; where there was a value, the error names the file that holds it.
    """
    claim = epoch.claim
    assert claim is not None
    if (yield from _decided(memo, claim.generation, timing)):
        return  # since adopting, we may have slept through a takeover
    ran: Ran = yield Run()
    if ran.forked:
        return
    if isinstance(ran.result, Failure):
        yield from fail(memo, epoch, ran.result.exception, timing.in_flight)
        return
    try:
        parts = yield from prepare(
            memo, claim.generation, epoch.number, ran, serializer, timing.in_flight, timing.sync_after
        )
    except (FileChanged, UnserializableError) as error:
        yield from fail(memo, epoch, error, timing.in_flight)
    except StoreError as error:
        yield from _keep(memo, epoch, serializer.dumps(ran.result.value), error, timing)
    else:
        try:
            yield from publish(
                memo, claim.generation, parts, timing.in_flight, durable=ran.elapsed >= timing.sync_after
            )
        except StoreError as error:
            yield from _keep(memo, epoch, Serialized(parts), error, timing)


def _keep(memo: Memo, epoch: Epoch, result: Serialized, error: StoreError, timing: Timing) -> Steps[None]:
    """Keep a result that the store did not take on this machine, and fail with its name."""
    files = [file for file in result.files if isinstance(file, LocalFile)]
    path = yield Spool(f"{memo.digest.hex()}-e{epoch.number}", result.buffers, files)
    error.advice = f"the result was computed and is kept in {path} on the machine that ran it"
    try:
        yield from fail(memo, epoch, error, timing.first_look)
    except StoreError:
        pass  # a store that takes no result may well take no failure: whoever started us is told by our exit
    raise error
