"""Asking a store again that does not answer."""

from typing import Any, Final

from mops.core.effects import Effect, Now, Report, Steps, Wait
from mops.core.errors import StoreUnavailable

_FIRST_RETRY: Final = 1.0
_LAST_RETRY: Final = 20.0
_SILENCE: Final = 10.0  # seconds without an answer after which the user is told
_OUT_OF_REACH: Final = "the blob store is out of reach: it is asked again for up to {:g} s (store_patience)"


def patiently(effect: Effect, patience: float, waited: float = 0.0) -> Steps[Any]:
    """Repeat an idempotent effect until it is answered, or the store was out of reach for longer than ``patience``.

    What counts is when the first attempt began, which took ``waited`` seconds if somebody else made it: a store that
    swallows requests in silence lets each attempt take long. The last one begins when patience ends at the latest.
    From the second failure on, or after one that took long, the user is told: a call that waits in silence looks like
    one that hangs.

    Raises:
        StoreUnavailable: the last one.
    """
    since, delay = None, _FIRST_RETRY
    if waited >= _SILENCE:
        yield Report(_OUT_OF_REACH.format(patience))
    while True:
        try:
            return (yield effect)
        except StoreUnavailable as error:
            now = yield Now()
            since = now - error.waited - waited if since is None else since
            if now - since >= patience:
                raise
        if delay > _FIRST_RETRY or now - since >= _SILENCE:
            yield Report(_OUT_OF_REACH.format(patience))
        yield Wait(min(delay, since + patience - now))
        delay = min(delay * 2, _LAST_RETRY)
