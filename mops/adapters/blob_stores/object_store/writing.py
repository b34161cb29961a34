"""Writing one object: whole, and under a condition.

The services create an object under a condition by one request, which carries all of it, or by a copy of one that they
have. Parts that are sent at once, as large objects need, make an object without a condition. So these are staged under
a name of their own, and copied.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from blake3 import blake3

from mops.adapters.blob_stores.object_store.client import Place
from mops.adapters.blob_stores.object_store.reading import Replaced, find
from mops.adapters.blob_stores.object_store.refusals import CONDITIONS, Refusal
from mops.core.errors import StoreError, StoreFull, StoreUnavailable, UnsupportedStore
from mops.core.ports.blob_store import Buffer

SINGLE: Final = 32 << 20
"""Bytes up to which an object is written by one request."""
PAUSES: Final = (0.05, 0.2, 0.8, 1.6)
"""Seconds before another attempt, more or less."""
_SMALL: Final = 1 << 20  # bytes; a request that takes long for so few is stuck
_PART: Final = 5 << 20  # bytes; services take no smaller ones,
_PARTS: Final = 9_000  # and not many more
_PARALLEL: Final = 4  # parts on their way at once
_COPIED_BY_S3: Final = 5 << 30  # bytes


def create(place: Place, parts: Sequence[Buffer]) -> bool:
    """Create an object by one request; whether the one that stands has these bytes."""
    _prove(place, "put", _creates_once)
    return _settled(place, lambda: _put(place, parts, "create"), lambda: _holds(place, parts))


def create_in_parts(place: Place, size: int, content: Iterator[Buffer], digest: Callable[[], bytes]) -> bool:
    """Create an object of many bytes; whether the one that stands has them.

    Args:
        place: where.
        size: bytes of all.
        content: of the object. What it raises is raised here, and then nothing is stored.
        digest: gives the BLAKE3 of the content; is asked only if something else may stand there.
    """
    if place.address.scheme == "s3" and size > _COPIED_BY_S3:
        raise StoreFull(f"cannot create {place.uri}: S3 takes at most 5 GiB under a condition", advice="split the file")
    _prove(place, "copy", _copies_once)
    staged = place.beside()
    try:
        upload(staged, size, content)
        return _settled(place, lambda: _copy(staged, place), lambda: _is(place, size, digest))
    finally:
        _forget(staged)


def replace(place: Place, parts: Sequence[Buffer]) -> None:
    """Create or replace an object."""
    size = sum(map(len, parts))
    if size > SINGLE:
        upload(place, size, in_steps(parts))
    elif isinstance(_put(place, parts, "overwrite"), Refusal):
        raise StoreUnavailable(f"cannot replace {place.uri}: others write to it at the same time")


def upload(place: Place, size: int, content: Iterator[Buffer]) -> None:
    """Create or replace an object by parts, several of them on their way at once."""
    client = place.client
    options = {"use_multipart": True, "chunk_size": max(_PART, size // _PARTS), "max_concurrency": _PARALLEL}
    answer = place.ask("upload", lambda: client.library.do.put(client.bulk, place.name, content, **options))
    if isinstance(answer, Refusal):
        raise StoreUnavailable(f"cannot upload {place.uri}: the service has lost what was sent")


def in_steps(parts: Sequence[Buffer]) -> Iterator[Buffer]:
    """Parts in memory, none of them larger than what is sent at once."""
    for part in parts:
        for at in range(0, len(part), _PART):
            yield memoryview(part)[at : at + _PART]


def pause(attempt: int) -> None:
    """Wait before another attempt."""
    time.sleep(PAUSES[attempt] * random.uniform(0.5, 1.5))  # noqa: S311 - so that two writers do not meet again


def _settled(place: Place, attempt: Callable[[], Any], is_ours: Callable[[], bool | None]) -> bool:
    """Try to create an object until it is known whether the one that stands ``is_ours``.

    That is asked wherever the service refuses or does not answer: an earlier attempt may have been applied, its answer
    being lost on the way. ``None``: nothing stands. S3 refuses two writers at once both, as it may.
    """
    problem: StoreError = StoreUnavailable(f"cannot create {place.uri}: it keeps appearing and vanishing")
    for number in range(len(PAUSES) + 1):
        if number:
            pause(number - 1)
        try:
            if not isinstance(attempt(), Refusal):
                return True
        except StoreUnavailable as error:
            problem = error
        ours = is_ours()
        if ours is not None:
            return ours
    raise problem


def _put(place: Place, parts: Sequence[Buffer], mode: str) -> Any:
    client = place.client
    through = client.control if sum(map(len, parts)) <= _SMALL else client.bulk
    put = partial(client.library.do.put, through, place.name, [*parts], mode=mode, use_multipart=False)
    return place.ask("create" if mode == "create" else "replace", put)


def _copy(source: Place, target: Place) -> Any:
    client = target.client
    answer = target.ask(
        "create", lambda: client.library.do.copy(client.bulk, source.name, target.name, overwrite=False)
    )
    if answer is Refusal.ABSENT:
        raise StoreUnavailable(f"cannot create {target.uri}: what was uploaded for it has gone")
    return answer


def _holds(place: Place, parts: Sequence[Buffer]) -> bool | None:
    """Whether the object has these bytes; ``None`` if there is none."""
    try:
        found = find(place)
        if found is None:
            return None
        return found.size == sum(map(len, parts)) and _equal(memoryview(found.whole()), parts)
    except Replaced:
        return None


def _equal(content: memoryview, parts: Sequence[Buffer]) -> bool:
    at = 0
    for part in parts:
        if content[at : at + len(part)] != part:
            return False
        at += len(part)
    return True


def _is(place: Place, size: int, digest: Callable[[], bytes]) -> bool | None:
    """Whether the object has that digest; ``None`` if there is none."""
    try:
        found = find(place)
        if found is None:
            return None
        if found.size != size:
            return False
        hasher = blake3()
        for piece in found.pieces():
            hasher.update(piece)
        return bool(hasher.digest() == digest())
    except Replaced:
        return None


def _forget(place: Place) -> None:
    """Remove an object, if that is possible: one that stays costs a little, and is nobody's concern."""
    client = place.client
    try:
        place.ask("delete", lambda: client.library.do.delete(client.control, place.name))
    except StoreError:
        pass


def _prove(place: Place, promise: str, keeps: Callable[[Place], bool]) -> None:
    """See once a process that a service keeps a condition, unless it is known to.

    Raises:
        UnsupportedStore: it does not.
    """
    client = place.client
    if promise in client.proven:
        return
    trial = place.at("mops1/probe/" + os.urandom(16).hex())
    try:
        kept = keeps(trial)
    finally:
        _forget(trial)
    if not kept:
        raise UnsupportedStore(
            f"{client.service} ignores the conditions of requests: it let a second writer replace what the first had "
            f"stored under {place.address.uri}; without them, two processes would both believe that they run a call",
            advice=CONDITIONS,
        )
    client.proven.add(promise)


def _creates_once(trial: Place) -> bool:
    _put(trial, [b"first"], "create")  # if its answer is lost, it may well be refused
    return _put(trial, [b"second"], "create") is Refusal.TAKEN and _holds(trial, [b"first"]) is True


def _copies_once(trial: Place) -> bool:
    staged = trial.beside()
    try:
        _put(staged, [b"first"], "overwrite")
        _copy(staged, trial)
        return _copy(staged, trial) is Refusal.TAKEN and _holds(trial, [b"first"]) is True
    finally:
        _forget(staged)
