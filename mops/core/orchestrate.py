"""The orchestrator's use case: look up, claim, start, collect.

One generator is one call, from the first look to its answer. Whatever happens to it - an exception, Ctrl-C, a
cancellation - it leaves the epoch that it holds, so that nobody waits for it.
"""

from functools import partial
from typing import Final, final

from mops.core import payload
from mops.core.answers import Job, Ran
from mops.core.blob_layout import claim_slot
from mops.core.call import Answer, Call
from mops.core.claim import (
    FAILED,
    Claim,
    Epoch,
    claim_parts,
    close,
    create,
    current,
    entry,
    key,
    last_claimed,
    read_epoch,
    read_log,
)
from mops.core.consult import decode, load
from mops.core.effects import (
    Admit,
    Ask,
    Describe,
    Detach,
    Enter,
    Exit,
    Issue,
    News,
    Now,
    Owe,
    Report,
    Run,
    Start,
    Steps,
    Stop,
    Wait,
)
from mops.core.errors import CallCancelled, ShellFailed, StoreError, UnserializableError
from mops.core.ownership import over, release
from mops.core.ports.blob_store import Buffer
from mops.core.publish import fail, prepare, publish
from mops.core.result import Failure, Success

_LEAVE_PATIENCE: Final = 1.0
_NO_OUTCOME: Final = (
    "the function may have ended its process; or the Shell returned before the command had ended; "
    "or another package named mops is installed there: the distribution is mops-run"
)


@final
class _Flight:
    """What one call has learnt so far.

    Attributes:
        generation: the first one that is not void.
        epoch: the last one that was read or claimed.
        claim: the blob of the claim that this call wrote, or is about to write; ``None`` where it holds none.
        entry: what names that claim in the table of the session.
        admitted: it has a slot of the Shell.
        started: a command runs in that slot.
    """

    __slots__ = ("admitted", "call", "claim", "entry", "epoch", "generation", "number", "started")

    def __init__(self, call: Call, generation: int) -> None:
        self.call = call
        self.generation = generation
        self.epoch: Epoch | None = None
        self.number = 0
        self.claim: list[Buffer] | None = None
        self.entry = ""
        self.admitted = False
        self.started = False


def obtain(call: Call) -> Steps[Answer]:
    """Come by the result of a call: stored, computed here, computed by a remote, or by whoever was first.

    Raises:
        StoreError: the store cannot be used; nothing was run, or what runs goes on.
        UnserializableError: the arguments cannot travel.
    """
    generation, envelope = yield from current(call.memo, 0, call.timing.first_look)
    if envelope is not None:
        if envelope.whole:
            return decode(call, envelope, envelope.whole, hit=True)
        answer = yield from load(call, generation, envelope, hit=True)
        if answer is not None:
            return answer
        generation += 1
    flight = _Flight(call, generation)
    try:
        while True:
            answer = (yield from _claim_next(flight)) or (yield from _follow(flight))
            if answer is None:
                continue
            delay = None if answer.hit or isinstance(answer.result, Success) else call.retry(answer.result)
            if delay is None:
                return answer
            yield from _back_off(flight, delay)
    except GeneratorExit:
        raise  # dropped with its process: nobody is left to perform an effect
    except BaseException as error:
        yield from _leave(flight, cancel=isinstance(error, CallCancelled))
        if not isinstance(error, Exception) or isinstance(error, CallCancelled):
            yield Stop()
        raise


def _look(flight: _Flight, found: News = "hit") -> Steps[Answer | None]:
    """Look for the result once more. ``found`` is what it means if it is there."""
    call = flight.call
    flight.generation, envelope = yield from current(call.memo, flight.generation, call.timing.in_flight)
    if envelope is None:
        return None
    answer = yield from load(call, flight.generation, envelope)
    if answer is None:
        flight.generation += 1
    else:
        yield from _let_go(flight)
        assert flight.epoch is not None
        yield from flight.epoch.tell(call.memo, found, envelope)
    return answer


def _let_go(flight: _Flight) -> Steps[None]:
    """The epoch that we hold is over: there is nothing to leave."""
    if flight.claim is not None:
        flight.claim = None
        yield Exit(flight.entry)


def _back_off(flight: _Flight, delay: float) -> Steps[None]:
    """Hold nothing until the next attempt is due."""
    if flight.admitted:
        flight.admitted = False
        yield Stop()
    due = (yield Now()) + delay
    while (now := (yield Now())) < due:
        yield Wait(due - now)


def _claim_next(flight: _Flight) -> Steps[Answer | None]:
    """Claim the epoch after the one we know, and run the call in it; where others were first, read who they are."""
    call, memo = flight.call, flight.call.memo
    if not flight.admitted:
        yield Admit()
        flight.admitted = True
    about, value = call.about(), (yield from payload.store(call.pickled(), call.timing.in_flight))
    number = flight.number = flight.number + 1
    ticket = yield Issue()
    flight.entry = entry(memo, number, ticket.nonce)
    flight.claim = claim_parts(memo, number, flight.generation, ticket, about, value)
    yield Enter(flight.entry)
    if not (yield from create(key(memo, claim_slot(number)), flight.claim, call.timing.in_flight)):
        yield from _let_go(flight)
        if number > 1:  # not the first attempt at the call, so there may have been hundreds
            flight.number = yield from last_claimed(memo, number, call.timing.in_flight)
        flight.epoch = yield from read_epoch(memo, flight.number, call.timing.in_flight)
        return None
    claim = Claim({"session": ticket.session, "nonce": ticket.nonce, "generation": flight.generation})
    flight.epoch = Epoch(number, claim, mine=True)
    yield from flight.epoch.tell(memo, "claimed")
    if number > 1:  # whoever held the epochs before may have published since we looked
        answer = yield from _look(flight)
        if answer is not None or claim.generation < flight.generation:
            return answer
    if call.inline:
        return (yield from _run(flight, flight.epoch))
    flight.started = True
    yield Start(memo.folder, number)
    return None


