"""Deliberate mistakes in the protocol, each of which the simulator must notice.

A mutation replaces functions of the core while it is in force; production code knows nothing of it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from mops.core import answers, claim, consult, effects, envelope, execute, orchestrate, ownership, publish
from mops.core.answers import GONE
from mops.core.blob_layout import log_slot
from mops.core.claim import Adoption, End, Epoch, end_parts, key
from mops.core.effects import Ask, Get, Issue, Look, PutIfAbsent
from mops.core.errors import StoreUnavailable
from tests.simulation.world import Blobs


class Mutation(NamedTuple):
    """A mistake.

    Attributes:
        scenarios: in which it must show.
        replace: what is replaced, and by what.
    """

    scenarios: tuple[str, ...]
    replace: Callable[[], list[tuple[Any, str, Any]]]


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Make the mistake of that name, or none where it is empty."""
    with ExitStack() as stack:
        for place, attribute, replacement in MUTATIONS[name].replace() if name else ():
            stack.enter_context(patch.object(place, attribute, replacement))
        yield


MUTATIONS: Final[dict[str, Mutation]] = {}


def mutation(name: str, *scenarios: str) -> Callable[[Callable[[], list[tuple[Any, str, Any]]]], None]:
    """Register a mistake."""

    def register(replace: Callable[[], list[tuple[Any, str, Any]]]) -> None:
        MUTATIONS[name] = Mutation(scenarios, replace)

    return register


def _prompted(steps: Any, *answers: Any) -> Any:
    """A computation whose first effects are not performed, but answered so."""
    effect = steps.send(None)
    for answer in answers:
        effect = steps.send(answer)
    while True:
        try:
            reply = yield effect
        except BaseException as error:
            effect = steps.throw(error)
        else:
            try:
                effect = steps.send(reply)
            except StopIteration as end:
                return end.value


# ------------------------------------------------------------------------------------------------ those of the model
@mutation("trust the retried answer", "lossy", "chaos")
def _() -> Any:
    def put_if_absent(self: Blobs, blob_key: str, data: bytes) -> bool:
        if blob_key in self.blobs:
            return False
        self._write(blob_key, data)
        return True

    return [(Blobs, "put_if_absent", put_if_absent)]


@mutation("no second look", "chaos", "pause", "cancel")
def _() -> Any:
    serve, look = execute.serve, orchestrate._look

    def blindly(memo: Any, epoch: Any, *rest: Any) -> Any:
        return (yield from _prompted(serve(memo, epoch, *rest), None))

    def look_while_waiting(flight: Any) -> Any:
        just_claimed = flight.epoch.mine and not flight.started and not flight.call.inline
        return None if just_claimed else (yield from look(flight))

    return [(execute, "serve", blindly), (orchestrate, "_look", look_while_waiting)]


@mutation("count the gaps", "outage")
def _() -> Any:
    see = claim.Watch.see

    def without_limit(self: Any, token: object, seen_at: float, limit: float) -> bool:
        if token == self._token:
            self.stale += max(0.0, seen_at - self._seen_at - limit / claim.STALE_AFTER)
        return see(self, token, seen_at, limit)

    return [(claim.Watch, "see", without_limit)]


@mutation("forget the remote", "few")
def _() -> Any:
    abandoned = ownership._abandoned

    def of_others(memo: Any, epoch: Any, *rest: Any) -> Any:
        return False if epoch.mine else (yield from abandoned(memo, epoch, *rest))

    return [(ownership, "_abandoned", of_others)]


@mutation("compare wall clocks", "skew")
def _() -> Any:
    def stale(epoch: Any, pulse: Any, producer: Any) -> Any:
        ticket = yield Issue()
        return isinstance(pulse.token, tuple) and not epoch.mine and ticket.utc - pulse.token[1] > 60

    return [(ownership, "_stale", stale)]


