"""What happens to calls, as values for whoever observes them. Loaded only where somebody does.

A call that misses is ``Claimed``, ``Started``, ``Adopted`` where a remote runs it, and then ``Published`` or
``Failed``; with retries, that repeats with the next epoch. A call that somebody else runs is ``Waiting``, and then a
``Hit``, or ``Failed`` with the other's failure. A remote that is done before anybody looked was never seen to adopt.
"""

from typing import final

import attrs


@attrs.frozen(kw_only=True)
class Event:
    """Something happened to one call of this process.

    Attributes:
        function: ``module:qualname``.
        memo_uri: the address of everything about the call.
        utc: when it was told, seconds since the epoch.
    """

    function: str
    memo_uri: str
    utc: float


@final
@attrs.frozen(kw_only=True)
class Claimed(Event):
    """This call is the one that runs the epoch: nobody had the result."""

    epoch: int


@final
@attrs.frozen(kw_only=True)
class Started(Event):
    """The function runs in this process; or its command does, where a Shell starts one."""

    epoch: int


@final
@attrs.frozen(kw_only=True)
class Adopted(Event):
    """A remote was seen to run the call."""

    epoch: int


@final
@attrs.frozen(kw_only=True)
class Published(Event):
    """What this call came to is stored.

    Attributes:
        elapsed: seconds that the function ran for; ``None`` where the stored result does not say.
        bytes: of the value, with the files that it names.
    """

    epoch: int
    elapsed: float | None
    bytes: int


@final
@attrs.frozen(kw_only=True)
class Hit(Event):
    """The call was answered with what another one computed.

    Attributes:
        saved: seconds that the function had run for then; ``None`` where that is not stored.
        bytes: of the value, with the files that it names.
    """

    saved: float | None
    bytes: int


@final
@attrs.frozen(kw_only=True)
class Waiting(Event):
    """Somebody else runs the call, and this one waits for the result."""

    epoch: int


@final
@attrs.frozen(kw_only=True)
class Failed(Event):
    """An attempt failed: the function raised, could not be run to its end, or its value could not be stored.

    Attributes:
        epoch: the attempt; ``None`` where the call failed before there was one.
        error: qualified name of the exception's class.
        message: its text.
    """

    epoch: int | None
    error: str
    message: str
