"""One call of one Runner: its address, its hands, and what became of it."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from mops.api.calls.serving import SERVING, Served
from mops.api.display.terminal import somebody_listens
from mops.api.functions.target import Target
from mops.api.locate import check_lasting, leaves_the_process
from mops.core.batch import Order
from mops.core.blob_layout import Memo
from mops.core.call import Answer, Call
from mops.core.errors import ConfigurationError, UnkeyableArgumentError, kind_of
from mops.core.failure import FailureRecord, located
from mops.core.files import LocalFile
from mops.core.ports.serializer import Serialized, Serializer
from mops.core.ports.shell import RemoteCommand, Shell, ShellBuilder, SupportsAttach, SupportsBatch, SupportsReach
from mops.core.result import Failure
from mops.core.retries import NEVER, Retries
from mops.core.timing import Timing, interval_among
from mops.runtime.slots import NestedSlots, Slots
from mops.runtime.world import World

if TYPE_CHECKING:
    from mops.api.calls.attempts import Attempts
    from mops.api.calls.shared_objects import SharedObjects
    from mops.api.calls.shipped_code import CodeTree
    from mops.api.records.explanation import Explanation
    from mops.runtime.batches import Batcher
    from mops.runtime.commands import Command


@final
class RunnerParts:
    """What a Runner gives each of its invocations.

    Attributes:
        shell: where calls run; ``None`` where they run in this process.
        slots: how many at once.
        timing: how long to wait for what.
        far_timing: the same where the store is reached over a network.
        serializer: for calls, results and exceptions.
        retries: what is tried again.
        memoized: qualified names of the exceptions that are served as they are stored.
        keeps_arguments: whether claims hold the pickled call.
        heartbeat: seconds between beats, of this process and of few remotes.
        ships: what travels beside the modules that a function reaches: others, and patterns; ``None``: no code does.
    """

    __slots__ = (
        "_batchers", "_shared", "far_timing", "heartbeat", "keeps_arguments", "memoized", "retries", "serializer",
        "shell", "ships", "slots", "timing",
    )  # fmt: skip

    def __init__(
        self,
        shell: Shell | ShellBuilder | None,
        slots: NestedSlots,
        timing: Timing,
        serializer: Serializer,
        *,
        retries: Retries,
        memoized: frozenset[str],
        keeps_arguments: bool,
        heartbeat: float,
        ships: tuple[tuple[str, ...], tuple[str, ...]] | None,
    ) -> None:
        self.shell = shell
        self.ships = ships
        self.slots = slots
        self.timing = timing
        self.far_timing = timing.over_a_network()
        self.serializer = serializer
        self.retries = retries
        self.memoized = memoized
        self.keeps_arguments = keeps_arguments
        self.heartbeat = heartbeat
        self._batchers: dict[tuple[int, int], Batcher] = {}
        self._shared: SharedObjects | None = None

    @property
    def shared(self) -> "SharedObjects":
        """What the calls share."""
        if self._shared is None:
            from mops.api.calls.shared_objects import SharedObjects  # a hit shares nothing

            self._shared = SharedObjects()
        return self._shared

    def batcher(self, shell: Shell, world: World) -> "Batcher | None":
        """What collects commands for one submission, if they are for the Runner's own Shell and that can do it."""
        batches: Any = shell
        if shell is not self.shell or not isinstance(batches, SupportsBatch):
            return None
        from mops.runtime.batches import Batcher

        key = os.getpid(), id(world)
        found = self._batchers.get(key)
        if found is None:
            made = Batcher(shell, batches, world, sys.executable, self.timing.in_flight)
            found = self._batchers.setdefault(key, made)
        return found


_CHANGED: Final = ("an argument was changed", "an argument, or what the function captured, was changed")
_NOT_KEPT: Final = Serialized((b"",))


