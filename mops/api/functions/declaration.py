"""What an author declares about a function, and the small picklable that names it for any Runner."""

import sys
from collections.abc import Callable
from typing import Any, Final, final

from mops.core.errors import DecorationError

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # of `co_flags`; the module that names them takes 11 ms
_TAKES_MORE, _TAKES_ANY_NAME = 0x04, 0x08
_LOGIC_KEY_LINE: Final = "function-logic-key:"


@final
class Declaration:
    """A plain function, and what its author says of it. Calling it calls the function, without mops.

    Pickles by name where the function can be found by its name, so that any Runner can send it to another process.

    Attributes:
        function: the plain function.
        logic_key: the author's word for what it computes.
        ignore: names of arguments that are not part of the key.
        shared: names of arguments that many calls share, and that are stored once.
        name: ``module:qualname`` to be used in the key instead of the function's own.
    """

    __slots__ = ("function", "ignore", "logic_key", "name", "shared")

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        logic_key: str | None = None,
        ignore: tuple[str, ...] = (),
        shared: tuple[str, ...] = (),
        name: str | None = None,
    ) -> None:
        self.shared = shared
        self.function = function
        self.logic_key = logic_key if logic_key is not None else logic_key_in(getattr(function, "__doc__", None))
        self.ignore = ignore
        self.name = name

    def unknown_arguments(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the names that the function does not take, as far as its signature says."""
        code = getattr(self.function, "__code__", None)
        if code is None or code.co_flags & _TAKES_ANY_NAME:
            return ()
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & _TAKES_MORE)]
        return tuple(name for name in named if name not in names)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the plain function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.function.__module__}:{self.function.__qualname__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        module, qualname = self.function.__module__, self.function.__qualname__
        if _declaration_at(module, qualname) is self:
            return _find_declaration, (module, qualname)
        return _declare, (self.function, self.logic_key, self.ignore, self.name, self.shared)

    @property
    def is_of_main(self) -> bool:
        """Whether the function is of the main module, which another process has another one of."""
        return self.function.__module__ in {"__main__", "__mp_main__"}

    def __mops_reduce__(self) -> Any:
        """How it travels to a process that cannot find it by its name: with its function."""
        if self.is_of_main or _declaration_at(self.function.__module__, self.function.__qualname__) is not self:
            return _declare, (self.function, self.logic_key, self.ignore, self.name, self.shared)
        return NotImplemented


def _declare(
    function: Callable[..., Any],
    logic_key: str | None,
    ignore: tuple[str, ...],
    name: str | None,
    shared: tuple[str, ...] = (),
) -> Declaration:
    return Declaration(function, logic_key=logic_key, ignore=ignore, shared=shared, name=name)


def _declaration_at(module: str, qualname: str) -> Declaration | None:
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return declaration_of(found)


def _find_declaration(module: str, qualname: str) -> Declaration:
    __import__(module)
    found = _declaration_at(module, qualname)
    if found is None:
        raise ImportError(f"{module}:{qualname} is not decorated here", name=module)
    return found


def declaration_of(wrapper: Any) -> Declaration | None:
    """The declaration that a decorated function holds, under whatever other decorators were put over it."""
    for _ in range(100):  # a chain of wrappers is short, or a circle
        found = getattr(wrapper, "__mops_declaration__", None)
        if isinstance(found, Declaration):
            return found
        wrapper = getattr(wrapper, "__wrapped__", None)
        if wrapper is None:
            return None
    return None


def logic_key_in(docstring: object) -> str | None:
    """The logic key that a docstring states in a line of its own: ``function-logic-key: v2``."""
    if not isinstance(docstring, str) or _LOGIC_KEY_LINE not in docstring:
        return None
    for line in docstring.splitlines():
        key, found, text = line.strip().partition(_LOGIC_KEY_LINE)
        if found and not key:
            return text.strip()
    return None


def logic_key_of(function: object) -> str | None:
    """The logic key that a function or a decorated one states."""
    declaration = declaration_of(function)
    return declaration.logic_key if declaration is not None else logic_key_in(getattr(function, "__doc__", None))


def refuse_what_cannot_be_memoized(function: Any) -> None:
    """Raise for what a memoized call cannot stand for.

    Raises:
        DecorationError: with the recipe for what to write instead.
    """
    if isinstance(function, staticmethod | classmethod):
        kind = type(function).__name__
        raise DecorationError(f"put @{kind} above this decorator, so that it decorates the plain function")
    if isinstance(function, type) or not callable(function) or not hasattr(function, "__qualname__"):
        raise DecorationError(
            f"only functions can be memoized, not {function!r}. use_runner takes a Runner first: @use_runner(runner)"
        )
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    if flags & (_COROUTINE | _ASYNC_GENERATOR):
        raise DecorationError(
            f"{function.__qualname__} is asynchronous; decorate a plain function, and call it with asyncio.to_thread"
        )
    if flags & _GENERATOR:
        raise DecorationError(
            f"{function.__qualname__} is a generator: what it yields cannot be stored; return a list of it instead"
        )
