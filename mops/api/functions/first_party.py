"""Which modules hold the user's own code, decided without reading the metadata of installed distributions."""

import os
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_MAIN = ("__main__", "__mp_main__")
_OF_THE_INSTALLATION = ("sitecustomize", "usercustomize")  # wherever they lie: they set an interpreter up
_STANDARD_LIBRARY = str(os.__file__).rpartition("/")[0] + "/"  # a module of the user's may share a name with it
_INSTALLED = ("/site-packages/", "/dist-packages/")


class FirstParty:
    """The predicate "is this first-party code?", as one function's author would answer it.

    First party are: the top-level package of the function itself, wherever it is installed; the main module, notebooks,
    and modules that were never a file; and every module outside the standard library that lies neither in a folder
    called ``site-packages`` or ``dist-packages`` nor in one where an installer recorded it (a ``--target`` folder).
    Editable installs lie outside. mops never is, and neither are ``sitecustomize`` and ``usercustomize``.

    Args:
        function_module: name of the module that holds the function.
        also: further packages or modules that count, installed ones included, by name: ``["mylib", "company.models"]``.
    """

    def __init__(self, function_module: str, also: Iterable[str] = ()) -> None:
        self._own = frozenset((function_module.partition(".")[0], *_MAIN))
        self._also = tuple(also)
        self._installed: dict[str, frozenset[str]] = {}

    def __call__(self, name: str, module: ModuleType | None) -> bool:
        """Whether the code of the module `name` counts; `module` is None where it is not loaded."""
        top = name.partition(".")[0]
        if top == "mops":
            return False
        if top in self._own or any(name == each or name.startswith(each + ".") for each in self._also):
            return True
        place = _place_of(module) if module is not None else _place_to_be(top)
        return place is not None and not self.comes_installed(top, place)

    def comes_installed(self, top: str, place: str) -> bool:
        """Whether a top-level package or module is the interpreter's, or one that an installer put where it lies.

        Args:
            top: its name.
            place: its folder or file; the empty string where it has none.
        """
        if top in _OF_THE_INSTALLATION or place.startswith(_STANDARD_LIBRARY):
            return True  # not all that lies there has a name in sys.stdlib_module_names
        if not place and top in sys.stdlib_module_names:
            return True
        return self._is_installed(top, place)

    def has_class(self, cls: type) -> bool:
        """Whether the code of a class counts."""
        return self(cls.__module__, sys.modules.get(cls.__module__))

    def load(self, name: str) -> ModuleType | None:
        """Import a module that first-party code imports when it runs; None where that fails.

        The function would import it anyway. One that cannot be imported here, because it wants a GPU for instance,
        counts by its name.
        """
        try:
            return import_module(name)
        except Exception:  # noqa: BLE001 - whatever the module raises, running the function will say so
            return None

    def _is_installed(self, top: str, place: str) -> bool:
        """Whether an installer put the file there: into a folder of packages, or into a ``--target`` folder."""
        if any(folder in place for folder in _INSTALLED):
            return True
        folder = place.rpartition("/")[0]
        if folder not in self._installed:
            self._installed[folder] = frozenset(_installed_into(folder))
        return top in self._installed[folder]


def _place_of(module: ModuleType) -> str | None:
    """The file of the module's top-level package or module; the empty string where there is none (a notebook's)."""
    name = module.__name__
    top = sys.modules.get(name.partition(".")[0], module)
    file = getattr(top, "__file__", None)
    if file:  # a module may call itself a package, as six does
        folder, _, name = str(file).rpartition("/")
        return folder if name.startswith("__init__.") else str(file)
    return str(next(iter(getattr(top, "__path__", ())), ""))


def _place_to_be(top: str) -> str | None:
    """The same for a top-level module that is not loaded; None where it cannot be found."""
    spec = spec_of(top)
    if spec is None:
        return None
    return next(iter(spec.submodule_search_locations or ()), spec.origin)


def spec_of(top: str) -> ModuleSpec | None:
    """What a top-level package or module would be imported from, which is not done. Editable installs have finders."""
    if top in sys.stdlib_module_names:
        return PathFinder.find_spec(top)
    finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
    return next(filter(None, (find(top, None) for find in finders if find is not None)), None)


def _installed_into(folder: str) -> Iterator[str]:
    """The top-level packages and modules that installers say they put into a folder; a checkout may lie there too."""
    for name in _names_in(folder):
        if name.endswith(".dist-info"):
            try:
                with open(f"{folder or '.'}/{name}/RECORD", encoding="utf-8", errors="replace") as record:
                    yield from {line.replace(",", "/").partition("/")[0].partition(".")[0] for line in record}
            except OSError:
                continue  # nothing was installed by it


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except OSError:
        return []
