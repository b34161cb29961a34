"""Single flight: who runs a call, who waits for whom, and what happens when one of them dies.

Blobs of one memo, every one written by ``put_if_absent``, but for the one marked *:

    r<g>       result of generation g, or a tombstone that voids it*
               absent -> value -> tombstone, or absent -> tombstone, and never back
    e<n>       claim of epoch n: session, generation, the call
    e<n>.<i>   log of epoch n, slots 1, 2, ...: adoption | leave | end; nothing follows an end

Rules of the protocol:

* Results decide. The first ``r<g>`` stands, whoever wrote it; claims only save work.
* Every race is a race for one write-once slot. Claims, adoptions and ends are unique bytes, so a repeated write whose
  first answer was lost finds out whose they are.
* An epoch is over when its log holds an end, or when ``r<g>`` of its generation exists in any form.
* Staleness is what one observer measured between its own looks. No clocks of two processes are compared.
* What no known key signed, where that is required, is no result, and left as it is: the next generation counts.

Who owns an epoch, and who may end it, is the matter of ``ownership.py``.
"""

from typing import Any, Final, TypeAlias, final

from mops.core.answers import Ticket
from mops.core.blob_layout import Memo, claim_slot, log_slot, result_slot
from mops.core.effects import Get, Issue, News, Put, PutIfAbsent, Report, Steps, Tell
from mops.core.envelope import (
    ADOPTION,
    CLAIM,
    END,
    LEAVE,
    RESULT,
    TOMBSTONE,
    Envelope,
    header_json,
    kind_of,
    seal,
    unseal,
)
from mops.core.errors import CorruptBlob, StoreUnavailable, UnverifiedBlob
from mops.core.failure import FailureRecord
from mops.core.patience import patiently
from mops.core.ports.blob_store import Buffer
from mops.core.stored_value import NOTHING, StoredValue

STALE_AFTER: Final = 6
"""Heartbeat intervals without a beat after which a session counts as dead."""
FAILED: Final = "failed"
TAKEN_OVER: Final = "taken over"
LEFT: Final = "its caller left"
CANCELLED: Final = "cancelled"


# ------------------------------------------------------------------------------------------------ records
@final
class Claim:
    """Who runs an epoch.

    Attributes:
        header: all that the claim says, as plain data.
        envelope: the blob, where it was read; its payload is the call, where a remote needs it.
    """

    __slots__ = ("envelope", "generation", "header", "nonce", "producer", "session")

    def __init__(self, header: dict[str, Any], envelope: Envelope | None = None) -> None:
        self.header = header
        self.envelope = envelope
        self.session = str(header["session"])
        self.nonce = str(header["nonce"])
        self.generation = int(header["generation"])
        self.producer = header.get("producer")

    @property
    def is_for_a_remote(self) -> bool:
        """Whether a command is started for it; otherwise its holder runs it."""
        call = self.header.get("call")
        return isinstance(call, dict) and call.get("remote") is True


@final
class Adoption:
    """A remote that runs the epoch from here on."""

    __slots__ = ("nonce", "producer", "session")

    def __init__(self, header: dict[str, Any]) -> None:
        self.session = str(header["session"])
        self.nonce = str(header["nonce"])
        self.producer = header.get("producer")


@final
class Leave:
    """The holder no longer watches an adopted epoch."""

    __slots__ = ()


@final
class End:
    """Nothing more happens in this epoch."""

    __slots__ = ("failure", "why")

    def __init__(self, why: str, failure: FailureRecord | None = None) -> None:
        self.why = why
        self.failure = failure


@final
class Unreadable:
    """A record of the log that cannot be read: counted as the adoption of a session that is never heard of."""

    __slots__ = ()


LogRecord: TypeAlias = Adoption | Leave | End | Unreadable


def read_log_record(memo: Memo, slot: str, data: Buffer) -> LogRecord:
    """Decode one record of a log."""
    try:
        envelope = unseal(data, owner=memo.digest, slot=slot)
        header = envelope.header()
        if envelope.kind == ADOPTION:
            return Adoption(header)
        if envelope.kind == LEAVE:
            return Leave()
        return End(str(header["why"]), _failure_in(header, envelope))
    except (CorruptBlob, KeyError, ValueError, TypeError):
        return End("its end cannot be read") if kind_of(data) == END else Unreadable()


def _failure_in(header: dict[str, Any], envelope: Envelope) -> FailureRecord | None:
    if "failure" not in header:
        return None
    pickled = b"".join(bytes(part) for part in envelope.segments() if isinstance(part, bytes | memoryview))
    return FailureRecord.from_plain(header["failure"], pickled)