@final
class Invocation:
    """A function bound to arguments, under a blob root.

    Attributes:
        target: the function.
        memo: its address under the root.
        world: the root as this process sees it.
    """

    __slots__ = (
        "_args", "_attempts", "_deferred", "_encodings", "_extras", "_keyed_files", "_kwargs", "_parts", "_serving",
        "memo", "target", "world",
    )  # fmt: skip

    def __init__(
        self,
        parts: RunnerParts,
        world: World,
        target: Target,
        memo: Memo,
        extras: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        keyed_files: tuple[LocalFile, ...],
        encodings: Sequence[bytes],
    ) -> None:
        self._parts = parts
        self._encodings: Sequence[bytes] | None = encodings
        self._keyed_files = keyed_files
        self.world = world
        self.target = target
        self.memo = memo
        self._extras = extras
        self._args = args
        self._kwargs = kwargs
        self._serving = SERVING.get()
        self._attempts: Attempts | None = None
        self._deferred: bytes | None = None

    @property
    def uri(self) -> str:
        """The memo URI."""
        return f"{self.world.store.uri}/{self.memo.folder}"

    def call(self) -> Call:
        """The call as the core's use case needs it."""
        parts = self._parts
        return Call(
            self.memo,
            serializer=parts.serializer,
            timing=parts.far_timing if self.world.is_far else parts.timing,
            inline=self.runs_here,
            about=self._about,
            pickled=self._pickled,
            retry=self._retry,
            memoized=parts.memoized,
        )

    @property
    def runs_here(self) -> bool:
        """Whether the call runs in this process."""
        return self._parts.shell is None

    @property
    def shell(self) -> Shell | None:
        """Starts the next command; ``None`` where the call runs in this process.

        Raises:
            ConfigurationError: a builder chose what cannot start a command.
        """
        choice = self._parts.shell
        if choice is None:
            return None
        return self._known_attempts().shell(choice, self.target.declaration.function, self._args, self._kwargs)

    @property
    def slots(self) -> Slots:
        """How many calls of the Shell, as deep inside of other calls, run at once."""
        return self._parts.slots.at(len(self._serving))

    @property
    def serializer(self) -> Serializer:
        """For the call, its result and its exceptions."""
        return self._parts.serializer

    def metadata(self, answer: Answer) -> Mapping[str, Any]:
        """Who computed a result, where, when, for how long, with which versions.

        Raises:
            StoreError: it has to be read, and cannot be.
        """
        from mops.api.records.metadata import metadata_of

        return metadata_of(self.world.store, self.memo, answer)

    def exception(self, result: Failure | FailureRecord) -> BaseException:
        """What to raise for a failure."""
        if isinstance(result, Failure):
            return located(result.exception, str(self.target.reference), self.uri)
        from mops.runtime.failures import rebuild

        return located(rebuild(result, self._parts.serializer), str(self.target.reference), self.uri)

    def remark_on(self, answer: Answer) -> None:
        """Say what a hit has to say: what was printed when it was computed, and once, that its code has changed."""
        if self.target.replays_logs and answer.envelope is not None:
            from mops.api.records.logs import replay_logs

            replay_logs(self.world.store, self.memo, answer.envelope)
        if self.target.policy == "warn":
            self.warn_if_code_changed(answer)

    def warn_if_code_changed(self, answer: Answer) -> None:
        """Say once what changed in the code since a result was computed that is served all the same."""
        stored = answer.envelope
        if stored is not None and stored.fingerprint != self.memo.fingerprint:
            from mops.api.records.explanation import changes_since

            changes = changes_since(self.world.store, self.memo, stored, self.target.about_code(self._extras))
            if changes:
                self.world.tell(f"{self.target.reference}: {changes}")

    def explain(self) -> "Explanation":
        """Why the call is a hit or a miss. Starts nothing.

        Raises:
            StoreError: the store cannot be read.
        """
        from mops.api.records.explanation import explain_call

        return explain_call(self.world.store, self.memo, self._describe())

    def defer(self) -> None:
        """Note that the call runs later than it was keyed: what changes its arguments until then has to be noticed."""
        self._deferred = self.memo.digest
        if self.target.by_value and self.runs_here:  # functions may go on with what they captured
            self._deferred, _ = self.target.look_again(self._args, self._kwargs, with_captured=False)

    def _is_as_keyed(self) -> bool:
        """Whether the arguments still are what they were when the call was deferred, and what travels with them."""
        with_captured = self.target.by_value and not self.runs_here
        digest, files = self.target.look_again(self._args, self._kwargs, with_captured=with_captured)
        if digest == self._deferred:
            self._keyed_files = files  # equal ones, of which more is at hand
        return digest == self._deferred

    def _retry(self, failure: Failure | FailureRecord) -> float | None:
        if self._parts.retries is NEVER:
            return None
        kind = kind_of(failure.exception) if isinstance(failure, Failure) else failure.kind
        shell = self.shell if kind == "out_of_memory" else None
        delay = self._known_attempts().after(self.exception(failure), kind, shell)
        if delay is not None and self.runs_here and not self._is_as_keyed():
            self.world.tell(f"{self.target.reference} is not tried again: it changed its arguments before it failed")
            return None
        return delay

    def _known_attempts(self) -> "Attempts":
        if self._attempts is None:
            from mops.api.calls.attempts import Attempts  # a hit makes none

            self._attempts = Attempts(self._parts.retries)
        return self._attempts

    def _about(self) -> bytes:
        """What the claim says of the call. Asked for on a miss alone, which is when it is worth saying what changed."""
        if self.target.code_in_key and somebody_listens():
            from mops.api.records.explanation import say_what_changed

            say_what_changed(self.world.store, self.memo, self.target.about_code(self._extras))
        tree = self._code_tree()
        return self._describe(getattr(self.shell, "run_timeout", None), tree and tree.stated(self.memo.fingerprint))

    def _code_tree(self) -> "CodeTree | None":
        """The code that travels with the call."""
        if self._parts.ships is None:
            return None
        from mops.api.calls.shipped_code import code_tree

        return code_tree(self.target.fingerprint(self._extras).modules, *self._parts.ships, self.world.tell)

    def _describe(self, run_timeout: float | None = None, tree: bytes | None = None) -> bytes:
        from mops.api.calls.claims import about_call

        heartbeat, remote = self._parts.heartbeat, self._parts.shell is not None
        encodings, self._encodings = self._encodings, None  # a call may wait for long, and describes itself once
        return about_call(
            self.target,
            self._extras,
            self._args,
            self._kwargs,
            self._serving,
            interval_among(self.slots.at_once(), heartbeat) if remote else heartbeat,
            run_timeout,
            remote=remote,
            encodings=encodings,
            tree=tree or b"null",
        )

    def _pickled(self) -> Serialized:
        as_keyed = self._deferred is None or self._is_as_keyed()
        if self._deferred is None and self._parts.retries is not NEVER:
            self.defer()  # the next attempt does
        call = self._as_it_travels()  # which says of a file that it changed
        if not as_keyed:
            raise UnkeyableArgumentError(
                f"{_CHANGED[self.target.by_value]} before the call could run: its result would stand for what it was",
                advice="hand over a copy, or leave what a call was given as it is until its result is there",
            )
        return call

    def _as_it_travels(self) -> Serialized:
        if not self._parts.keeps_arguments:
            return _NOT_KEPT
        if self._parts.shell is not None and not leaves_the_process(self.world.store):
            raise ConfigurationError(
                f"{self.world.store.uri} is known to this process alone, and no Shell can reach it",
                advice="name a folder as blob root, or have the call run in this process with InThreadShell",
            )
        check_lasting(self.world.store, getattr(self._parts.shell, "run_timeout", None))
        shell: Any = self.shell
        if isinstance(shell, SupportsReach):
            shell.check_reach(self.world.store.uri)
        from mops.api.calls.claims import pickled_call

        target, serializer = self.target, self._parts.serializer
        named = target.values_of(target.declaration.shared, self._args, self._kwargs)
        shared = self._parts.shared.of_call(named, self.world.store.uri, target.key_of, serializer)
        call = pickled_call(target, self._extras, self._args, self._kwargs, serializer, shared)
        tree = self._code_tree()
        if tree is not None:
            call = call._replace(files=[*call.files, tree.as_file()])
        if not self._keyed_files:
            return call
        from mops.api.calls.inputs import as_keyed

        return as_keyed(call, self._keyed_files)

    def start(
        self, folder: str, epoch: int, news: Callable[[], None], ended: Callable[[], None], *, alone: bool
    ) -> "Command":  # fmt: skip
        """See ``Errand``."""
        from mops.runtime.commands import Command  # futures: a hit does not need them

        shell, argv = self.shell, self._argv(folder, epoch)
        assert shell is not None
        batcher = None if alone else self._parts.batcher(shell, self.world)
        if batcher is None:
            return Command.started(shell, argv, news, ended)
        return batcher.start(Order(folder, epoch), argv, news, ended)

    def find(self, folder: str, epoch: int, news: Callable[[], None]) -> "Command | None":
        """See ``Errand``."""
        from mops.runtime.commands import Command

        shell: Any = self.shell
        return Command.attached(shell, self._argv(folder, epoch), news) if isinstance(shell, SupportsAttach) else None

    def _argv(self, folder: str, epoch: int) -> Sequence[str]:
        return RemoteCommand(self.world.store.uri, folder, epoch, self.world.verify).argv(sys.executable)

    def run_plainly(self) -> Any:
        """Call the function as if mops were not there."""
        return self.target.declaration.function(*self._args, **self._kwargs)

    def changed_inputs(self) -> str:
        """See ``Errand``."""
        if not self._keyed_files:
            return ""
        from mops.api.calls.inputs import changed_since

        return changed_since(self._keyed_files)

    def remark(self) -> str:
        """See ``Errand``. The code that ran is the one that the call is keyed by."""
        return ""

    def invoke(self) -> Any:
        """Run the plain function in this thread, in the knowledge of which call that is."""
        for file in self._keyed_files:
            file.seen = None  # nobody stores it, and the function may take long
        token = SERVING.set((*self._serving, Served(self.memo.folder, entered=True, world=self.world)))
        try:
            return self.run_plainly()
        finally:
            SERVING.reset(token)
