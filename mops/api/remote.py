"""What ``python -m mops remote`` does: the composition root of a remote."""

import sys
from collections.abc import Sequence
from typing import Any

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.call_description import CallDescription
from mops.api.code import CodeOfProcess
from mops.api.declaration import declaration_of
from mops.api.locate import locate_blob_store
from mops.api.references import resolve
from mops.api.serving import SERVING, Served
from mops.api.settings import defaults
from mops.core import payload
from mops.core.blob_layout import memo_from_folder
from mops.core.claim import Claim, Epoch, Timing
from mops.core.errors import CodeMismatchError, MopsError, RemoteCrashed
from mops.core.execute import serve
from mops.core.fingerprint import Fingerprint, differences
from mops.core.invocation import FunctionReference
from mops.core.ports.serializer import Serializer
from mops.core.ports.shell import Shell, parse_remote
from mops.runtime.clock import SystemClock
from mops.runtime.execution import Execution
from mops.runtime.inline import drive
from mops.runtime.session import DEFAULT_HEARTBEAT
from mops.runtime.slots import Slots
from mops.runtime.supervisor import supervise
from mops.runtime.world import World


def main(arguments: Sequence[str]) -> int:
    """Run the call that the command line names. The exit status is 0 where its outcome is in the store."""
    try:
        command = parse_remote(arguments)
        store = locate_blob_store(command.root)
        memo = memo_from_folder(command.memo)
    except (MopsError, ValueError) as error:
        _say(str(error))
        return 2
    world = World(store, SystemClock(), _say, DEFAULT_HEARTBEAT, supervised=True)
    timing = Timing()

    def serve_in_child(epoch: Epoch) -> int:
        assert epoch.claim is not None
        defaults.execute_under(store.uri)
        call = _RemoteCall(world, command.memo, epoch.claim)
        drive(serve(memo, epoch, call.serializer, timing), Execution(call, needs_slot=False).perform)
        return 0

    def adopted(epoch: Epoch) -> None:
        assert epoch.claim is not None and epoch.claim.envelope is not None  # noqa: PT018 - it was adopted
        memo.fingerprint = epoch.claim.envelope.fingerprint
        world.session.interval = float(epoch.claim.header["call"]["heartbeat"])

    try:
        perform = Execution(_RemoteCall(world, command.memo), needs_slot=False).perform
        return supervise(memo, command.epoch, timing, world.session, perform, adopted, serve_in_child)
    except MopsError as error:
        _say(str(error))
        return 1


def _say(text: str) -> None:
    sys.stderr.write(f"mops remote: {text}\n")


class _RemoteCall:
    """A call as its claim tells it; without a claim, the errand of a supervisor, which runs nothing itself."""

    shell: Shell | None = None

    def __init__(self, world: World, folder: str, claim: Claim | None = None) -> None:
        self.world = world
        self.serializer: Serializer = PicklingSerializer()
        self.slots = Slots(1)
        self._claim = claim
        self._folder = folder

    def argv(self, folder: str, epoch: int) -> Sequence[str]:
        """Never asked for: a remote starts no remote for its own call."""
        raise NotImplementedError(f"{folder}/e{epoch}")

    def invoke(self) -> Any:
        """Find the function, compare its code, bring in the arguments, and call it.

        Raises:
            FunctionNotFoundError, CodeMismatchError, UndecodableResultError: nothing of the user's function was run.
        """
        assert self._claim is not None
        about = CallDescription.read(self._claim.header["call"])
        if not about.importable:
            _refuse_another_python(about)
        by_reference: Any = resolve(FunctionReference(*about.importable.split(":", 1))) if about.importable else None
        declaration = declaration_of(by_reference)
        plain: Any = by_reference if declaration is None else declaration.function
        assert self._claim.envelope is not None
        buffers = drive(payload.fetch(self._claim.envelope, 0), self.world.perform)
        by_value, extras, args, kwargs = self.serializer.loads(buffers)
        if about.importable and about.on_code_change != "ignore":
            _compare(about, CodeOfProcess(about.first_party).fingerprint(plain, extras))
        outer = [Served(folder, entered=True) for folder in about.serving]
        own = Served(self._folder, entered=by_reference is None or declaration is not None)
        SERVING.set((*outer, own))
        try:
            return (by_value or plain)(*args, **kwargs)
        except SystemExit as error:
            raise RemoteCrashed(f"the function called sys.exit({error.code!r})", exit_code=1) from error


def _refuse_another_python(about: CallDescription) -> None:
    here = ".".join(map(str, sys.version_info[:2]))
    if about.python != here:
        raise CodeMismatchError(
            f"the function travels by value, as bytecode of Python {about.python}; this is Python {here}",
            advice="define the function in a module that both sides can import, or use the same Python",
        )


def _compare(about: CallDescription, fingerprint: Fingerprint) -> None:
    """Refuse other code than the orchestrator's. Constants may rightly differ: the number of CPUs, the environment."""
    if about.cache_tag != sys.implementation.cache_tag:
        _say(f"the code cannot be compared: this is {sys.implementation.cache_tag}, the orchestrator {about.cache_tag}")
        return
    constants = about.constants | fingerprint.constants
    # What one side alone reaches was chosen at run time, by platform or environment: who chooses is in both tables.
    both = (about.definitions.keys() & fingerprint.table.keys()) - constants
    names = differences(
        {name: about.definitions[name] for name in both}, {name: fingerprint.table[name] for name in both}
    )
    if names:
        raise CodeMismatchError(f"the code here is not the orchestrator's: {'; '.join(names)}", definitions=names)
