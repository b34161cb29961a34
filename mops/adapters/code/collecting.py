"""The files of packages that travel, read from where they were imported from.

What travels: ``*.py``, and what the author includes. What never does: ``.env`` and its kin, hidden folders, what git
ignores, and files over ``LARGEST``. Links are followed, as the import system follows them.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, final

from mops.core.errors import ConfigurationError
from mops.core.ignore_rules import Patterns, is_ignored

LARGEST: Final = 10 << 20
"""Bytes."""
_INIT: Final = "__init__.py"
_COMPILED: Final = (".so", ".pyd")
_GIT: Final = ".git"
_IGNORES: Final = ".gitignore"
_NONE: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_NEVER_ENTERED: Final = frozenset(("__pycache__", "site-packages", "dist-packages", "node_modules"))
_VIRTUAL_ENVIRONMENT: Final = "pyvenv.cfg"
_PROJECT: Final = ("pyproject.toml", "setup.py")
_REFUSED: Final = (
    "code='tree' takes Python source that lies in folders: install what is compiled, or packed, in the remote, as a "
    "distribution of its own, or leave the code there as it is: code='installed'"
)

Scopes = Sequence[tuple[int, Patterns]]
"""The ``.gitignore`` files that count, see ``is_ignored``."""
Views = tuple["_View", ...]
"""The paths to a folder, one at least; the first is the one that is walked."""


class _View(NamedTuple):
    """What git ignores below a folder, by one of the paths that lead there: a link is a path, and so is its target.

    Attributes:
        cut: how much of another path to a file leads to the folder.
        place: what stands in its place in this one.
        scopes: the patterns above.
    """

    cut: int
    place: str
    scopes: Scopes

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        return is_ignored(self.scopes, self.place + path[self.cut :], is_folder=is_folder)


class CodeFile(NamedTuple):
    """One file that travels, as it was when it was read.

    Attributes:
        path: where it lies.
        content: all of it.
        size: bytes.
        modified: nanoseconds.
        changed: the same, of all that changes it; nobody can set this one back.
    """

    path: str
    content: bytes
    size: int
    modified: int
    changed: int

    def was_edited(self) -> bool:
        """Whether something else is there now."""
        try:
            status = os.stat(self.path)
            if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) == (self.size, self.modified, self.changed):
                return False
            now = _read(self.path)
        except OSError:
            return True
        return now is None or now.content != self.content


@final
class Snapshot:
    """What a process has read of its code: each folder is listed once, and each file is read once."""

    def __init__(self) -> None:
        self._folders: dict[str, list[os.DirEntry[str]]] = {}
        self._files: dict[str, CodeFile | None] = {}

    def folder(self, path: str) -> "list[os.DirEntry[str]]":
        """What was in a folder when it was first asked for."""
        if path not in self._folders:
            with os.scandir(path) as entries:
                self._folders[path] = sorted(entries, key=lambda entry: entry.name)
        return self._folders[path]

    def file(self, path: str) -> CodeFile | None:
        """A file as it was when it was first asked for; ``None`` where it was none."""
        if path not in self._files:
            self._files[path] = _read(path)
        return self._files[path]


@final
class Collector:
    """Reads what travels. Used by one thread at a time.

    Args:
        include: patterns of what travels beside ``*.py``, relative to the import root.
        snapshot: what was read before is what travels from then on.

    Attributes:
        files: by name: relative to the import root, joined by ``/``.
        stays: what does not travel although it would: why, by path.
    """

    def __init__(self, include: Iterable[str], snapshot: Snapshot) -> None:
        self.files: dict[str, CodeFile] = {}
        self.stays: dict[str, str] = {}
        self._include = Patterns(include)
        self._snapshot = snapshot
        self._of_others = frozenset[str]()  # the files of other parts of the namespace

    def collect(self, path: str, name: str, *, arrived: bool = False) -> None:
        """Read a package or a module.

        Args:
            path: its folder, or its file.
            name: the same, relative to the import root; what was collected under that name before is left as it is.
            arrived: it came with a call: what lies above it has nothing to do with it.

        Raises:
            ConfigurationError: it cannot travel.
        """
        self._of_others = frozenset(self.files)
        try:
            self._collect(path, name, arrived=arrived)
        except OSError as error:
            reason = f"{error.filename or path} cannot be read: {error.strerror}"
            raise ConfigurationError(
                f"{path} cannot travel with the calls that need it: {reason}", advice=_REFUSED
            ) from error

    def _collect(self, path: str, name: str, *, arrived: bool) -> None:
        is_folder = os.path.isdir(path)
        if is_folder or path.endswith(".py"):
            views = (_View(0, "", ()),) if arrived else _views_above(path)
            if views is None or any(view.ignores(path, is_folder=is_folder) for view in views):
                raise ConfigurationError(
                    f"git ignores {path}, and what it ignores never travels", advice="take it out of .gitignore"
                )
            if is_folder:
                self._folder(path, name, views, (), included=False)
            else:
                self._file(path, name)
                if name not in self.files:
                    # Another one of that name may lie where the call runs.
                    raise ConfigurationError(f"{path} cannot travel: {self.stays.get(path, 'it is gone')}")
        elif path.endswith(_COMPILED):
            raise _compiled(path)
        else:
            raise ConfigurationError(f"{path} is no folder and no *.py, and cannot travel", advice=_REFUSED)

    def _folder(
        self, path: str, name: str, views: Views, above: tuple[tuple[int, int], ...], *, included: bool
    ) -> None:
        if f"{name}/{_INIT}" in self._of_others:
            return  # nothing is imported from here
        status = os.stat(path)
        identity = status.st_dev, status.st_ino
        listed = self._snapshot.folder(path)
        here = {entry.name for entry in listed}
        if identity in above or _VIRTUAL_ENVIRONMENT in here:
            return  # a link to a folder that it lies in, or an installation
        if _IGNORES in here or _GIT in here:
            views = _with_scopes(views, _scopes_of(path))
        for entry in listed:
            own = f"{name}/{_portable(entry.name)}"
            if not entry.is_dir():
                if entry.name.endswith(_COMPILED):
                    raise _compiled(entry.path)
                if _is_source(entry.name) or self._includes(own, included, is_folder=False):
                    self._unless_it_stays(entry, own, views)
            elif _is_entered(entry.name):
                seen = _views_of(entry, views)
                if seen is not None:
                    inside = self._includes(own, included, is_folder=True)
                    self._folder(entry.path, own, seen, (*above, identity), included=inside)

    def _includes(self, name: str, included: bool, *, is_folder: bool) -> bool:
        verdict = self._include.verdict(name, is_folder=is_folder)
        return included if verdict is None else verdict

    def _unless_it_stays(self, entry: "os.DirEntry[str]", name: str, views: Views) -> None:
        if name in self.files or _is_private(entry.name):
            return
        if _views_of(entry, views) is None:
            self.stays[entry.path] = "git ignores it" + ", or what it links to" * entry.is_symlink()
        else:
            self._file(entry.path, name)

    def _file(self, path: str, name: str) -> None:
        file = self._snapshot.file(path)
        if file is None:
            return
        if file.size > LARGEST:
            self.stays[path] = f"its {file.size:,} bytes are more than {LARGEST >> 20} MiB"
        else:
            self.files[name] = file


def _compiled(path: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is a compiled extension, which cannot travel", advice=_REFUSED)


def _is_source(name: str) -> bool:
    """Whether a file can be imported. Editors keep hidden ones that cannot."""
    return name.endswith(".py") and not name.startswith(".")


def _is_private(name: str) -> bool:
    """Whether a file holds what is for this machine alone."""
    name = name.casefold()
    return name.startswith(".env") or name.endswith(".env")


def _is_entered(name: str) -> bool:
    return not name.startswith(".") and name not in _NEVER_ENTERED


def _portable(name: str) -> str:
    """A name as any process reads it: the encoding of file names is a matter of its locale."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "surrogateescape")


