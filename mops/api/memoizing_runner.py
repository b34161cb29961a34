"""The Runner that memoizes: looks a call up, has it run where its Shell runs things, and remembers what came of it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.adapters.shells.in_thread import InThreadShell
from mops.api.calls.invocation import Invocation, RunnerParts
from mops.api.calls.serving import is_being_served
from mops.api.codec_registry import registry as codecs
from mops.api.functions.code import CodeOfProcess
from mops.api.functions.declaration import Declaration, refuse_what_cannot_be_memoized
from mops.api.functions.target import OnCodeChange, Target
from mops.api.settings import VERIFY, defaults, switched_on
from mops.api.worlds import world_of
from mops.core.consult import peek
from mops.core.errors import ConfigurationError, MopsError
from mops.core.orchestrate import obtain
from mops.core.ports.shell import RunsInline, Shell, ShellBuilder, SupportsBatch, SupportsLimits
from mops.core.result import Failure, Success
from mops.core.retries import NEVER, Retries
from mops.core.timing import Timing
from mops.runtime import beginning  # noqa: F401 - it notes when it is imported, which is before anything is forked
from mops.runtime.execution import Execution
from mops.runtime.inline import drive
from mops.runtime.observers import OBSERVERS
from mops.runtime.slots import NestedSlots

if TYPE_CHECKING:
    from mops.api.calls.futures import MopsFuture
    from mops.api.records.explanation import Explanation

_SYNC_AFTER: Final = {"auto": 0.1, "always": 0.0, "never": float("inf")}
_WORDS: Final = {
    "on_code_change": (None, "rerun", "warn", "ignore"),
    "durability": tuple(_SYNC_AFTER),
    "verify": (None, *VERIFY),
    "code": ("installed", "tree"),
}
T = TypeVar("T")


class MemoizingPicklingRunner:
    """Runs calls where a Shell runs things, and never computes the same call twice.

    Safe to use from any number of threads, and from forked processes. Pickles by its settings.

    Args:
        shell: where calls run: a ``Shell``, any function that runs a command line to its end, or a ``ShellBuilder``.
        blob_root: where calls and results are stored: a URI, a ``Path``, a ``BlobStore``, or a callable that gives
            one and is asked at every call.
        pipeline_id: groups memo keys.
        on_code_change: what a change of a function's code means. ``"rerun"``: another call. ``"warn"``, the default
            where the author states a logic key: the same call, served with a warning. ``"ignore"``: the same call.
        first_party: further packages whose code counts as the function's own.
        durability: ``"auto"``: results that took longer than 100 ms to compute survive a power failure; or
            ``"always"``, ``"never"``.
        keep_arguments: store the arguments also where no remote needs them.
        replay_logs: on a hit, print on standard error what a remote printed when it was computed; one more request.
        memoize_exceptions: types of exceptions that a later call receives as they are stored, without computing anew.
        retries: what is tried again, how often.
        store_patience: seconds to go on while the store is out of reach: of a first look, and of a call in flight.
        heartbeat: seconds between two signs of life of this process; after six without one, others take its calls over.
            Where more than a hundred of its remotes are under way, each gives them more rarely, down to once a minute.
        verify: ``"require"``: believe nothing under the root that no key of ``MOPS_SIGNING_KEY`` signed, here and in
            remotes. ``None``: what ``MOPS_VERIFY``, else a configuration file says when this process first asks.
        code: ``"installed"``: a remote runs the code that it has. ``"tree"``: the first-party packages that a function
            reaches travel with its calls, and take the place of what is installed there; where calls run in this
            process, nothing travels. Refused at each call where ``defaults.allow_tree`` forbids it.
        include: patterns, as in a ``.gitignore`` of the import root, of what travels beside ``*.py``.

    Raises:
        ConfigurationError: at construction, for a setting that cannot be meant. No I/O is done.
    """

    def __init__(
        self,
        shell: Shell | ShellBuilder | Callable[[Sequence[str]], Any] | None = None,
        blob_root: Any = defaults.mops_root,
        *,
        pipeline_id: str | None = None,
        on_code_change: OnCodeChange | None = None,
        first_party: Iterable[str] = (),
        durability: Literal["auto", "always", "never"] = "auto",
        keep_arguments: bool = False,
        memoize_exceptions: Iterable[type[Exception]] = (),
        replay_logs: bool = False,
        retries: Retries = NEVER,
        store_patience: tuple[float, float] = (60.0, 1800.0),
        heartbeat: float = 10.0,
        verify: Literal["off", "require"] | None = None,
        code: Literal["installed", "tree"] = "installed",
        include: Iterable[str] = (),
    ) -> None:
        self._settings = {
            "shell": InThreadShell() if shell is None else shell,
            "blob_root": blob_root,
            "pipeline_id": pipeline_id,
            "on_code_change": on_code_change,
            "first_party": tuple(first_party),
            "durability": durability,
            "keep_arguments": keep_arguments,
            "memoize_exceptions": tuple(memoize_exceptions),
            "replay_logs": replay_logs,
            "retries": retries,
            "store_patience": store_patience,
            "heartbeat": heartbeat,
            "verify": verify,
            "code": code,
            "include": include if isinstance(include, str) else tuple(include),
        }
        _check(self._settings)
        self._parts = _parts_of(self._settings)
        self._inline = self._parts.shell is None
        self._code = CodeOfProcess(self._settings["first_party"])
        self._targets: dict[Any, Target] = {}  # by id: they hold their functions, whose own == and hash are not asked
        if switched_on("MOPS_SUMMARY", unset=False):
            from mops.api.summary import sum_up_at_exit  # events: only where somebody wants them

            sum_up_at_exit()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._settings,)

    def __repr__(self) -> str:
        root = self._settings["blob_root"]
        named = "mops.defaults.mops_root" if root == defaults.mops_root else repr(root)
        return f"MemoizingPicklingRunner({self._settings['shell']!r}, {named})"

    # ------------------------------------------------------------------------------------------------ the port
    def __call__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> Any:
        """Return what the call returns, from the store or computed now; raise what it raises.

        Raises:
            DecorationError: it is no function that can be memoized.
            UnkeyableArgumentError: an argument has no meaning as a value; nothing was run.
            RecursiveCallError: the call would wait for itself.
            StoreError: the store cannot be used; nothing was run, or the error says where the result is.
            ShellFailed: it could not be run to its end.
        """
        invocation = self.invocation(func, args, kwargs)
        if is_being_served(invocation.memo):
            return invocation.run_plainly()
        execution = Execution(invocation, needs_slot=not self._inline)
        try:
            answer = drive(obtain(invocation.call()), execution.perform)
        except MopsError as error:
            error.about(str(invocation.target.reference), invocation.uri)
            if OBSERVERS:
                invocation.world.tell_end(invocation.memo.folder, None, error)
            raise
        finally:
            execution.close()
        if OBSERVERS:
            invocation.world.tell_end(invocation.memo.folder, answer, None)
        if type(answer.result) is Success:
            if answer.hit and invocation.target.remarks:
                invocation.remark_on(answer)
            return answer.result.value
        raise invocation.exception(answer.result)

    def submit(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "MopsFuture[Any]":
        """Start the call, and return at once. Equal calls of this process share one execution.

        Raises:
            As ``__call__``, for what is found before anything runs.
        """
        from mops.api.calls.submission import submit  # futures cost 11 ms to import

        return submit(self.invocation(func, args, kwargs))

    # ------------------------------------------------------------------------------------------------ beyond the port
    def elsewhere(self, **settings: Any) -> "MemoizingPicklingRunner":
        """A Runner with the same settings but for these."""
        return MemoizingPicklingRunner(**{**self._settings, **settings})

    def shared(self, obj: T) -> T:
        """Have an object stored once, however many calls of this Runner take it, alone or inside of something else.

        It is found in a call by its identity, and travels in the state that it has then: it may be changed between
        calls. It is forgotten when it dies; lists, dicts and other objects that cannot be referred to weakly are kept
        alive by this Runner. Where calls run in this thread, nothing travels, and nothing is stored.

        Returns:
            The object itself.
        """
        self._parts.shared.add(obj)
        return obj

    @property
    def batch_size(self) -> int | None:
        """Commands that its Shell starts with one submission; ``None`` where it starts each alone."""
        shell: Any = self._parts.shell
        return shell.batch_size if isinstance(shell, SupportsBatch) else None

    def peek(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], /
    ) -> Success[Any] | Failure | None:  # fmt: skip
        """What is stored of the call: its value, else the failure of the last attempt, else ``None``. Starts nothing.

        Raises:
            UnkeyableArgumentError, StoreError: as ``__call__``.
        """
        invocation = self.invocation(func, args, kwargs)
        answer = drive(peek(invocation.call()), Execution(invocation, needs_slot=False).perform)
        if answer is None:
            return None
        return answer.result if isinstance(answer.result, Success) else Failure(invocation.exception(answer.result))

    def explain(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> "Explanation":
        """Why the call would be a hit or a miss, and what it differs in from the nearest one. Starts nothing.

        Raises:
            UnkeyableArgumentError, StoreError: as ``__call__``.
        """
        return self.invocation(func, args, kwargs).explain()

    def memo_uri(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], /) -> str:
        """The address of everything about the call. Reads nothing but files that are arguments.

        Raises:
            UnkeyableArgumentError: an argument has no meaning as a value.
        """
        return self.invocation(func, args, kwargs).uri

    def invocation(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Invocation:
        """The call as a value: where it is stored, and how it would be run."""
        if self._parts.ships is not None:
            _check_that_code_may_travel()  # here, as what ``config`` states holds for whoever calls
        target = self._targets.get(id(func)) or self._target(func)
        memo, extras, encodings = target.memo(args, kwargs)
        files = target.files(extras) if extras else ()
        world = world_of(self._settings["blob_root"], self._parts.heartbeat, self._settings["verify"])
        return Invocation(
            self._parts, world, target, memo, extras, args, kwargs, keyed_files=files, encodings=encodings
        )

    def _target(self, func: Callable[..., Any]) -> Target:
        key = func if isinstance(func, MethodType | BuiltinMethodType) else id(func)  # methods are new at every look
        known = self._targets.get(key)
        if known is not None:
            return known
        if not isinstance(func, Declaration):
            refuse_what_cannot_be_memoized(func)
        declaration = func if isinstance(func, Declaration) else Declaration(func)
        settings = self._settings
        found = Target(
            declaration,
            self._code,
            settings["pipeline_id"],
            settings["on_code_change"],
            replays_logs=settings["replay_logs"],
        )
        return self._targets.setdefault(key, found)


def _rebuild(settings: Mapping[str, Any]) -> MemoizingPicklingRunner:
    return MemoizingPicklingRunner(**settings)


def _parts_of(settings: Mapping[str, Any]) -> RunnerParts:
    shell: Any = settings["shell"]
    inline = isinstance(shell, RunsInline)
    limits = shell if isinstance(shell, SupportsLimits) else None
    first_look, in_flight = settings["store_patience"]
    timing = Timing(
        first_look=first_look,
        in_flight=in_flight,
        start_timeout=limits.start_timeout if limits else 300.0,
        sync_after=_SYNC_AFTER[settings["durability"]],
    )
    return RunnerParts(
        None if inline else shell,
        NestedSlots(getattr(shell, "max_workers", None) or getattr(shell, "batch_size", None) or os.cpu_count() or 1),
        timing,
        PicklingSerializer(codecs),
        retries=settings["retries"],
        memoized=frozenset(f"{it.__module__}:{it.__qualname__}" for it in settings["memoize_exceptions"]),
        keeps_arguments=settings["keep_arguments"] or not inline,
        heartbeat=settings["heartbeat"],
        ships=(settings["first_party"], settings["include"]) if settings["code"] == "tree" and not inline else None,
    )


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse what cannot be meant, before anything runs."""
    if isinstance(settings["shell"], type):
        raise ConfigurationError(f"{settings['shell'].__name__} is a class; write {settings['shell'].__name__}()")
    if not callable(settings["shell"]) and not isinstance(settings["shell"], ShellBuilder):
        raise ConfigurationError(f"a Shell is called with a command line; {settings['shell']!r} cannot be called")
    for name, words in _WORDS.items():
        if settings[name] not in words:
            *others, last = map(repr, filter(None, words))
            raise ConfigurationError(f"{name} is {', '.join(others)} or {last}, not {settings[name]!r}")
    if settings["pipeline_id"] is not None and type(settings["pipeline_id"]) is not str:
        raise ConfigurationError(f"a pipeline id is a string, not {settings['pipeline_id']!r}")
    if not isinstance(settings["retries"], Retries):
        raise ConfigurationError(f"retries is Retries(...), not {settings['retries']!r}")
    if not all(isinstance(it, type) and issubclass(it, Exception) for it in settings["memoize_exceptions"]):
        raise ConfigurationError(f"memoize_exceptions are types, not {settings['memoize_exceptions']!r}")
    if settings["pipeline_id"] == "":
        raise ConfigurationError("a pipeline id has at least one character")
    _check_include(settings["include"], settings["code"])
    if not settings["heartbeat"] > 0 or not all(seconds >= 0 for seconds in settings["store_patience"]):
        raise ConfigurationError("heartbeat and store_patience are numbers of seconds")


def _check_that_code_may_travel() -> None:
    if not defaults.allow_tree():
        advice = "have the code installed where calls run: code='installed'; or allow it to travel: allow_tree = true"
        raise ConfigurationError("code='tree' ships code with calls, which allow_tree forbids here", advice=advice)


def _check_include(include: Any, code: str) -> None:
    if isinstance(include, str) or not all(isinstance(pattern, str) for pattern in include):
        raise ConfigurationError(f"include is a list of patterns, not {include!r}")
    outside = next((pattern for pattern in include if ".." in pattern.split("/")), None)
    if outside is not None:
        raise ConfigurationError(f"include has {outside!r}: what lies outside of the packages does not travel")
    if include and code != "tree":
        raise ConfigurationError("include= says what travels beside *.py, and with code='installed' nothing travels")