@mutation("end apart from the log", "cancel", "interrupt")
def _() -> Any:
    read_log = claim.read_log

    def slot_of(number: int) -> str:
        return f"e{number}.end"

    def read_both(memo: Any, epoch: Epoch, patience: float) -> Any:
        yield from read_log(memo, epoch, patience)
        data = yield from claim.patiently(Get(key(memo, slot_of(epoch.number))), patience)
        if data is not None and epoch.end is None:
            epoch.log.append(End(claim.LEFT))

    def end(memo: Any, number: int, why: str, patience: float, failure: Any = None) -> Any:
        ticket = yield Issue()
        parts = end_parts(memo, slot_of(number), ticket, why, failure)
        yield from claim.patiently(PutIfAbsent(key(memo, slot_of(number)), parts), patience)

    def close(memo: Any, epoch: Epoch, why: str, patience: float, failure: Any = None) -> Any:
        yield from end(memo, epoch.number, why, patience, failure)
        epoch.log.append(End(why, failure))
        return True

    def release(memo: Any, number: int, blob: Any, name: str, patience: float, *, cancel: bool = False) -> Any:
        if (yield from claim.create(key(memo, f"e{number}"), blob, patience)):
            yield from end(memo, number, claim.LEFT, patience)
        yield effects.Exit(name)

    places = [(module, "read_log", read_both) for module in (claim, ownership, orchestrate, execute)]
    places += [(module, "close", close) for module in (ownership, orchestrate, publish)]
    return [*places, (orchestrate, "release", release)]


@mutation("leave without an end", "cancel", "interrupt")
def _() -> Any:
    def leave(flight: Any, *, cancel: bool = False) -> Any:
        flight.claim = None
        yield from ()

    return [(orchestrate, "_leave", leave)]


@mutation("void leaves the epoch open", "void")
def _() -> Any:
    read_epoch = orchestrate.read_epoch

    def for_all_generations(*arguments: Any) -> Any:
        epoch = yield from read_epoch(*arguments)
        epoch.claim.generation = 10**9
        return epoch

    return [(orchestrate, "read_epoch", for_all_generations)]


@mutation("void what is absent only", "void")
def _() -> Any:
    def void(memo: Any, generation: int, patience: float) -> Any:
        parts = envelope.seal(envelope.TOMBSTONE, owner=memo.digest, slot=f"r{generation}")
        yield from claim.create(key(memo, f"r{generation}"), parts, patience)

    return [(claim, "void", void)]


@mutation("adopt beside another", "twice")
def _() -> Any:
    def alive(*_: Any) -> Any:
        yield from ()
        return False

    return [(execute, "_alive", alive)]


@mutation("gone is free", "preempt")
def _() -> Any:
    abandoned = ownership._abandoned

    def or_gone(memo: Any, epoch: Epoch, the_claim: Any, timing: Any) -> Any:
        if isinstance(epoch.adopted_by, Adoption) and not epoch.mine:
            pulse = yield from claim.patiently(Look(epoch.adopted_by.session), timing.in_flight)
            if pulse.token == GONE:
                return True
        return (yield from abandoned(memo, epoch, the_claim, timing))

    return [(ownership, "_abandoned", or_gone)]


# ------------------------------------------------------------------------------------------------ and some of our own
@mutation("the calls of a session share an entry", "sessions", "interrupt")
def _() -> Any:
    def entry(memo: Any, number: int, nonce: str) -> str:
        return key(memo, f"e{number}")

    return [(module, "entry", entry) for module in (ownership, orchestrate)]


@mutation("nothing is held by a session that asks itself", "sessions")
def _() -> Any:
    return [(ownership, "Held", lambda session, name: effects.Held(session, "nothing"))]


@mutation("what is owed counts as held", "owing")
def _() -> Any:
    pulse = answers.Pulse.__init__

    def owing_nothing(self: Any, seen_at: float, token: object, interval: float, owed: Any = frozenset()) -> None:
        pulse(self, seen_at, token, interval)

    return [(answers.Pulse, "__init__", owing_nothing)]


@mutation("a second interrupt forgets the epoch", "interrupt")
def _() -> Any:
    def leave(flight: Any, *, cancel: bool = False) -> Any:
        if flight.claim is not None:
            memo, blob, name = flight.call.memo, flight.claim, flight.entry
            flight.claim = None
            yield from orchestrate.release(memo, flight.number, blob, name, 1.0, cancel=cancel)

    return [(orchestrate, "_leave", leave)]


