"""One call as a value: which function, and what its parameters are bound to."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

_HAS_ARGS, _HAS_KWARGS = 0x04, 0x08  # of `co_flags`; the module that names them takes 11 ms to import


class FunctionReference(NamedTuple):
    """The name of a function, ``module:qualname`` as text.

    Attributes:
        module: the module to import, as the function's users import it.
        qualname: the path to the function within the module.
    """

    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}"


class Binder(NamedTuple):
    """Binds calls of one function. Immutable; to be used by any number of threads.

    Attributes:
        names: the parameters in the order of their declaration, ``*args`` and ``**kwargs`` with their stars.
        bind: takes what the function takes and gives one value a parameter, in the order of ``names``, defaults filled
            in, ``*args`` as a tuple and ``**kwargs`` as a dict. Raises the ``TypeError`` that a call would.
        defaults: the default values by name, as they were when the binder was made.
    """

    names: tuple[str, ...]
    bind: Callable[..., tuple[Any, ...]]
    defaults: Mapping[str, Any]


def compile_binder(function: Callable[..., Any]) -> Binder:
    """Make the binder of a callable.

    The arguments of a ``functools.partial`` count as passed, and so does the self of a bound method or of a callable
    instance. A wrapper is bound by its own signature, whatever it wraps: one that takes ``*args, **kwargs`` may tell
    positions from names, and may fill in other defaults. So is a callable without code of its own.
    """
    if isinstance(function, partial) and type(function).__call__ is partial.__call__:
        names, bind, defaults = compile_binder(function.func)
        return Binder(names, partial(bind, *function.args, **function.keywords), defaults)
    if isinstance(function, MethodType):
        names, bind, defaults = compile_binder(function.__func__)
        return Binder(names, partial(bind, function.__self__), defaults)
    if not isinstance(function, FunctionType):
        return _bind_object(function)
    return _bind_function(function, _parameters(function.__code__))


def _bind_object(function: Callable[..., Any]) -> Binder:
    call = getattr(type(function), "__call__", None)  # noqa: B004 (it is the method that is wanted)
    if isinstance(call, FunctionType):
        return compile_binder(MethodType(call, function))
    return Binder(("*args", "**kwargs"), lambda *args, **kwargs: (args, kwargs), {})


def _bind_function(function: FunctionType, names: tuple[str, ...]) -> Binder:
    code = function.__code__
    values = ", ".join(name.lstrip("*") for name in names)
    source = f"lambda {_signature(code, names)}: ({values}{',' if values else ''})"
    bind: FunctionType = eval(source, {})  # noqa: S307 (names of parameters are identifiers)
    bind.__defaults__, bind.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    bind.__name__, bind.__qualname__ = function.__name__, function.__qualname__
    positional = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    by_name = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    return Binder(names, bind, {**by_name, **(function.__kwdefaults__ or {})})


def _parameters(code: CodeType) -> tuple[str, ...]:
    """Give the parameters in the order of their declaration, with their stars."""
    named = code.co_argcount + code.co_kwonlyargcount
    others: Iterator[str] = iter(code.co_varnames[named:])
    args = [f"*{next(others)}"] if code.co_flags & _HAS_ARGS else []
    kwargs = [f"**{next(others)}"] if code.co_flags & _HAS_KWARGS else []
    positional, keyword_only = code.co_varnames[: code.co_argcount], code.co_varnames[code.co_argcount : named]
    return (*positional, *args, *keyword_only, *kwargs)


def _signature(code: CodeType, names: tuple[str, ...]) -> str:
    declared = list(names)
    if code.co_kwonlyargcount and not code.co_flags & _HAS_ARGS:
        declared.insert(code.co_argcount, "*")
    if code.co_posonlyargcount:
        declared.insert(code.co_posonlyargcount, "/")
    return ", ".join(declared)
