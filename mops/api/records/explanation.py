"""Why a call is a hit or a miss, and what changed in its code."""

import json
from itertools import islice
from typing import Final, final

import attrs

from mops.api.display.wording import duration_text, failure_text, printable, utc_text
from mops.api.records.comparison import Description, compare, definition_changes, nearest_earlier_call
from mops.api.records.history import EpochHistory, PastCall, Record, mapping_in, number_in
from mops.api.records.listing import layer_of, past_call, past_calls
from mops.core.blob_layout import Memo, claim_slot
from mops.core.envelope import Envelope
from mops.core.errors import MopsError
from mops.core.ports.blob_store import BlobStore

_AT_MOST: Final = 1000
"""Blobs that are listed in search of earlier code: what object stores give in one answer."""
_FATES: Final = {"interrupted": "the process that ran it is gone", "voided": "its result was voided"}
_said: Final[dict[tuple[str, bytes, bytes], object]] = {}


@final
@attrs.frozen
class Explanation:
    """Why a call is a hit or a miss, as the store was when it was asked. ``str()`` is for people.

    Attributes:
        memo_uri: the address of everything about the call.
        hit: the next call is served from the store.
        reason: one sentence.
        differences: what differs from the call that ``reason`` names, one sentence each.
        opaque: constants that the function reaches and that count by name and type alone: a change of their value is
            not noticed.
    """

    memo_uri: str
    hit: bool
    reason: str
    differences: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{'hit' if self.hit else 'miss'}: {self.reason}", *(f"  {each}" for each in self.differences)]
        lines += [f"  not noticed: a change of {name}, which counts by name and type alone" for name in self.opaque]
        return "\n".join(map(printable, [*lines, f"  memo: {self.memo_uri}"]))


def explain_call(store: BlobStore, memo: Memo, about: bytes) -> Explanation:
    """Explain what the next call would come to. Starts nothing, writes nothing, unpickles nothing.

    Args:
        store: where it would be looked up.
        memo: its address.
        about: what its claim would say of it, a JSON object.

    Raises:
        StoreError: the store cannot be read.
    """
    past = past_call(store, memo.folder)
    call = {**json.loads(about), "pipeline_id": past.names[0]}
    opaque = tuple(str(name) for name in call.get("opaque", ()))
    if past.state == "stored":
        changes = () if past.code_in_key or past.claim is None else definition_changes(past.claim.call, call)
        reason = _about_result(past) + (", served although its code changed since" if changes else "")
        return Explanation(past.uri, hit=True, reason=reason, differences=tuple(changes), opaque=opaque)
    reason, differences = _about_miss(past, call)
    return Explanation(past.uri, hit=False, reason=reason, differences=tuple(differences), opaque=opaque)


def _about_result(past: PastCall) -> str:
    assert past.result is not None
    elapsed = number_in(past.result.header, "elapsed")
    return f"computed {_by_whom(past.result)}" + (f", in {duration_text(elapsed)}" if elapsed is not None else "")


def _by_whom(record: Record) -> str:
    who = record.producer
    when = "" if record.utc is None else f" at {utc_text(record.utc)}"
    return f"by {who.get('user', '?')} on {who.get('host', '?')}{when}"


def _about_miss(past: PastCall, call: Description) -> tuple[str, list[str]]:
    epoch = past.last_epoch
    if past.state == "running" and epoch is not None:
        return f"it is being computed, {_by_whom(epoch.adoption or epoch.claim)}", []
    if past.state == "unreadable" and past.result is not None:
        return f"what is stored cannot be read: {past.result.trouble}", []
    if past.state != "absent":
        return f"no result stands: {what_became_of(past)}", []
    near = nearest_earlier_call(past, call)
    if near is None:
        return f"no call of {call.get('function')} is stored in pipeline {call['pipeline_id']}", []
    return f"the nearest call that is stored is {near.uri}", compare(near.description, call)


