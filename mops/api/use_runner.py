"""The decorator: a function whose calls a Runner takes."""

from collections.abc import Callable, Iterable, Iterator, Sized
from functools import cache, partial, update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from mops.api.functions.declaration import Declaration, refuse_what_cannot_be_memoized
from mops.api.settings import defaults
from mops.core.errors import ConfigurationError, DecorationError

if TYPE_CHECKING:
    from mops.api.calls.futures import MopsFuture
    from mops.api.maps.calls import Calls
    from mops.api.maps.starting import Begin
    from mops.api.memoizing_runner import MemoizingPicklingRunner
    from mops.api.records.explanation import Explanation
    from mops.core.ports.runner import Runner
    from mops.core.result import Failure, Success

P = ParamSpec("P")
R = TypeVar("R")

_stand_in: "Callable[[Runner], Runner] | None" = None


def replace_runners(stand_in: "Callable[[Runner], Runner] | None") -> "Callable[[Runner], Runner] | None":
    """Have other Runners take the calls of every decorated function of this process; ``None`` gives each its own again.

    For tests. ``stand_in`` is given a function's own Runner at each call, and gives the one that stands in for it.
    Returns what did so before.
    """
    global _stand_in
    before, _stand_in = _stand_in, stand_in
    return before


class MemoizedFunction(Generic[P, R]):
    """A decorated function: calls go to its Runner. It has the name, the docstring and the signature of the function.

    Pickles by name where it can be found by its name.

    Attributes:
        __wrapped__: the plain function.
    """

    __wrapped__: Callable[P, R]

    def __init__(
        self, declaration: Declaration, runner: "Runner", skip_runner: bool | Callable[[], bool], *bound: Any
    ) -> None:  # fmt: skip
        self.__mops_declaration__ = declaration
        self._runner: Any = runner
        self._skip = skip_runner
        self._bound = bound
        update_wrapper(self, declaration.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function through its Runner, or plainly where ``skip_runner`` says so."""
        if self._skip and self._is_skipped():
            return self.__mops_declaration__.function(*self._bound, *args, **kwargs)  # type: ignore[no-any-return]
        runner = self._runner if _stand_in is None else _stand_in(self._runner)
        return runner(self.__mops_declaration__, self._bound + args, kwargs)  # type: ignore[no-any-return]

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> "MopsFuture[R]":
        """Start a call and return its future.

        Raises:
            ConfigurationError: the Runner cannot submit.
            UnkeyableArgumentError: as a call.
        """
        if self._skip and self._is_skipped():
            return self._finished(args, kwargs)
        submit = getattr(self._present_runner(), "submit", None)
        if submit is None:
            raise ConfigurationError(f"{self._runner!r} has no submit: it can only be called")
        return submit(self.__mops_declaration__, *self._bound, *args, **kwargs)  # type: ignore[no-any-return]

    def map(
        self,
        *iterables: Iterable[Any],
        ordered: bool = True,
        return_exceptions: bool = False,
        buffersize: int | None = None,
        progress: bool | None = None,
    ) -> "Calls[R]":
        """Call the function with the first of each iterable, the second of each, and so on, until one has no more.

        Calls are started at once, as far as the buffer goes. Where ``skip_runner`` says so now, or the Runner cannot
        submit, each runs in the thread that asks for its result, and none ahead of that.

        Args:
            iterables: one for each positional argument; read lazily.
            ordered: results come in the order of the inputs, otherwise as they are completed.
            return_exceptions: give the exception of a call that failed in place of its result, and do not raise it.
            buffersize: how many calls are started and not delivered, at most; by default, 1,000.
            progress: a line that tells how it goes; by default, if it takes more than a second.

        Raises:
            ConfigurationError: the buffer has no room for one call.
        """
        inputs = zip(*iterables, strict=False)
        sizes = [_size(it) for it in iterables]
        known = [size for size in sizes if size is not None]
        total = min(known) if len(known) == len(sizes) and sizes else None
        return self._calls(inputs, total, ordered, return_exceptions, buffersize, progress)

    def starmap(
        self,
        inputs: Iterable[Iterable[Any]],
        *,
        ordered: bool = True,
        return_exceptions: bool = False,
        buffersize: int | None = None,
        progress: bool | None = None,
    ) -> "Calls[R]":
        """As ``map``; each input holds all the positional arguments of one call. One that is no iterable fails alone.

        Raises:
            As ``map``.
        """
        return self._calls(iter(inputs), _size(inputs), ordered, return_exceptions, buffersize, progress)

    def peek(self, *args: P.args, **kwargs: P.kwargs) -> "Success[R] | Failure | None":
        """What is stored of a call: its value, else the failure of its last attempt, else ``None``. Starts nothing.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._memoizing("peek").peek(self.__mops_declaration__, self._bound + args, kwargs)

    def map_peek(self, *iterables: Iterable[Any]) -> "Iterator[Success[R] | Failure | None]":
        """As ``peek`` for each of many calls, whose arguments are given as to ``map``: which of these are stored?

        The answers come in the order of the inputs, which are read as they are asked for; at most 16 requests are on
        their way at once. Starts no call.

        Raises:
            StoreError: at its place, and then no more comes; the store cannot be read.
            UnkeyableArgumentError: likewise.
        """
        from mops.api.maps.peeking import each  # futures, which a hit does not need

        peek, declaration = self._memoizing("peek").peek, self.__mops_declaration__
        inputs = zip(*iterables, strict=False)
        return each(lambda args: peek(declaration, (*self._bound, *args), {}), inputs)

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> "Explanation":
        """Why a call would be a hit or a miss, and what it differs in from the nearest one. Starts nothing.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._memoizing("explain").explain(self.__mops_declaration__, self._bound + args, kwargs)

    def memo_uri(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The address of everything about a call."""
        return self._memoizing("memo_uri").memo_uri(self.__mops_declaration__, self._bound + args, kwargs)

    def with_runner(self, runner: "Runner") -> "MemoizedFunction[P, R]":
        """The same function under another Runner.

        Raises:
            ConfigurationError: it is no Runner.
        """
        refuse_what_is_no_runner(runner)
        return MemoizedFunction(self.__mops_declaration__, runner, self._skip, *self._bound)

    def __get__(self, instance: Any, owner: type | None = None) -> "MemoizedFunction[..., R]":
        """As a method: the instance is the first argument."""
        if instance is None:
            return self
        return MemoizedFunction(self.__mops_declaration__, self._runner, self._skip, *self._bound, instance)

    def __repr__(self) -> str:
        return f"<{self.__module__}.{self.__mops_declaration__.function.__qualname__} through {self._runner!r}>"

    def __reduce__(self) -> Any:
        if self._bound or not self._is_found_by_name():
            return _rebuild, (self.__mops_declaration__, self._runner, self._skip, *self._bound)
        return _find, (self.__mops_declaration__.function.__module__, self.__mops_declaration__.function.__qualname__)

    def __mops_reduce__(self) -> Any:
        """How it travels to a process that cannot find it by its name: with its function and its Runner."""
        if self.__mops_declaration__.is_of_main or not self._is_found_by_name():
            return _rebuild, (self.__mops_declaration__, self._runner, self._skip, *self._bound)
        return NotImplemented

    def __mops_key__(self) -> object:
        """As an argument it counts as its function, whatever the Runner; a stated logic key stands for the code."""
        from mops.api.functions.references import reference_of

        declaration = self.__mops_declaration__
        reference, by_value = reference_of(declaration.function)
        is_named = declaration.logic_key is not None and not by_value
        return str(reference) if is_named else declaration.function, declaration.logic_key, self._bound

    def _is_found_by_name(self) -> bool:
        function = self.__mops_declaration__.function
        try:
            return _find(function.__module__, function.__qualname__) is self
        except (AttributeError, ImportError):
            return False

    def _is_skipped(self) -> bool:
        return self._skip() if callable(self._skip) else self._skip

    def _finished(self, args: Any, kwargs: Any) -> "MopsFuture[R]":
        from mops.api.calls.futures import MopsFuture

        future: MopsFuture[R] = MopsFuture()
        try:
            future.resolve(self.__mops_declaration__.function(*self._bound, *args, **kwargs), dict)
        except Exception as error:  # noqa: BLE001 - the future delivers it
            future.reject(error)
        return future

    def _calls(
        self,
        inputs: Iterator[Iterable[Any]],
        total: int | None,
        ordered: bool,
        return_exceptions: bool,
        buffersize: int | None,
        progress: bool | None,
    ) -> "Calls[R]":
        from mops.api.maps.calls import DEFAULT_BUFFERSIZE, Calls  # futures, which a hit does not need

        if buffersize is not None and (type(buffersize) is not int or buffersize < 1):
            raise ConfigurationError(f"buffersize must be a positive number, not {buffersize!r}")
        return Calls(
            self._begin(),
            inputs,
            name=self.__mops_declaration__.function.__name__,
            total=total,
            ordered=ordered,
            return_exceptions=return_exceptions,
            buffersize=buffersize or getattr(self._present_runner(), "batch_size", None) or DEFAULT_BUFFERSIZE,
            progress=progress,
        )

    def _begin(self) -> "Begin":
        from mops.api.maps.starting import Inline, Looking, Submitting

        declaration, bound = self.__mops_declaration__, self._bound
        if self._skip and self._is_skipped():
            return Inline(partial(declaration.function, *bound))
        runner = self._present_runner()
        if hasattr(runner, "invocation"):
            return Looking(declaration, runner.invocation, bound)
        if hasattr(runner, "submit"):
            return Submitting(declaration, runner.submit, bound)
        return Inline(lambda *args: runner(declaration, bound + args, {}))

    def _present_runner(self) -> Any:
        return self._runner if _stand_in is None else _stand_in(self._runner)

    def _memoizing(self, method: str) -> "MemoizingPicklingRunner":
        runner = self._present_runner()
        if not hasattr(runner, method):
            raise ConfigurationError(f"{runner!r} does not memoize: it has no {method}")
        return runner  # type: ignore[no-any-return]


def _size(inputs: Iterable[Any]) -> int | None:
    """How many there are, where they know it: it may be more than ``len`` can say, or something lazy may refuse."""
    try:
        return len(inputs) if isinstance(inputs, Sized) else None
    except (OverflowError, TypeError, NotImplementedError):
        return None


def _rebuild(
    declaration: Declaration, runner: "Runner", skip_runner: bool | Callable[[], bool], *bound: Any
) -> MemoizedFunction[..., Any]:  # fmt: skip
    return MemoizedFunction(declaration, runner, skip_runner, *bound)


def _find(module: str, qualname: str) -> Any:
    import sys

    __import__(module)
    found: Any = sys.modules[module]
    for name in qualname.split("."):
        found = found.__dict__[name] if isinstance(found, type) else getattr(found, name)
    return found


def refuse_what_is_no_runner(runner: Any) -> None:
    """Raise for what is no Runner at the first look: a Shell, a class, what cannot be called.

    Raises:
        ConfigurationError: with what to write instead.
    """
    if isinstance(runner, type):
        raise ConfigurationError(f"{runner.__name__} is a class; write {runner.__name__}(...)")
    if not callable(runner) or hasattr(runner, "max_workers"):
        raise ConfigurationError(
            f"a Runner is called as runner(func, args, kwargs); {runner!r} is none. A Shell needs one around it: "
            "MemoizingPicklingRunner(shell)"
        )


class use_runner:  # noqa: N801 - a decorator is written like a function
    """Have a Runner take the calls of a function.

    Args:
        runner: any callable of the form ``runner(func, args, kwargs)``; ``func`` is a small picklable that names the
            decorated function and calls the plain one.
        skip_runner: ``True``, or a callable that is asked at every call: then nothing of mops is touched.
        logic_key: text that the author changes to say that the function now computes something else; by default, what
            follows ``function-logic-key:`` in the docstring.
        ignore: names of arguments that are not part of the memo key.
        shared: names of arguments that many calls have in common: each is stored once for each of its states, and
            referred to by its content after that.
        name: ``module:qualname`` to be used in keys instead of the function's own.

    Raises:
        DecorationError: what is decorated cannot be memoized.
        ConfigurationError: an argument cannot be meant.
    """

    def __init__(
        self,
        runner: "Runner",
        skip_runner: bool | Callable[[], bool] = False,
        *,
        logic_key: str | None = None,
        ignore: Iterable[str] = (),
        shared: Iterable[str] = (),
        name: str | None = None,
    ) -> None:
        refuse_what_is_no_runner(runner)
        for setting, names in (("ignore", ignore), ("shared", shared)):
            if isinstance(names, str):
                raise ConfigurationError(f"{setting} is a collection of names: {setting}=({names!r},)")
        if name is not None and (name.count(":") != 1 or not all(name.split(":"))):
            raise ConfigurationError(f"name has the form 'module:qualname', not {name!r}")
        self._runner = runner
        self._skip = skip_runner
        self._logic_key = logic_key
        self._ignore = tuple(ignore)
        self._shared = tuple(shared)
        self._name = name

    def __call__(self, function: Callable[P, R]) -> MemoizedFunction[P, R]:
        """Decorate a function."""
        refuse_what_cannot_be_memoized(function)
        declaration = Declaration(
            function, logic_key=self._logic_key, ignore=self._ignore, shared=self._shared, name=self._name
        )
        for verb, names in (("ignored", self._ignore), ("shared", self._shared)):
            unknown = declaration.unknown_arguments(names)
            if unknown:
                raise DecorationError(f"{function.__qualname__} has no argument {unknown[0]!r} that could be {verb}")
        return MemoizedFunction(declaration, self._runner, self._skip)


@overload
def pure(function: Callable[P, R], /) -> MemoizedFunction[P, R]: ...
@overload
def pure(
    *, logic_key: str | None = None, ignore: Iterable[str] = (), name: str | None = None
) -> Callable[[Callable[P, R]], MemoizedFunction[P, R]]: ...
def pure(
    function: Callable[..., Any] | None = None,
    /,
    *,
    logic_key: str | None = None,
    ignore: Iterable[str] = (),
    name: str | None = None,
) -> Any:
    """Memoize a function in this process, under ``defaults.mops_root``: ``use_runner`` without any configuration.

    Bare or called. The arguments are those of ``use_runner``.

    Raises:
        As ``use_runner``.
    """
    decorate = use_runner(_runner_of_pure(), logic_key=logic_key, ignore=ignore, name=name)
    return decorate if function is None else decorate(function)


@cache
def _runner_of_pure() -> "MemoizingPicklingRunner":
    from mops.api.memoizing_runner import MemoizingPicklingRunner

    return MemoizingPicklingRunner(blob_root=defaults.mops_root)
