"""Functions by reference: how other processes find one, which they can find, and what the others carry along."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final

from mops.core.errors import FunctionNotFoundError, RecursiveCallError
from mops.core.fingerprint.bytecode import Reading
from mops.core.fingerprint.members import TRANSPARENT, carried, cells_of, is_code, is_nothing
from mops.core.fingerprint.surroundings import importable_name
from mops.core.invocation import FunctionReference

_OF_MAIN: Final = "__main__:"
_GUARD: Final = "the module makes this call whenever it is imported: put the call under if __name__ == '__main__':"


def reference_of(function: Any) -> tuple[FunctionReference, bool]:
    """How `function` is called elsewhere, and whether it has to travel by value.

    It travels by value unless its module can be imported by another process and holds, under the function's qualified
    name, the function itself or a wrapper around it. Functions of ``__main__`` do, except under ``python -m p.q``:
    there they are functions of ``p.q``.
    """
    reference = name_of(function)
    by_reference = (
        reference.module != "__main__" and layers_over(function) is not None and _is_importable(reference.module)
    )
    return reference, not by_reference


def name_of(definition: Any) -> FunctionReference:
    """How a function or class calls itself, whether or not it can be found by that name."""
    module = str(definition.__module__)
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return FunctionReference(importable_name(module, spec), str(definition.__qualname__))


def layers_over(definition: Any) -> int | None:
    """How many wrappers stand over a function or class under its name; None where it is not found there."""
    module, qualname = sys.modules.get(str(definition.__module__)), str(definition.__qualname__)
    if module is None or "<" in qualname:
        return None
    found = _attribute(module, qualname)
    for layers in range(100):  # a chain of wrappers is short, or a circle
        if found is definition:
            return layers
        found = getattr(found, "__wrapped__", None)
    return None


def resolve(reference: FunctionReference) -> Any:
    """What stands under `reference` in this process: the function, or whatever its decorators made of it.

    Raises:
        FunctionNotFoundError: the module cannot be imported, or holds no such attribute.
    """
    try:
        module = import_module(reference.module)
    except ModuleNotFoundError as error:
        missing = f"there is no module {error.name!r} here; sys.path is {sys.path}"
        raise FunctionNotFoundError(f"cannot import {reference}: {missing}", function=str(reference)) from error
    except Exception as error:
        advice = _GUARD if isinstance(error, RecursiveCallError) else ""
        raised = f"importing {reference.module} raised {type(error).__name__}: {error.args[0] if error.args else error}"
        raise FunctionNotFoundError(
            f"cannot import {reference}: {raised}", function=str(reference), advice=advice
        ) from error
    found = _attribute(module, reference.qualname)
    if found is None:
        place = getattr(module, "__file__", None) or "which has no file"
        raise FunctionNotFoundError(
            f"cannot import {reference}: the module ({place}) has no {reference.qualname}",
            function=str(reference),
            advice="install the same version of the code in the remote as in the orchestrator",
        )
    return found


def is_global_of_main(name: str) -> bool:
    """Whether one of the names that `captured` gives is a global of the main module, or part of one."""
    return name.startswith(_OF_MAIN)


def captured(function: Any) -> Mapping[str, object]:
    """The values that a function by value carries along, by name: its key is not complete without them.

    These are the contents of its closure, the globals of the main module that it names, and what a partial or a bound
    method is bound to; and the same of every other function by value that these, its defaults and its wrappers lead
    to. Functions, classes and modules among them are code, which the fingerprint counts: a wrapper counts as the
    function that it wraps.
    """
    values: dict[str, object] = {}
    seen: set[int] = set()
    pending = deque([(str(getattr(function, "__qualname__", "")), function)])
    while pending:
        name, value = pending.popleft()
        held = _held(name, value)
        if held is None:
            values[_fresh(name, values)] = value
        elif id(value) not in seen:
            seen.add(id(value))
            if value is function or not isinstance(value, FunctionType) or reference_of(value)[1]:
                pending.extend(held)
    return values


def _held(name: str, value: Any) -> Iterable[tuple[str, Any]] | None:
    """What code carries along, by a name below `name`; None for a value that is no code."""
    if isinstance(value, FunctionType):
        return _carried(value)
    if isinstance(value, (ModuleType, type)):
        return ()
    if not is_code(value) and not isinstance(value, BuiltinFunctionType):
        return None
    parts = TRANSPARENT.get(type(value), ("__self__", "__wrapped__"))
    held = ((f"{name}.{part}", getattr(value, part, None)) for part in parts)
    return [(part, each) for part, each in held if not is_nothing(each)]


def _carried(function: FunctionType) -> Iterator[tuple[str, object]]:
    for variable, cell in cells_of(function):
        yield f"{function.__qualname__}[{variable}]", cell.cell_contents
    yield from ((name, value) for name, value in carried(function, function.__qualname__) if is_code(value))
    scope = function.__globals__
    module = str(scope.get("__name__"))
    if importable_name(module, scope.get("__spec__")) == "__main__":
        yield from ((f"{_OF_MAIN}{name}", scope[name]) for name in _globals_of(function.__code__) if name in scope)


_named_globals: dict[int, tuple[CodeType, tuple[str, ...]]] = {}


def _globals_of(code: CodeType) -> tuple[str, ...]:
    """The globals that code names and does not assign, remembered: keys of functions by value ask at every call."""
    known = _named_globals.get(id(code))
    if known is None:
        reading = Reading(code)
        names = tuple(name for name in dict.fromkeys(path[0] for path in reading.paths) if name not in reading.stored)
        known = _named_globals[id(code)] = (code, names)
    return known[1]


def _fresh(name: str, taken: Mapping[str, object]) -> str:
    count = 2
    fresh = name
    while fresh in taken:
        fresh, count = f"{name}#{count}", count + 1
    return fresh


def _attribute(module: Any, qualname: str) -> Any:
    found = module
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def _is_importable(name: str) -> bool:
    """Whether a fresh process with this ``sys.path`` would find the module where this one has it from."""
    parent, _, _ = name.rpartition(".")
    if parent and not _is_importable(parent):
        return False
    path = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    if parent and path is None:
        return False
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path)
        if spec is not None:
            loaded = sys.modules.get(name)
            origin = getattr(getattr(loaded, "__spec__", None), "origin", spec.origin)
            return spec.origin == origin
    return False