def _ticket_fields(ticket: Ticket) -> dict[str, Any]:
    return {"session": ticket.session, "nonce": ticket.nonce, "utc": ticket.utc}


def claim_parts(
    memo: Memo,
    number: int,
    generation: int,
    ticket: Ticket,
    about: bytes,
    call: StoredValue = NOTHING,
) -> list[Buffer]:
    """The blob of a claim. ``about`` is a JSON object that describes the call."""
    fields = _ticket_fields(ticket) | call.header()
    header = header_json(**fields, generation=generation, producer=ticket.producer, call=about)
    return seal(
        CLAIM,
        owner=memo.digest,
        slot=claim_slot(number),
        fingerprint=memo.fingerprint,
        header=header,
        segments=call.segments,
        flags=call.flags,
    )


def adoption_parts(memo: Memo, slot: str, ticket: Ticket) -> list[Buffer]:
    """The blob of an adoption."""
    header = header_json(**_ticket_fields(ticket), producer=ticket.producer)
    return seal(ADOPTION, owner=memo.digest, slot=slot, fingerprint=memo.fingerprint, header=header)


def end_parts(memo: Memo, slot: str, ticket: Ticket, why: str, failure: FailureRecord | None = None) -> list[Buffer]:
    """The blob of an end, with the failure that ended the epoch, if one did."""
    fields = _ticket_fields(ticket) | {"why": why} | ({"failure": failure.plain()} if failure else {})
    return seal(
        END,
        owner=memo.digest,
        slot=slot,
        fingerprint=memo.fingerprint,
        header=header_json(**fields),
        segments=(failure.pickled if failure else b"",),
    )


def leave_parts(memo: Memo, slot: str, ticket: Ticket) -> list[Buffer]:
    """The blob of a leave."""
    header = header_json(**_ticket_fields(ticket))
    return seal(LEAVE, owner=memo.digest, slot=slot, fingerprint=memo.fingerprint, header=header)


# ------------------------------------------------------------------------------------------------ steps
def key(memo: Memo, slot: str) -> str:
    """The blob key of a slot of a memo."""
    return f"{memo.folder}/{slot}"


def entry(memo: Memo, number: int, nonce: str) -> str:
    """What names a claim in the table of its session, and in the heartbeat where it is owed.

    Two calls of one session may try for the same epoch: the one that is refused must not strike out the other.
    """
    return f"{key(memo, claim_slot(number))}#{nonce}"


def create(blob_key: str, parts: list[Buffer], patience: float) -> Steps[bool]:
    """Write unique bytes once: ``True`` if and only if they are the ones that stand, whatever was lost on the way."""
    return (yield from patiently(PutIfAbsent(blob_key, parts), patience))  # type: ignore[no-any-return]


@final
class Watch:
    """How long one observer has seen an unchanged token: gaps between looks count for at most a sixth of the limit."""

    __slots__ = ("_seen_at", "_token", "stale")

    def __init__(self) -> None:
        self._token: object = self
        self._seen_at = 0.0
        self.stale = 0.0

    def see(self, token: object, seen_at: float, limit: float) -> bool:
        """Note a look; whether the token has been unchanged for the limit."""
        if token != self._token:
            self._token, self.stale = token, 0.0
        else:
            self.stale += min(seen_at - self._seen_at, limit / STALE_AFTER)
        self._seen_at = seen_at
        return self.stale >= limit


@final
class Epoch:
    """What one process knows of an epoch.

    Attributes:
        number: 1, 2, 3...
        claim: who runs it; ``None`` where that cannot be read.
        log: what was read of its log.
        mine: this call holds the claim.
        attached: its holder is gone, and this call watches the command that was started for it.
        refused: why the claim is not believed here, if that is why there is none.
        seen_open: this call has seen it before it was over, so its failure is this call's failure.
        told: what observers were told of it.
    """

    __slots__ = ("attached", "claim", "log", "mine", "number", "refused", "seen_open", "told", "watch")

    def __init__(self, number: int, claim: Claim | None, *, mine: bool = False, refused: str = "") -> None:
        self.number = number
        self.claim = claim
        self.mine = mine
        self.attached = False
        self.refused = refused
        self.log: list[LogRecord] = []
        self.watch = Watch()
        self.seen_open = mine
        self.told: set[News] = set()

    def tell(self, memo: Memo, what: News, about: Any = None) -> Steps[None]:
        """Tell observers of this epoch, once for each kind of news."""
        if what not in self.told:
            self.told.add(what)
            yield Tell(what, memo.folder, self.number, about)

    @property
    def end(self) -> End | None:
        """The end of its log, if it has one."""
        last = self.log[-1] if self.log else None
        return last if isinstance(last, End) else None

    @property
    def adopted_by(self) -> Adoption | Unreadable | None:
        """The last adoption of its log."""
        return next((record for record in reversed(self.log) if isinstance(record, Adoption | Unreadable)), None)


