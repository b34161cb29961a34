"""Waiting for a call that another process started, or fetching what is stored of it, by its address alone."""

from functools import partial
from typing import Any, final

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.calls.futures import MopsFuture
from mops.api.codec_registry import registry as codecs
from mops.api.memo_uri import locate_memo
from mops.api.records.metadata import metadata_of
from mops.api.worlds import world_of
from mops.core.blob_layout import Memo, describe_folder
from mops.core.call import Answer, Call
from mops.core.consult import attend
from mops.core.failure import FailureRecord, located
from mops.core.ports.serializer import Serialized, Serializer
from mops.core.result import Failure, Success
from mops.core.timing import Timing
from mops.runtime.engine import engine
from mops.runtime.execution import Execution, StartsNothing
from mops.runtime.failures import rebuild
from mops.runtime.session import DEFAULT_HEARTBEAT
from mops.runtime.slots import Slots
from mops.runtime.task import Task
from mops.runtime.world import World


def attach(memo_uri: str) -> MopsFuture[Any]:
    """The future of a call that is stored, or that some process on some machine runs now. Starts nothing.

    It delivers the stored value; else what the running execution comes to; else the failure of the last attempt.
    Cancelling it withdraws this caller alone: the execution goes on. Unpickles the result: see who is trusted.

    Raises:
        ConfigurationError: it is no memo URI, or one of a store that lives in another process.
        InvalidKey: what follows the root is not the folder of a memo.
    """
    store, memo = locate_memo(memo_uri)
    bystander = _Bystander(world_of(store, DEFAULT_HEARTBEAT), memo)
    future: MopsFuture[Any] = MopsFuture(bystander.uri)
    execution = Execution(bystander, needs_slot=False)
    task = Task(attend(bystander.call()), None, execution, memo.folder, partial(bystander.deliver, future))
    future.attach(_Attached(task))
    engine().start(task)
    return future


@final
class _Attached:
    """One future of a call that others run."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def drive(self) -> None:
        """See ``Hold``: there is nothing to run."""

    def runs(self) -> bool:
        """See ``Hold``: the future waits, whoever runs the call."""
        return False

    def is_queued(self) -> bool:
        """See ``Hold``: it runs nowhere here."""
        return False

    def withdraw(self, future: MopsFuture[Any]) -> None:
        """See ``Hold``."""
        engine().cancel(self._task)


@final
class _Bystander(StartsNothing):
    """The errand of somebody who wants the outcome of a call and cannot run it."""

    def __init__(self, world: World, memo: Memo) -> None:
        self.world = world
        self.serializer: Serializer = PicklingSerializer(codecs)
        self.slots = Slots(1)
        self._memo = memo

    @property
    def uri(self) -> str:
        """The memo URI."""
        return f"{self.world.store.uri}/{self._memo.folder}"

    def call(self) -> Call:
        """The call, of which nothing but the outcome is asked."""
        return Call(
            self._memo,
            serializer=self.serializer,
            timing=Timing().over_a_network() if self.world.is_far else Timing(),
            inline=False,
            about=lambda: b"{}",
            pickled=lambda: Serialized((b"",)),
            retry=_never,
        )

    def deliver(self, future: MopsFuture[Any], answer: Answer | None, error: BaseException | None) -> None:
        """Resolve the future with what came of waiting."""
        function = describe_folder(self._memo.folder)[1]
        if answer is None:
            assert error is not None
            future.reject(located(error, function, self.uri))
        elif isinstance(answer.result, Success):
            future.resolve(answer.result.value, partial(metadata_of, self.world.store, self._memo, answer))
        else:
            assert isinstance(answer.result, FailureRecord)
            future.reject(located(rebuild(answer.result, self.serializer), function, self.uri))

    def invoke(self) -> Any:
        """Never asked for: nothing is run."""
        raise NotImplementedError(self.uri)


def _never(_: Failure | FailureRecord) -> None:
    """No failure is tried again by somebody who cannot run the call."""
