"""What ``python -m mops remote`` does: the composition root of a remote."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.calls.stored_call import load_call
from mops.api.codec_registry import registry as codecs
from mops.api.files.remainders import remainders
from mops.api.locate import locate_blob_store
from mops.api.settings import VERIFY_VARIABLE, defaults
from mops.api.trust import trust_of_process
from mops.api.worlds import contents_of
from mops.core.batch import read_order
from mops.core.blob_layout import memo_from_folder
from mops.core.claim import Claim, Epoch
from mops.core.effects import Effect, Run
from mops.core.errors import CodeMismatchError, MopsError, RemoteCrashed
from mops.core.execute import serve
from mops.core.ports.blob_store import Buffer
from mops.core.ports.serializer import Serializer
from mops.core.ports.shell import BatchCommand, RemoteCommand, parse_remote
from mops.core.timing import Timing
from mops.runtime.clock import SystemClock
from mops.runtime.execution import Execution, StartsNothing
from mops.runtime.inline import drive
from mops.runtime.session import DEFAULT_HEARTBEAT
from mops.runtime.slots import Slots
from mops.runtime.supervisor import supervise
from mops.runtime.world import World


def main(arguments: Sequence[str]) -> int:
    """Run the call that the command line names. The exit status is 0 where its outcome is in the store."""
    try:
        parsed = parse_remote(arguments)
        demanded = "require" if parsed.verify == "require" else None  # of this command, and not of the next one here
        store = trust_of_process(demanded).around(locate_blob_store(parsed.root), _say)
        world = World(store, SystemClock(), _say, DEFAULT_HEARTBEAT, contents_of, supervised=True)
        command = _of_batch(parsed, world) if isinstance(parsed, BatchCommand) else parsed
        memo = memo_from_folder(command.memo)
    except (MopsError, ValueError) as error:
        _say(str(error))
        return 2
    timing = Timing()

    def serve_in_child(epoch: Epoch, returned: Callable[[], None]) -> int:
        assert epoch.claim is not None
        if demanded is not None:
            os.environ[VERIFY_VARIABLE] = demanded  # of all that the function calls, too
        defaults.execute_under(store.uri)
        call = _RemoteCall(world, command.memo, epoch.claim)
        execution = Execution(call, needs_slot=False)

        def perform(effect: Effect) -> Any:
            answer = execution.perform(effect)
            if type(effect) is Run and not answer.forked:
                returned()
            return answer

        drive(serve(memo, epoch, call.serializer, timing), perform)
        return 0

    def adopted(epoch: Epoch) -> float | None:
        assert epoch.claim is not None and epoch.claim.envelope is not None  # noqa: PT018 - it was adopted
        memo.fingerprint = epoch.claim.envelope.fingerprint
        call = epoch.claim.header["call"]
        world.session.interval = float(call["heartbeat"])
        run_timeout = call.get("run_timeout")
        return None if run_timeout is None else float(run_timeout)

    try:
        perform = Execution(_RemoteCall(world, command.memo), needs_slot=False).perform
        with remainders() as remove:
            return supervise(memo, command.epoch, timing, world.session, perform, adopted, serve_in_child, remove)
    except MopsError as error:
        _say(str(error))
        return 1


def _of_batch(copy: BatchCommand, world: World) -> RemoteCommand:
    """What this copy of a submission is to run.

    Raises:
        ValueError: the environment does not say which copy this is.
        MopsError: the manifest cannot be read, or knows no such copy.
    """
    index = os.environ.get(copy.index_env, "")
    if not index.isdigit():
        raise ValueError(f"the environment variable {copy.index_env} is to be the number of this copy, not {index!r}")
    order = drive(read_order(copy.batch, int(index), Timing().first_look), world.perform_waiting)
    return RemoteCommand(copy.root, order.folder, order.epoch)


def _say(text: str) -> None:
    sys.stderr.write(f"mops remote: {text}\n")


class _RemoteCall(StartsNothing):
    """A call as its claim tells it; without a claim, the errand of a supervisor, which runs nothing itself."""

    def __init__(self, world: World, folder: str, claim: Claim | None = None) -> None:
        self.world = world
        self.serializer: Serializer = PicklingSerializer(codecs)
        self.slots = Slots(1)
        self._claim = claim
        self._folder = folder
        self._remark = ""

    def invoke(self) -> Any:
        """Find the function, compare its code, bring in the arguments, and call it.

        Raises:
            FunctionNotFoundError, CodeMismatchError, UndecodableResultError: nothing of the user's function was run.
        """
        assert self._claim is not None
        tree = self._claim.header["call"].get("tree")
        if not tree:
            return self._invoke(self._claim)
        from mops.api.arrived_code import tell_apart, use_code  # most calls run what is installed

        try:
            return self._invoke(self._claim, use_code)
        except Exception as error:
            tell_apart(error, tree["versions"])
            raise

    def remark(self) -> str:
        """How the code here differs from the orchestrator's, where it may."""
        return self._remark

    def _invoke(self, claim: Claim, use_code: Callable[[Buffer], None] | None = None) -> Any:
        call = load_call(self.world, self._folder, claim, self.serializer, use_code)
        names = call.definitions_that_differ
        if names:
            raise CodeMismatchError(f"the code here is not the orchestrator's: {'; '.join(names)}", definitions=names)
        if call.remark:
            _say(call.remark)
            self._remark = call.remark
        try:
            return call.run()
        except SystemExit as error:
            status = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
            raise RemoteCrashed(f"the function called sys.exit({error.code!r})", exit_code=status) from error