def current(memo: Memo, generation: int, patience: float) -> Steps[tuple[int, Envelope | None]]:
    """Follow tombstones: the first generation that is not void, and its value if it has one.

    A value that is not what was written is voided and reported; one that nobody who is trusted wrote is passed over.
    """
    while True:
        slot = result_slot(generation)
        look = Get(f"{memo.folder}/{slot}")
        try:
            data = yield look
        except StoreUnavailable as error:
            if error.waited >= patience:
                raise
            data = yield from patiently(look, patience, error.waited)
        if data is None:
            return generation, None
        try:
            envelope = unseal(data, owner=memo.digest, slot=slot)
            if envelope.kind == RESULT:
                return generation, envelope
            damage = "" if envelope.kind == TOMBSTONE else "neither a result nor a tombstone"
        except UnverifiedBlob:
            damage = ""  # to void it would be to lose the results of everybody whose key this process lacks
        except CorruptBlob as error:
            damage = str(error.args[0])
        if damage:
            yield from void_corrupt(memo, generation, damage, patience)
        generation += 1


def void(memo: Memo, generation: int, patience: float) -> Steps[None]:
    """Value or nothing becomes a tombstone. Any number of voiders write the same blob."""
    slot = result_slot(generation)
    parts = seal(TOMBSTONE, owner=memo.digest, slot=slot)
    if not (yield from create(key(memo, slot), parts, patience)):
        yield from patiently(Put(key(memo, slot), parts), patience)


def void_corrupt(memo: Memo, generation: int, why: str, patience: float) -> Steps[None]:
    """Void a result that must not be served, and say so."""
    yield Report(f"{key(memo, result_slot(generation))}: {why}; it is voided and computed anew")
    yield from void(memo, generation, patience)


def read_epoch(memo: Memo, number: int, patience: float) -> Steps[Epoch | None]:
    """Read who runs an epoch; ``None`` where it was never claimed."""
    data = yield from patiently(Get(key(memo, claim_slot(number))), patience)
    return None if data is None else _epoch_of(memo, number, data)


def _epoch_of(memo: Memo, number: int, data: Buffer) -> Epoch:
    """An epoch with its claim, or without where that cannot be read: then the epoch counts as over."""
    try:
        envelope = unseal(data, owner=memo.digest, slot=claim_slot(number))
        return Epoch(number, Claim(envelope.header(), envelope) if envelope.kind == CLAIM else None)
    except UnverifiedBlob as error:
        return Epoch(number, None, refused=str(error.args[0]))
    except (CorruptBlob, KeyError, ValueError, TypeError):
        return Epoch(number, None)


def last_claimed(memo: Memo, number: int, patience: float) -> Steps[int]:
    """The number of the last epoch, from one that was claimed. They follow each other, so doubling finds it."""
    step = 1
    while (yield from patiently(Get(key(memo, claim_slot(number + step))), patience)) is not None:
        number, step = number + step, 2 * step
    while step > 1:
        step //= 2
        if (yield from patiently(Get(key(memo, claim_slot(number + step))), patience)) is not None:
            number += step
    return number


def read_log(memo: Memo, epoch: Epoch, patience: float) -> Steps[None]:
    """Append to the epoch's log what was written since."""
    while epoch.end is None:
        slot = log_slot(epoch.number, len(epoch.log) + 1)
        data = yield from patiently(Get(key(memo, slot)), patience)
        if data is None:
            return
        epoch.log.append(read_log_record(memo, slot, data))
        if epoch.mine and isinstance(epoch.log[-1], Adoption):
            yield from epoch.tell(memo, "adopted")


def close(memo: Memo, epoch: Epoch, why: str, patience: float, failure: FailureRecord | None = None) -> Steps[bool]:
    """Try to end an epoch at the slot after the log that was judged; whatever came first stands.

    Returns:
        Whether the epoch is ended now, by whomever.
    """
    slot = log_slot(epoch.number, len(epoch.log) + 1)
    ticket = yield Issue()
    if (yield from create(key(memo, slot), end_parts(memo, slot, ticket, why, failure), patience)):
        epoch.log.append(End(why, failure))
    else:
        yield from read_log(memo, epoch, patience)
    return epoch.end is not None
