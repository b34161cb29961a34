"""Who owns an epoch, how its holder leaves it, and how others take it over.

The owner of an epoch is the last remote that adopted it, unless its session is gone; then, or before any adoption, the
holder of the claim, until it leaves. Others take an epoch over when its owner is stale, or when nobody owns it and
their Shell finds no command that was started for it. They end exactly the slot after the log that they judged: if
somebody adopted meanwhile, they have to judge anew.
"""

from typing import Any, Final

from mops.core.answers import GONE, Job, Pulse
from mops.core.blob_layout import Memo, claim_slot, log_slot
from mops.core.claim import (
    CANCELLED,
    FAILED,
    LEFT,
    STALE_AFTER,
    TAKEN_OVER,
    Claim,
    End,
    Epoch,
    Leave,
    Unreadable,
    Watch,
    close,
    create,
    end_parts,
    entry,
    key,
    leave_parts,
    read_log,
    read_log_record,
)
from mops.core.effects import Ask, Attach, Describe, Exit, Get, Held, Issue, KnownDead, Look, Now, Steps
from mops.core.errors import StartTimeout
from mops.core.patience import patiently
from mops.core.ports.blob_store import Buffer
from mops.core.timing import Timing

_UNKNOWN_INTERVAL: Final = 10.0
"""Seconds between the beats of a session whose heartbeat nobody can find."""


def release(
    memo: Memo, number: int, claim: list[Buffer], name: str, patience: float, *, cancel: bool = False
) -> Steps[None]:
    """Leave an epoch that this process claimed, or was about to.

    It is ended where no remote adopted it; else it is written that its holder left.

    Writing the claim once more settles whether it was ever written. With ``cancel``, the epoch is ended even where a
    remote adopted it. ``name`` is the claim's ``entry``.
    """
    if (yield from create(key(memo, claim_slot(number)), claim, patience)):
        position, ended = 1, False
        while not ended:
            slot = log_slot(number, position)
            ticket = yield Issue()
            if position == 1 or cancel:
                parts = end_parts(memo, slot, ticket, CANCELLED if cancel else LEFT)
            else:
                parts = leave_parts(memo, slot, ticket)
            ended = yield from create(key(memo, slot), parts, patience)
            if not ended:
                data = yield from patiently(Get(key(memo, slot)), patience)
                ended = isinstance(read_log_record(memo, slot, data), End)
            position += 1
    yield Exit(name)


def over(memo: Memo, epoch: Epoch, generation: int, timing: Timing) -> Steps[bool]:
    """Whether the epoch is finished, so that the next may be claimed; takes it over where its owner fell silent."""
    if epoch.claim is None or epoch.claim.generation < generation:
        return True
    yield from read_log(memo, epoch, timing.in_flight)
    if epoch.end is not None:
        return True
    epoch.seen_open = True
    if (epoch.mine or epoch.attached) and (yield from _never_started(epoch, timing)):
        error = StartTimeout(f"no sign of a remote {timing.start_timeout:g} s after its command started")
        failure = yield Describe(error)
        return (yield from close(memo, epoch, FAILED, timing.in_flight, failure))
    if (yield from _abandoned(memo, epoch, epoch.claim, timing)):
        return (yield from close(memo, epoch, TAKEN_OVER, timing.in_flight))
    return False


def _abandoned(memo: Memo, epoch: Epoch, claim: Claim, timing: Timing) -> Steps[bool]:
    """Whether nobody owns the epoch, or its owner is dead or stale."""
    adoption = epoch.adopted_by
    if isinstance(adoption, Unreadable):
        return (yield from unheard(epoch, epoch.watch))
    if adoption is not None:
        pulse: Pulse = yield from patiently(Look(adoption.session), timing.in_flight)
        if pulse.token != GONE and epoch.mine:
            return _silent(epoch, pulse)  # how our command died, our Shell is about to say
        if pulse.token != GONE:
            return (yield from _stale(epoch, pulse, adoption.producer))
    if epoch.mine or epoch.attached:
        return False
    if not (yield from _is_left(epoch, claim, entry(memo, epoch.number, claim.nonce), timing)):
        return False
    epoch.attached = yield Attach(memo.folder, epoch.number)
    return not epoch.attached


def _is_left(epoch: Epoch, claim: Claim, name: str, timing: Timing) -> Steps[bool]:
    """Whether the holder of an epoch has left it, is dead, or has been silent for too long."""
    if any(isinstance(record, Leave) for record in epoch.log):
        return True
    held = yield Held(claim.session, name)
    if held is not None:
        return not held
    pulse = yield from patiently(Look(claim.session), timing.in_flight)
    if name in pulse.owed:
        return True
    return (yield from _stale(epoch, pulse, claim.producer))


def unheard(epoch: Epoch, watch: Watch) -> Steps[bool]:
    """Whether a remote whose adoption cannot be read has had the time of a silent session."""
    now = yield Now()
    return watch.see((len(epoch.log), "unreadable"), now, STALE_AFTER * _UNKNOWN_INTERVAL)


def _stale(epoch: Epoch, pulse: Pulse, producer: Any) -> Steps[bool]:
    """Whether an owner has been silent for too long, or is dead for certain."""
    return _silent(epoch, pulse) or (yield KnownDead(producer))


def _silent(epoch: Epoch, pulse: Pulse) -> bool:
    return epoch.watch.see((len(epoch.log), pulse.token), pulse.seen_at, STALE_AFTER * pulse.interval)


def _never_started(epoch: Epoch, timing: Timing) -> Steps[bool]:
    """Whether our Shell's command, no longer pending, should long have started a remote, or replaced a gone one."""
    adoption = epoch.adopted_by
    if isinstance(adoption, Unreadable):
        return False
    if adoption is not None and (yield from patiently(Look(adoption.session), timing.in_flight)).token != GONE:
        return False
    job: Job = yield Ask()
    now = yield Now()
    return epoch.watch.see((len(epoch.log), job.started), now, timing.start_timeout) and job.started