def _read(path: str) -> CodeFile | None:
    """A file as it is now: without its content where that is too large, and nothing where it is no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe of that name keeps nobody waiting
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            content = file.read() if status.st_size <= LARGEST else b""
    except FileNotFoundError:
        return None  # a link to nothing
    size = len(content) if content else status.st_size
    return CodeFile(path, content, size, status.st_mtime_ns, status.st_ctime_ns)


# ------------------------------------------------------------------------------------------------ what git ignores
def _views_of(entry: "os.DirEntry[str]", views: Views) -> Views | None:
    """The views of a file or folder, also of what it links to; ``None`` where it does not travel by one of them."""
    is_folder = entry.is_dir()
    if entry.is_symlink():
        target = os.path.realpath(entry.path)
        last = target.rpartition("/")[2]
        scopes = _scopes_above(target)
        if scopes is None or _is_private(last) or (is_folder and not _is_entered(last)):
            return None
        views = (*views, _View(len(entry.path), target, scopes))
    return None if any(view.ignores(entry.path, is_folder=is_folder) for view in views) else views


def _views_above(path: str) -> Views | None:
    """The views of a package or module; ``None`` where a folder above it is ignored."""
    views: list[_View] = []
    for place in dict.fromkeys((path, os.path.realpath(path))):
        scopes = _scopes_above(place)
        if scopes is None:
            return None
        views.append(_View(len(path), place, scopes))
    return tuple(views)


def _with_scopes(views: Views, scopes: Iterable[tuple[int, Patterns]]) -> Views:
    first, *others = views
    return (first._replace(scopes=[*first.scopes, *scopes]), *others)


def _scopes_above(path: str) -> Scopes | None:
    """The patterns in the folders above a path, up to the one of its project; ``None`` where one of them is ignored."""
    scopes: list[tuple[int, Patterns]] = []
    for folder in _up_to_the_project(os.path.dirname(path)):
        if scopes and is_ignored(scopes, folder, is_folder=True):
            return None
        scopes += _scopes_of(folder)
    return scopes


def _up_to_the_project(folder: str) -> list[str]:
    """The folders from the one of the repository, or else of the project, down to this one."""
    folders = [folder]
    while (above := os.path.dirname(folders[-1])) != folders[-1]:
        folders.append(above)
    for markers in ((_GIT,), _PROJECT):
        for place, each in enumerate(folders):
            if any(os.path.exists(os.path.join(each, marker)) for marker in markers):
                return folders[place::-1]
    return [folder]


def _exclude_of(folder: str) -> str:
    """The file of a repository's own patterns, which are not under version control. A further work tree shares it."""
    git = os.path.join(folder, _GIT)
    pointer = _line_in(git)
    if pointer:
        git = os.path.join(folder, pointer.removeprefix("gitdir:").strip())
        git = os.path.join(git, _line_in(os.path.join(git, "commondir")))
    return os.path.join(git, "info", "exclude")


def _line_in(path: str) -> str:
    """What a file of one line says; the empty string where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline().strip()
    except _NONE:
        return ""


def _scopes_of(folder: str) -> Iterator[tuple[int, Patterns]]:
    for path in (_exclude_of(folder), os.path.join(folder, _IGNORES)):
        try:
            with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
                yield len(os.path.join(folder, "")), Patterns(file)
        except _NONE:
            continue  # any other error is one: what cannot be read may forbid something
