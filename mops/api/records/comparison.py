"""In what two calls differ, as their claims describe them."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any, Final

from mops.api.records.history import PastCall, list_in, mapping_in
from mops.api.records.listing import past_calls
from mops.core.fingerprint import differences

Description = Mapping[str, Any]
"""What a claim says of a call, the field ``call`` of its header, and ``pipeline_id``."""
MOST_CANDIDATES: Final = 1000
"""Of so many calls, the last ones that were written, the descriptions are read in search of the nearest."""
_TOLD: Final = 20
"""Differing definitions that are named one by one."""
_FACTS: Final = (
    ("pipeline_id", "pipeline"),
    ("function", "function"),
    ("logic_key", "logic key"),
)
_INTERPRETER: Final = ("cache_tag", "interpreter")


def compare(before: Description, after: Description) -> list[str]:
    """The differences between two calls, most telling first, a sentence each. Empty where nothing known differs."""
    return [
        *_facts(before, after, _FACTS),
        *_arguments(before, after),
        *definition_changes(before, after),
    ]


def definition_changes(before: Description, after: Description) -> list[str]:
    """What differs in the code of two calls: definitions by name, or the kind of bytecode that both are digests of."""
    interpreter = _facts(before, after, (_INTERPRETER,))
    if interpreter:
        return interpreter  # then every definition differs, and says nothing
    names = differences(mapping_in(before, "definitions"), mapping_in(after, "definitions"))
    more = [f"{len(names) - _TOLD} more definitions changed"] if len(names) > _TOLD else []
    return [name if name.endswith(")") else f"{name} changed" for name in names[:_TOLD]] + more


def _facts(before: Description, after: Description, facts: Iterable[tuple[str, str]]) -> list[str]:
    return [
        f"{name}: {_shown(before.get(field))} -> {_shown(after.get(field))}"
        for field, name in facts
        if before.get(field) != after.get(field)
    ]


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _arguments(before: Description, after: Description) -> Iterator[str]:
    old, new = arguments_of(before), arguments_of(after)
    for name in [*new, *(name for name in old if name not in new)]:
        (digest, text), (other, other_text) = old.get(name, ("", "not taken")), new.get(name, ("", "not taken"))
        if digest == other:
            continue
        if text == other_text:
            yield f"argument {name}: {text}, with other content"
        else:
            yield f"argument {name}: {text} -> {other_text}"


def arguments_of(call: Description) -> dict[str, tuple[str, str]]:
    """Digest and description of each argument, by name."""
    found = {}
    for note in list_in(call, "arguments"):
        if isinstance(note, list) and len(note) == 3:
            name, digest, text = map(str, note)
            found[name] = digest, text
    return found


def nearest_earlier_call(past: PastCall, call: Description) -> PastCall | None:
    """The earlier call of the same function that has most arguments in common with a call; among those, the last one.

    The logic key may be another one. Looks at the 1,000 of them that were made last.

    Args:
        past: the call, which need not be stored: then every other one is earlier.
        call: its description.

    Raises:
        StoreError: the store cannot be read.
    """
    claim = past.claim
    limit = inf if claim is None else past.blobs[claim.slot].modified
    name = _function_of(past)
    others = (
        other
        for other in past_calls(past.store, name)
        if other.memo.folder != past.memo.folder and _function_of(other) == name and other.begun <= limit
    )
    latest = heapq.nlargest(MOST_CANDIDATES, others, key=lambda other: other.begun)
    moment = inf if claim is None else claim.utc or 0.0
    arguments = set(arguments_of(call).items())

    def nearness(other: PastCall) -> tuple[int, bool, float]:
        about = other.description
        same_logic = about.get("logic_key") == call.get("logic_key")
        return len(arguments & set(arguments_of(about).items())), same_logic, _claimed(other)

    return max((other for other in latest if other.claim and _claimed(other) < moment), key=nearness, default=None)


def _function_of(past: PastCall) -> str:
    """The folder of a call's function, without the logic key."""
    return past.memo.folder.rsplit("/", 2)[0].partition("@")[0]


def _claimed(past: PastCall) -> float:
    return (past.claim.utc if past.claim is not None else None) or 0.0
