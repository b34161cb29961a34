"""A stored call, run once more in this process: nothing is looked up, and nothing is published."""

import os
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Final, final

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.calls.serving import run_everything_plainly
from mops.api.calls.stored_call import load_call
from mops.api.records.history import PastCall
from mops.api.settings import defaults
from mops.api.worlds import world_of
from mops.core.claim import Claim, read_epoch
from mops.core.errors import ConfigurationError, CorruptBlob, FunctionNotFoundError, RecursiveCallError
from mops.runtime.failures import users_frames
from mops.runtime.inline import drive
from mops.runtime.session import DEFAULT_HEARTBEAT
from mops.runtime.world import World

_ELSEWHERE: Final = (
    "replay it where the function can be imported as it was called: cd to the folder of its module, "
    "or name that folder in PYTHONPATH"
)


@final
class Raised:
    """What the function raised.

    Attributes:
        text: the formatted traceback, from the function on.
        traceback: the same, for a debugger.
    """

    __slots__ = ("text", "traceback")

    def __init__(self, error: BaseException) -> None:
        self.traceback: TracebackType | None = users_frames(error)
        self.text = "".join(traceback.format_exception(type(error), error, self.traceback))


def run_again(past: PastCall, number: int, note: Callable[[str], None]) -> str | Raised:
    """Run the call of an epoch. Every decorated function runs plainly in this process from here on.

    Unpickles the arguments, and imports the function with the working directory on ``sys.path``.

    Args:
        past: the call.
        number: of the epoch.
        note: told where the code here is not the code that was called.

    Returns:
        The ``repr`` of the value, or what was raised.

    Raises:
        ConfigurationError: its arguments are not stored.
        MopsError: the store cannot be read, the function not be imported, or an argument not be decoded here.
    """
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    world = world_of(past.store, DEFAULT_HEARTBEAT)
    claim = _claim_with_arguments(world, past, number)
    defaults.execute_under(past.store.uri)
    try:
        call = load_call(world, past.memo.folder, claim, PicklingSerializer())
    except FunctionNotFoundError as error:
        if not isinstance(error.__cause__, RecursiveCallError):
            error.advice = _ELSEWHERE  # and not what a remote would need
        raise
    if call.definitions_that_differ:
        note(f"the code here is not the one that was called: {'; '.join(call.definitions_that_differ)}")
    if call.remark:
        note(call.remark)
    run_everything_plainly()
    try:
        return repr(call.run())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the outcome of the call
        return Raised(error)


def _claim_with_arguments(world: World, past: PastCall, number: int) -> Claim:
    epoch = drive(read_epoch(past.memo, number, 0), world.perform)
    if epoch is None or epoch.claim is None or epoch.claim.envelope is None:
        why = f": {epoch.refused}" if epoch is not None and epoch.refused else ""
        raise CorruptBlob(f"{past.uri}/e{number} cannot be read{why}")
    if not epoch.claim.envelope.size:
        raise ConfigurationError(
            f"the arguments of attempt {number} are not stored: it ran in its caller's thread",
            advice="call it with MemoizingPicklingRunner(keep_arguments=True), or through a Shell",
            memo_uri=past.uri,
        )
    return epoch.claim
