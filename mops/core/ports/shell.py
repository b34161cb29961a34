"""The Shell port: starts ``python -m mops remote`` in some environment.

The whole contract is one command line and one exit status. The command reads what to run from the blob store and
publishes what came of it there; a Shell never sees a function, an argument or a result.

Every Protocol beside ``Shell`` is a capability that a Shell may have in addition.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from concurrent.futures import Future  # 5 ms that a hit does not need


class Shell(Protocol):
    """Starts one command somewhere."""

    @abstractmethod
    def __call__(self, argv: Sequence[str], /) -> "Future[None] | None":
        """Start the command.

        ``argv`` is complete, ready for ``subprocess.run``; a Shell that leaves the machine replaces ``argv[0]``, the
        Python interpreter. The command must run with mops, the function's package and the blob root within reach.

        Returns:
            ``None``, or anything that is no Future, means that the command has finished with exit status 0. So
            ``subprocess.run(argv, check=True)`` is a Shell. A Future resolves when the command has finished; its
            ``running()`` is ``False`` while the engine behind it has the command pending, and its ``cancel()`` stops
            the command, running or not.

        Raises:
            Exception: the command could not be started, or ended with another status, in the engine's own words; the
                same through the Future. An attribute ``kind`` names the field of ``Retries`` that the failure falls
                under. Foreign exceptions become ``ShellFailed``, with their cause.
        """


@runtime_checkable
class SupportsLimits(Protocol):
    """A Shell with limits that the Runner keeps for it.

    Attributes:
        max_workers: running commands of one orchestrator process.
        start_timeout: seconds from the start of a command that is no longer pending to the first sign of its remote.
        run_timeout: seconds from the start of the function's process to the return of the function, or ``None`` for as
            long as it takes. The remote keeps it, wherever it runs; the Shell has but to state it.
    """

    @property
    @abstractmethod
    def max_workers(self) -> int: ...

    @property
    @abstractmethod
    def start_timeout(self) -> float: ...

    @property
    @abstractmethod
    def run_timeout(self) -> float | None: ...


@runtime_checkable
class SupportsAttach(Protocol):
    """A Shell whose commands outlive the process that started them, and can be found again."""

    @abstractmethod
    def attach(self, argv: Sequence[str], /) -> "Future[None] | None":
        """Find the command that any process started with these arguments; the interpreter does not count.

        Returns:
            A Future as ``__call__`` returns it, or ``None`` where there is no such command, or it cannot be known
            whether there is one. A command that has ended may be found or not.

        Raises:
            Exception: the engine cannot be asked.
        """


@runtime_checkable
class SupportsBatch(Protocol):
    """A Shell that starts many copies of a command with one submission.

    Attributes:
        batch_size: copies that one submission may have.
    """

    @property
    @abstractmethod
    def batch_size(self) -> int: ...

    @abstractmethod
    def start_batch(self, argv: Sequence[str], count: int, /) -> "Sequence[Future[None]]":
        """Start copies of a command, numbered from 0.

        ``argv`` is complete, as for ``__call__``, and ends with ``--index-env NAME``: each copy has to find its number
        in the environment variable of that name, which is for the Shell to set or to replace. What the copies are to
        run was stored before.

        Returns:
            A Future for each copy, in the order of their numbers, as ``__call__`` returns it.

        Raises:
            Exception: no copy was started.
        """


@runtime_checkable
class SupportsMemory(Protocol):
    """A Shell whose commands have a limit of memory.

    Attributes:
        memory: bytes, the limit of each command.
    """

    @property
    @abstractmethod
    def memory(self) -> int: ...

    @abstractmethod
    def with_memory(self, memory: int, /) -> Shell:
        """The same Shell with another limit, in bytes. This one is not changed."""


@runtime_checkable
class SupportsReach(Protocol):
    """A Shell whose commands reach some blob roots and not others."""

    @abstractmethod
    def check_reach(self, root: str, /) -> None:
        """Let a blob root pass, by its URI, that the commands can open.

        Asked at each call, from any thread, before anything is claimed or started. It starts nothing and writes
        nothing. What passes is opened by the commands that start next.

        Raises:
            ConfigurationError: they cannot. It names the root, and says as advice what to do.
        """


class Attempt(NamedTuple):
    """Which attempt at a call it is.

    Attributes:
        number: 1, 2, 3...
        failures: of the attempts before, the last one last.
    """

    number: int
    failures: tuple[BaseException, ...]


@runtime_checkable
class ShellBuilder(Protocol):
    """Chooses a Shell for each attempt of each call."""

    @abstractmethod
    def build(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], attempt: Attempt
    ) -> Shell:
        """The Shell for one attempt. ``func`` is the plain function.

        Raises:
            Exception: reaches the caller; nothing is started.
        """


@runtime_checkable
class RunsInline(Protocol):
    """No command at all: the call runs in the orchestrator's own process, with its live arguments.

    Attributes:
        max_workers: threads for submitted calls; direct calls run in the caller's thread.
    """

    @property
    @abstractmethod
    def runs_inline(self) -> Literal[True]: ...

    @property
    @abstractmethod
    def max_workers(self) -> int: ...


class RemoteCommand(NamedTuple):
    """What the command line tells the remote: which call of which store, and the epoch that it was started for.

    Attributes:
        verify: ``"require"``: the remote is to believe nothing that no key of its environment signed.
    """

    root: str
    memo: str
    epoch: int
    verify: str = "off"

    def argv(self, python: str) -> list[str]:
        """The complete command for one interpreter."""
        options = [*_options(self.root, self.verify), "--memo", self.memo, "--epoch", str(self.epoch)]
        return [python, "-m", "mops", "remote", *options]


class BatchCommand(NamedTuple):
    """What the command line tells each copy of a submission: the batch, and the variable that holds its number.

    Attributes:
        verify: as ``RemoteCommand`` has it.
    """

    root: str
    batch: str
    index_env: str
    verify: str = "off"

    def argv(self, python: str) -> list[str]:
        """The complete command for one interpreter."""
        options = [*_options(self.root, self.verify), "--batch", self.batch, "--index-env", self.index_env]
        return [python, "-m", "mops", "remote", *options]


def parse_remote(arguments: Sequence[str]) -> RemoteCommand | BatchCommand:
    """Read what follows ``python -m mops remote``.

    Raises:
        ValueError: it is not what ``RemoteCommand.argv`` or ``BatchCommand.argv`` writes.
    """
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    if len(arguments) == 2 * len(options) and options.get(_VERIFY, _REQUIRE) == _REQUIRE:
        verify = options.pop(_VERIFY, "off")
        if set(options) == set(_ONE) and options["--epoch"].isdigit():
            return RemoteCommand(options["--root"], options["--memo"], int(options["--epoch"]), verify)
        if set(options) == set(_BATCH):
            return BatchCommand(options["--root"], options["--batch"], options["--index-env"], verify)
    expected = " or ".join(" ".join(f"{name} {name[2:].upper()}" for name in names) for names in (_ONE, _BATCH))
    raise ValueError(f"mops remote takes, maybe with {_VERIFY} {_REQUIRE}, {expected}, not: {' '.join(arguments)}")


def _options(root: str, verify: str) -> list[str]:
    return ["--root", root] if verify != _REQUIRE else ["--root", root, _VERIFY, _REQUIRE]


_VERIFY: Final = "--verify"
_REQUIRE: Final = "require"
_ONE: Final = ("--root", "--memo", "--epoch")
_BATCH: Final = ("--root", "--batch", "--index-env")