@mutation("every failure is everybody's", "errors", "errors-adverse")
def _() -> Any:
    read_log = claim.read_log

    def seen(memo: Any, epoch: Epoch, patience: float) -> Any:
        yield from read_log(memo, epoch, patience)
        epoch.seen_open = True

    return [(ownership, "read_log", seen)]


@mutation("a failure is nobody's", "errors")
def _() -> Any:
    follow = orchestrate._follow

    def deafly(flight: Any) -> Any:
        answer = yield from follow(flight)
        return None if answer is not None and answer.envelope is None else answer

    return [(orchestrate, "_follow", deafly)]


@mutation("a failing remote ends whatever it finds", "few", "errors-adverse")
def _() -> Any:
    def fail(memo: Any, epoch: Epoch, error: BaseException, patience: float) -> Any:
        record = yield effects.Describe(error)
        while not (yield from publish.close(memo, epoch, claim.FAILED, patience, record)):
            pass

    return [(module, "fail", fail) for module in (publish, orchestrate, execute)]


@mutation("the command's end is asked for after the look", "tail")
def _() -> Any:
    is_over = orchestrate._is_over

    def asked_late(flight: Any, epoch: Epoch, job: Any) -> Any:
        return (yield from is_over(flight, epoch, (yield Ask()) if epoch.mine else None))

    return [(orchestrate, "_is_over", asked_late)]


@mutation("a voided result counts as no outcome", "void", "payload")
def _() -> Any:
    is_over = orchestrate._is_over

    def forgetful(flight: Any, epoch: Epoch, job: Any) -> Any:
        if job is None or not job.ended:
            return (yield from is_over(flight, epoch, job))
        generation, flight.generation = flight.generation, 0
        try:
            return (yield from is_over(flight, epoch, job))
        finally:
            flight.generation = generation

    return [(orchestrate, "_is_over", forgetful)]


@mutation("a forked child speaks for its parent", "fork")
def _() -> Any:
    ran = answers.Ran.__init__

    def never_forked(self: Any, result: Any, started: float, elapsed: float, *, forked: bool = False) -> None:
        ran(self, result, started, elapsed)

    return [(answers.Ran, "__init__", never_forked)]


@mutation("the last result stands", "void", "pause")
def _() -> Any:
    def overwrite(memo: Any, generation: int, parts: Any, patience: float, *, durable: bool) -> Any:
        yield from claim.patiently(effects.Put(key(memo, f"r{generation}"), parts), patience)
        yield effects.Published(memo.folder)
        return True

    return [(module, "publish", overwrite) for module in (orchestrate, execute)]


@mutation("digests are not checked", "corrupt")
def _() -> Any:
    class Any32:
        def __init__(self, data: Any) -> None: ...
        def update(self, data: Any) -> None: ...
        def digest(self) -> bytes:
            return bytes(32)

    return [(envelope, "blake3", Any32)]


@mutation("a lost payload fails the call", "payload")
def _() -> Any:
    def load(call: Any, generation: int, sealed: Any, *, hit: bool = False) -> Any:
        buffers = yield from orchestrate.payload.fetch(sealed, call.timing.in_flight)
        return consult.decode(call, sealed, buffers, hit=hit)

    return [(orchestrate, "load", load)]


@mutation("a command that never starts is waited for", "starting")
def _() -> Any:
    def never(*_: Any) -> Any:
        yield from ()
        return False

    return [(ownership, "_never_started", never)]


@mutation("adopt what has ended", "cancel", "chaos")
def _() -> Any:
    def adopt(memo: Any, number: int, timing: Any) -> Any:
        epoch = yield from claim.read_epoch(memo, number, timing.in_flight)
        assert epoch is not None
        yield from claim.read_log(memo, epoch, timing.in_flight)
        ticket = yield Issue()
        slot = log_slot(number, len(epoch.log) + 1)
        yield from claim.create(key(memo, slot), claim.adoption_parts(memo, slot, ticket), timing.in_flight)
        return epoch

    return [(execute, "adopt", adopt)]


@mutation("patience counts from the first failure", "black-hole")
def _() -> Any:
    def patiently(effect: Any, patience: float, _waited: float = 0.0) -> Any:
        try:
            return (yield effect)
        except StoreUnavailable as error:
            error.waited = 0.0
        return (yield from original(effect, patience))

    original = claim.patiently
    return [(claim, "patiently", patiently)]
