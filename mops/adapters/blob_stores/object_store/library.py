"""obstore, and how a forked child comes to one that works.

obstore runs its requests on threads that each process starts once. A fork does not copy them, so that in a child of a
process that has used it every request would wait for ever. What it has started is a matter of its extension module: a
child loads that a second time, from another file, which the system takes for another module, with nothing started yet.
That takes 25 ms and 15 MB, and only where obstore was loaded before the fork; or by others before this module, since
nobody knows whether they have used it, and in which process.
"""

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, NamedTuple

from mops.adapters.unforked import UNFORKED

_LOADED_BY_OTHERS: Final = "obstore" in sys.modules

import obstore  # noqa: E402
import obstore.exceptions  # noqa: E402
import obstore.store  # noqa: E402 - registers the classes of the extension module

_NAME: Final = "obstore._obstore"
_OTHERS: Final = ("obstore._store", "obstore.exceptions")
"""What the extension module puts among the modules of the process."""
_FILE: Final = str(sys.modules[_NAME].__file__)
_libraries: Final[dict[int, "Library"]] = {}  # by process
_process: Final = 0 if _LOADED_BY_OTHERS else os.getpid()
"""The process whose obstore is nobody else's."""


class Library(NamedTuple):
    """What works in one process.

    Attributes:
        do: the module with the operations: ``do.put(client, key, ...)`` and so on.
        clients: the module with the classes of clients.
        errors: the module with what they raise.
    """

    do: Any
    clients: Any
    errors: Any


def library() -> Library:
    """The library of this process."""
    process = os.getpid()
    known = _libraries.get(process)
    if known is None:
        with UNFORKED:
            known = _libraries.get(process) or (_own() if process == _process else _another())
            _libraries[process] = known
    return known


def _own() -> Library:
    return Library(obstore, obstore.store, obstore.exceptions)


def _another() -> Library:
    """Load the extension module once more; the modules that the process knows stay the ones that they are."""
    before = {name: sys.modules.get(name) for name in _OTHERS}
    try:
        with _copy_of_file() as path:
            loader = importlib.machinery.ExtensionFileLoader(_NAME, path)
            spec = importlib.util.spec_from_file_location(_NAME, path, loader=loader)
            assert spec is not None
            module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
        return Library(module, sys.modules[_OTHERS[0]], sys.modules[_OTHERS[1]])
    finally:
        _restore(before)


def _restore(modules: dict[str, ModuleType | None]) -> None:
    for name, module in modules.items():
        if module is not None:
            sys.modules[name] = module


@contextmanager
def _copy_of_file() -> Iterator[str]:
    """The path of a copy of the extension module, which may go once it is loaded."""
    import tempfile

    with open(_FILE, "rb") as original:
        content = original.read()
    if hasattr(os, "memfd_create"):  # a temporary directory may not allow programs
        fd = os.memfd_create("obstore")
        try:
            with open(fd, "wb", closefd=False) as copy:
                copy.write(content)
            yield f"/proc/{os.getpid()}/fd/{fd}"  # the process makes it another name than that of its parent's copy
        finally:
            os.close(fd)
    else:
        with tempfile.NamedTemporaryFile(suffix=".so") as file:
            file.write(content)
            file.flush()
            yield file.name