def what_became_of(past: PastCall) -> str:
    """The state of a call in a few words, with the failure where it failed."""
    end = past.last_epoch.end if past.last_epoch is not None else None
    if past.state == "failed" and end is not None and end.failure is not None:
        return f"its last attempt failed with {failure_text(end.failure)}"
    if past.state == "stopped" and end is not None:
        return f"its last attempt ended: {end.header.get('why') or end.trouble}"
    return _FATES.get(past.state, past.state)


def how_it_ended(past: PastCall, epoch: EpochHistory) -> str:
    """What became of one attempt at a call, in a few words."""
    came_from_it = (each.slot for each in past.results if number_in(each.header, "epoch") == epoch.number)
    result, end = next(came_from_it, None), epoch.end
    if result is not None:
        return f"its result is {result}"
    if end is not None:
        return f"failed with {failure_text(end.failure)}" if end.failure else str(end.header.get("why") or end.trouble)
    if epoch.number == len(past.epochs):
        return _FATES.get(past.state, past.state)
    return "nothing came of it"


# ------------------------------------------------------------------------------------------------ said once
def changes_since(store: BlobStore, memo: Memo, stored: Envelope, definitions: bytes) -> str:
    """What changed in the code since a result was computed that is served all the same. Never fails.

    One read, once a process, function, and pair of codes: after that, and where nothing is to be said, an empty text.

    Args:
        store: where the result is.
        memo: its address.
        stored: the result.
        definitions: what a claim would say of the code now, a JSON object.
    """
    if not _is_news(store, memo, stored.fingerprint):
        return ""
    try:
        epoch = int(number_in(stored.header(), "epoch") or 0)
        claim = PastCall(layer_of(store, memo.folder), memo.folder, {}).read(claim_slot(epoch))
        changes = definition_changes(claim.call, json.loads(definitions)) if claim.kind == "claim" else []
    except (MopsError, KeyError, TypeError, ValueError):
        changes = []
    what = f": {'; '.join(changes)}" if changes else ""
    return f"served from the store, although its code changed since it was computed{what}"


def say_what_changed(store: BlobStore, memo: Memo, definitions: bytes) -> None:
    """On a miss, say at level INFO what changed in the code since earlier calls; once a process, function and code.

    One listing and one read, the first time; to be asked only where the logger ``mops`` is listened to. Never fails.
    """
    if not _is_news(store, memo):
        return
    try:
        text = _what_changed(store, memo, json.loads(definitions))
    except (MopsError, KeyError, TypeError, ValueError):
        return
    if text:
        import logging  # somebody who listens has it loaded

        logging.getLogger("mops").info(text)


def _is_news(store: BlobStore, memo: Memo, compared_with: bytes = b"") -> bool:
    """Whether this is asked for the first time in this process, of this function and code."""
    token = object()
    topic = f"{store.uri}/{memo.folder.rsplit('/', 2)[0]}", memo.fingerprint, compared_with
    return _said.setdefault(topic, token) is token


def _what_changed(store: BlobStore, memo: Memo, call: Description) -> str:
    """A sentence, where the function was called with other code before."""
    function, own, _ = memo.folder.rsplit("/", 2)
    others, known = [], False
    for past in islice(past_calls(store, f"{function}/"), _AT_MOST):
        known = known or past.memo.folder.rsplit("/", 2)[1] == own
        others += [past] if past.memo.folder.rsplit("/", 2)[1] != own and "e1" in past.blobs else []
    same = [past for past in others if past.memo.digest == memo.digest]
    if not same and (known or not others):
        return ""
    claim = max(same or others, key=lambda past: past.modified).claim
    earlier = claim.call if claim is not None else call
    if not same:  # other arguments bring other classes along, which are no change
        earlier, call = _in_common(earlier, call), _in_common(call, earlier)
    changes = definition_changes(earlier, call)
    if not changes:
        return ""
    what = "computed anew because" if same else "its code is not the one of earlier calls:"
    return printable(f"{call.get('function')}: {what} {'; '.join(changes)}")


def _in_common(call: Description, other: Description) -> Description:
    """The description of a call without the definitions that another one has not got."""
    definitions, others = mapping_in(call, "definitions"), mapping_in(other, "definitions")
    return {**call, "definitions": {name: digest for name, digest in definitions.items() if name in others}}