def _follow(flight: _Flight) -> Steps[Answer | None]:
    """Wait until the result is there, or the epoch that we know is over. ``None``: the next one is to be claimed."""
    call, epoch = flight.call, flight.epoch
    assert epoch is not None
    if not epoch.mine and flight.admitted:
        flight.admitted = False
        yield Stop()
    since = yield Now()
    waiting = epoch.mine
    while epoch.claim is None or epoch.claim.generation >= flight.generation:
        if waiting:
            yield from _pause(flight, epoch, since)
        waiting = True
        # Asked before the look: a command that has ended has published, or never will.
        job = yield from _ask(flight, epoch)
        answer = yield from _look(flight, "published" if epoch.mine else "hit")
        if answer is not None:
            return answer
        if (yield from _is_over(flight, epoch, job)):
            break
    yield from _let_go(flight)
    if flight.started:
        flight.started = flight.admitted = False
        yield Stop()
    if epoch.attached:
        yield Detach()
    answer = _failure_of(flight, epoch)
    if answer is not None and not answer.hit:
        yield from epoch.tell(call.memo, "failed", answer.result)
    return answer


def _pause(flight: _Flight, epoch: Epoch, since: float) -> Steps[None]:
    """Wait until the next look, the longer the longer the call takes."""
    memo, timing = flight.call.memo, flight.call.timing
    if not epoch.mine:
        yield from epoch.tell(memo, "waiting")
    now = yield Now()
    yield Wait(timing.until_next_look(now - since), memo.folder)


def _ask(flight: _Flight, epoch: Epoch) -> Steps[Job | None]:
    """What the Shell says of the command, if this call has one."""
    if not epoch.mine and not epoch.attached:
        return None
    job: Job = yield Ask()
    if job.started:
        yield from epoch.tell(flight.call.memo, "started")
    return job


def _failure_of(flight: _Flight, epoch: Epoch) -> Answer | None:
    """What an epoch that is over failed with, if that is this call's failure too."""
    failure = epoch.end.failure if epoch.end is not None else None
    if failure is None or epoch.seen_open:
        return None if failure is None else Answer(failure)
    current = epoch.claim is not None and epoch.claim.generation >= flight.generation
    memoized = current and not flight.call.memoized.isdisjoint(failure.lineage)
    return Answer(failure, hit=True) if memoized else None


def _is_over(flight: _Flight, epoch: Epoch, job: Job | None) -> Steps[bool]:
    call = flight.call
    if job is None or not job.ended or epoch.claim is None or epoch.claim.generation < flight.generation:
        return (yield from over(call.memo, epoch, flight.generation, call.timing))
    yield from read_log(call.memo, epoch, call.timing.in_flight)
    if epoch.end is not None:
        return True
    silent = ShellFailed("the command ended with exit status 0, but published no outcome", advice=_NO_OUTCOME)
    failure = yield Describe(job.error or silent)
    return (yield from close(call.memo, epoch, FAILED, call.timing.in_flight, failure))


def _run(flight: _Flight, epoch: Epoch) -> Steps[Answer | None]:
    """Run the function in this process, and publish what it came to. The caller gets the object that it computed."""
    yield from epoch.tell(flight.call.memo, "started")
    ran: Ran = yield Run()
    if ran.forked:
        flight.claim = None
        return Answer(ran.result)
    try:
        ours = yield from _publish(flight, epoch, ran)
    except StoreError as error:
        yield Report(f"what {flight.call.memo.folder} came to is returned, but not stored: {error.args[0]}")
        yield from epoch.tell(flight.call.memo, "failed", Failure(error))
        yield from _leave(flight)
        return Answer(ran.result)
    if ours:
        yield from _let_go(flight)
        return Answer(ran.result)
    return (yield from _look(flight))


def _publish(flight: _Flight, epoch: Epoch, ran: Ran) -> Steps[bool]:
    """Publish what the function came to here; ``False`` where another result stands."""
    memo, generation, timing = flight.call.memo, flight.generation, flight.call.timing
    patience, sync_after = timing.first_look, timing.sync_after
    if isinstance(ran.result, Failure):
        yield from epoch.tell(memo, "failed", ran.result)
        yield from fail(memo, epoch, ran.result.exception, patience)
        return True
    try:
        parts = yield from prepare(memo, generation, epoch.number, ran, flight.call.serializer, patience, sync_after)
    except UnserializableError as error:
        yield Report(f"the result of {memo.folder} is returned, but not stored: {error.args[0]}; {error.advice}")
        yield from epoch.tell(memo, "failed", Failure(error))
        yield from fail(memo, epoch, error, patience)
        return True
    ours = yield from publish(memo, generation, parts, patience, durable=ran.elapsed >= sync_after)
    if ours:
        yield from epoch.tell(memo, "published", ran)
    return ours


def _leave(flight: _Flight, *, cancel: bool = False) -> Steps[None]:
    """Leave the epoch that we hold, or may hold; where the store is out of reach, owe it."""
    if flight.claim is None:
        return
    call, number, claim = flight.call, flight.number, flight.claim
    flight.claim = None
    try:
        yield from release(call.memo, number, claim, flight.entry, _LEAVE_PATIENCE, cancel=cancel)
    except GeneratorExit:
        raise
    except BaseException as error:  # a second Ctrl-C too
        yield Owe(
            flight.entry, partial(release, call.memo, number, claim, flight.entry, _LEAVE_PATIENCE, cancel=cancel)
        )
        if not isinstance(error, StoreError):
            raise
