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
_COMPILED: Final = (".so", ".pyd")
_IGNORES: Final = ".gitignore"
_NEVER_ENTERED: Final = frozenset(("__pycache__", "site-packages", "dist-packages"))
_PROJECT: Final = ("pyproject.toml", "setup.py")
_REFUSED: Final = (
    "code='tree' takes Python source alone: install what is compiled in the remote, as a distribution of its own, or "
    "leave the code there as it is: code='installed'"
)

Scopes = Sequence[tuple[int, Patterns]]
"""The ``.gitignore`` files that count, see ``is_ignored``."""


class CodeFile(NamedTuple):
    """One file that travels, as it was when it was read.

    Attributes:
        path: where it lies.
        content: all of it.
        size: bytes.
        modified: nanoseconds.
    """

    path: str
    content: bytes
    size: int
    modified: int

    def was_edited(self) -> bool:
        """Whether something else is there now."""
        try:
            status = os.stat(self.path)
            if (status.st_size, status.st_mtime_ns) == (self.size, self.modified):
                return False
            now = _read(self.path)
        except OSError:
            return True
        return now is None or now.content != self.content


@final
class Collector:
    """Reads what travels. Used by one thread at a time.

    Each file is read once: what was read is what travels from then on.

    Args:
        include: patterns of what travels beside ``*.py``, relative to the import root.

    Attributes:
        files: by name: relative to the import root, joined by ``/``.
        stays: what does not travel although it would: why, by path.
    """

    def __init__(self, include: Iterable[str], known: dict[str, CodeFile]) -> None:
        self.files: dict[str, CodeFile] = {}
        self.stays: dict[str, str] = {}
        self._include = Patterns(include)
        self._known = known

    def collect(self, path: str, name: str) -> None:
        """Read a package or a module.

        Args:
            path: its folder, or its file.
            name: the same, relative to the import root; what was collected under that name before is left as it is.

        Raises:
            ConfigurationError: it cannot travel.
        """
        try:
            self._collect(path, name)
        except OSError as error:
            reason = f"{error.filename or path} cannot be read: {error.strerror}"
            raise ConfigurationError(f"{path} cannot travel with the calls that need it: {reason}") from error

    def _collect(self, path: str, name: str) -> None:
        is_folder = os.path.isdir(path)
        if is_folder or path.endswith(".py"):
            scopes = _scopes_above(path)
            if scopes is None or is_ignored(scopes, path, is_folder=is_folder):
                raise ConfigurationError(
                    f"git ignores {path}, and what it ignores never travels", advice="take it out of .gitignore"
                )
            if is_folder:
                self._folder(path, name, scopes, (), included=False)
            else:
                self._file(path, name)
        elif path.endswith(_COMPILED):
            raise _compiled(path)
        else:
            raise ConfigurationError(f"{path} is no folder and no *.py, and cannot travel", advice=_REFUSED)

    def _folder(
        self, path: str, name: str, scopes: Scopes, above: tuple[tuple[int, int], ...], *, included: bool
    ) -> None:
        status = os.stat(path)
        identity = status.st_dev, status.st_ino
        if identity in above:
            return  # a link to a folder that it lies in
        with os.scandir(path) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        scopes = [*scopes, *_scope_in(path, (_IGNORES,))]
        for entry in listed:
            own = f"{name}/{entry.name}"
            if not entry.is_dir():
                if entry.name.endswith(_COMPILED):
                    raise _compiled(entry.path)
                if _is_source(entry.name) or self._includes(own, included, is_folder=False):
                    self._unless_it_stays(entry.path, own, scopes)
            elif _is_entered(entry) and not is_ignored(scopes, entry.path, is_folder=True):
                inside = self._includes(own, included, is_folder=True)
                self._folder(entry.path, own, scopes, (*above, identity), included=inside)

    def _includes(self, name: str, included: bool, *, is_folder: bool) -> bool:
        verdict = self._include.verdict(name, is_folder=is_folder)
        return included if verdict is None else verdict

    def _unless_it_stays(self, path: str, name: str, scopes: Scopes) -> None:
        if name in self.files or _is_private(name.rpartition("/")[2]):
            return
        if is_ignored(scopes, path, is_folder=False):
            self.stays[path] = "git ignores it"
        else:
            self._file(path, name)

    def _file(self, path: str, name: str) -> None:
        known = self._known.get(path)
        if known is None:
            known = _read(path)
            if known is None:
                return
            self._known[path] = known
        if known.size > LARGEST:
            self.stays[path] = f"its {known.size >> 20} MiB are more than {LARGEST >> 20} MiB"
        else:
            self.files[name] = known


def _compiled(path: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is a compiled extension, which cannot travel", advice=_REFUSED)


def _is_source(name: str) -> bool:
    """Whether a file can be imported. Editors keep hidden ones that cannot."""
    return name.endswith(".py") and not name.startswith(".")


def _is_private(name: str) -> bool:
    """Whether a file holds what is for this machine alone."""
    return name.startswith(".env")


def _is_entered(entry: "os.DirEntry[str]") -> bool:
    return not entry.name.startswith(".") and entry.name not in _NEVER_ENTERED


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
    return CodeFile(path, content, len(content) if content else status.st_size, status.st_mtime_ns)


# ------------------------------------------------------------------------------------------------ what git ignores
def _scopes_above(path: str) -> Scopes | None:
    """The patterns in the folders above a path, up to the one of its project; ``None`` where one of them is ignored."""
    scopes: list[tuple[int, Patterns]] = []
    for folder in _up_to_the_project(os.path.dirname(path)):
        if scopes and is_ignored(scopes, folder, is_folder=True):
            return None
        scopes += _scope_in(folder, (".git/info/exclude", _IGNORES))
    return scopes


def _up_to_the_project(folder: str) -> list[str]:
    """The folders from the one of the repository, or else of the project, down to this one."""
    folders = [folder]
    while (above := os.path.dirname(folders[-1])) != folders[-1]:
        folders.append(above)
    for markers in ((".git",), _PROJECT):
        for place, each in enumerate(folders):
            if any(os.path.exists(os.path.join(each, marker)) for marker in markers):
                return folders[place::-1]
    return [folder]


def _scope_in(folder: str, files: Iterable[str]) -> Iterator[tuple[int, Patterns]]:
    for name in files:
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
                yield len(os.path.join(folder, "")), Patterns(file)
        except OSError:
            continue  # there is none
