"""Where settings come from that nobody passed: asked at every call, never at import.

What comes first counts: the argument of a Runner, ``config`` in this context, the environment, the profile that it
chooses in a configuration file, the file itself, the default.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Any, Final

from mops.api.roots import absolute, spelled, text_of
from mops.core.errors import ConfigurationError
from mops.core.sizes import size_of

_ROOT_VARIABLE: Final = "MOPS_ROOT"
_PROFILE_VARIABLE: Final = "MOPS_PROFILE"
_FILES: Final = (".mops.toml", "pyproject.toml")
_SIZE_VARIABLE: Final = "MOPS_CACHE_SIZE"
VERIFY_VARIABLE: Final = "MOPS_VERIFY"
_TREE_VARIABLE: Final = "MOPS_ALLOW_TREE"
VERIFY: Final = ("off", "require")

_NOTHING: Final[Mapping[str, Any]] = {}
STATED: Final[ContextVar[Mapping[str, Any]]] = ContextVar("mops_config", default=_NOTHING)
"""What ``config`` states in this context."""


@contextmanager
def config(
    *,
    blob_root: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    cache_size: int | str | None = None,
    allow_tree: bool | None = None,
) -> Iterator[None]:
    """State settings for all calls that are made while the context lasts, in this thread or asyncio task.

    They precede the environment and configuration files; what a Runner was made with precedes them. Contexts nest, and
    what the inner one leaves out is as in the outer one. Calls that were submitted keep what held when they were, and a
    map what held when it was started; so do calls inside of them, wherever they run. Threads and processes that the
    program starts by itself begin without.

    Args:
        blob_root: where calls and results are stored, as ``defaults.mops_root`` gives it: a URI, a path, or a list of
            them. A relative path is taken from the working directory of now.
        cache_size: as ``defaults.cache_size`` gives it.
        allow_tree: as ``defaults.allow_tree`` gives it. A remote asks its own environment and files.

    Raises:
        ConfigurationError: a value that cannot be meant.
    """
    stated = dict(STATED.get())
    if blob_root is not None:
        stated["blob_root"] = text_of(blob_root)
    if cache_size is not None:
        stated["cache_size"] = size_of(cache_size, "cache_size")
    if allow_tree is not None:
        stated["allow_tree"] = _yes_or_no(allow_tree, "allow_tree")
    token = STATED.set(stated)
    try:
        yield
    finally:
        STATED.reset(token)


class Defaults:
    """Lazily loaded settings. Each is a method, so that it can be passed where a value is expected later."""

    def __init__(self) -> None:
        self._root_of_execution = ""
        self._read: dict[tuple[str, str, str], Any] = {}

    def mops_root(self) -> str:
        """The blob root, as a URI or a path; or several with ``|`` between them, searched in order.

        What ``config`` states in this context; else, inside a remote, the root that the running call came from; else
        the environment variable ``MOPS_ROOT``; else ``blob_root`` of the profile that ``MOPS_PROFILE`` names; else of
        the nearest ``.mops.toml``, or of ``[tool.mops]`` in the nearest ``pyproject.toml``, from the working directory
        upwards, a path being relative to the file; else ``~/.mops``.

        Raises:
            ConfigurationError: a configuration file is not valid, none has the profile, or there is no home directory.
        """
        return (
            STATED.get().get("blob_root")
            or self._root_of_execution
            or os.environ.get(_ROOT_VARIABLE)
            or self._in_files("blob_root")
            or _root_at_home()
        )

    def cache_size(self) -> int | None:
        """The bytes that copies of what lies under remote roots may take in this user's cache.

        What ``config`` states in this context; else the environment variable ``MOPS_CACHE_SIZE``; else ``cache_size``
        of the nearest configuration file that states it, as ``blob_root``. A number of bytes, or a text such as
        ``"10GiB"``. ``None`` where nobody says anything.

        Raises:
            ConfigurationError: it is no size, or a configuration file is not valid.
        """
        stated = STATED.get()
        if "cache_size" in stated:
            return int(stated["cache_size"])
        value = os.environ.get(_SIZE_VARIABLE)
        if value:
            return size_of(value, _SIZE_VARIABLE)
        configured: int | None = self._in_files("cache_size")
        return configured

    def verify(self) -> str:
        """``"require"``: nothing is believed that no known key signed; ``"off"``: whoever can write is believed.

        Inside a remote whose orchestrator requires it, ``"require"``; else the environment variable ``MOPS_VERIFY``;
        else ``verify`` of the nearest configuration file that states it, as ``blob_root``; else ``"off"``. A process
        asks when it first uses a root.

        Raises:
            ConfigurationError: it is neither, or a configuration file is not valid.
        """
        value = os.environ.get(VERIFY_VARIABLE)
        return _choice(value, VERIFY_VARIABLE) if value else self._in_files("verify") or "off"

    def allow_tree(self) -> bool:
        """Whether code may travel with calls: to remotes of this process, or to this process where it is a remote.

        What ``config`` states in this context; else the environment variable ``MOPS_ALLOW_TREE``, ``0`` or ``1``; else
        ``allow_tree`` of the nearest configuration file that states it, as ``blob_root``; else ``True``.

        Raises:
            ConfigurationError: it is neither, or a configuration file is not valid.
        """
        stated = STATED.get()
        if "allow_tree" in stated:
            return bool(stated["allow_tree"])
        value = os.environ.get(_TREE_VARIABLE)
        if value:
            return _yes_or_no({"0": False, "1": True}.get(value, value), _TREE_VARIABLE)
        configured: bool | None = self._in_files("allow_tree")
        return configured is not False

    def execute_under(self, root: str) -> None:
        """Make a root the default of this process, which executes a call of it."""
        self._root_of_execution = root

    @property
    def executes(self) -> bool:
        """Whether this process executes a call of another one."""
        return bool(self._root_of_execution)

    def _in_files(self, name: str) -> Any:
        """What configuration files state; read once for each working directory and profile."""
        place = _working_directory(), os.environ.get(_PROFILE_VARIABLE, ""), name
        if place not in self._read:
            needs_profile = name != "cache_size" and not self.executes  # another's call has its root, and is verified
            self._read[place] = _MEANINGS[name](*_nearest(*place, needs_profile=needs_profile))
        return self._read[place]

    def __reduce__(self) -> str:
        return "defaults"

    def __repr__(self) -> str:
        return "mops.defaults"


defaults: Final = Defaults()
"""The settings of this process."""


def switched_on(variable: str, *, unset: bool) -> bool:
    """Whether an environment variable asks for something; ``"0"`` refuses it, and an empty one is as good as unset."""
    value = os.environ.get(variable)
    return value != "0" if value else unset


def _root_at_home() -> str:
    home = os.path.expanduser("~")
    if not os.path.isabs(home):  # neither HOME nor the user database names one; a folder called ~ would be made here
        raise ConfigurationError(f"this user has no home directory for the blob root; set {_ROOT_VARIABLE}")
    return spelled(os.path.join(home, ".mops"))


def _root_in(path: str, root: Any) -> str:
    """A root as a configuration file states it; empty where none does."""
    if root is None:
        return ""
    places = root if isinstance(root, list) and root else [root]
    if not all(isinstance(place, str) and place for place in places):
        raise ConfigurationError(f"blob_root in {path} must be a string or a list of strings, not {root!r}")
    try:
        return text_of([absolute(place, os.path.dirname(path)) for place in places])
    except ConfigurationError as error:
        raise ConfigurationError(f"blob_root in {path}: {error.args[0]}", advice=error.advice) from None


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was removed


def _nearest(folder: str, profile: str, name: str, *, needs_profile: bool) -> tuple[str, Any]:
    """The file that states a setting, and what it states: in the profile, wherever that is, or else by itself."""
    tables = _tables_from(folder)
    if profile:
        tables = list(tables)
        chosen = [(path, table[profile]) for path, table in tables if isinstance(table.get(profile), dict)]
        if not chosen and needs_profile:
            raise ConfigurationError(
                f"{_PROFILE_VARIABLE} is {profile!r}, but no configuration file from {folder or 'here'} upwards has it",
                advice=f"write a table [{profile}] to .mops.toml, or [tool.mops.{profile}] to pyproject.toml",
            )
        tables = [*chosen, *tables]
    stated = ((path, table[name]) for path, table in tables if name in table)
    return next(stated, ("", None))


def _tables_from(folder: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The configuration files of a folder and of those above it, and what they say."""
    while folder:
        for file in _FILES:
            path = os.path.join(folder, file)
            yield path, _settings_in(path)
        parent = os.path.dirname(folder)
        folder = parent if parent != folder else ""


def _settings_in(path: str) -> Mapping[str, Any]:
    if not os.path.isfile(path):
        return {}
    import tomllib  # only where there is a file to read

    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:  # what is no UTF-8 is no TOMLDecodeError
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    table: Any = content if path.endswith(_FILES[0]) else _table_in(_table_in(content, "tool"), "mops")
    if not isinstance(table, dict):
        raise ConfigurationError(f"tool.mops in {path} must be a table, not {table!r}")
    if table:
        _refuse_a_strangers(path)
    profiles = [each for each in table.values() if isinstance(each, dict)]
    named = {*(name for name, value in table.items() if not isinstance(value, dict)), *chain.from_iterable(profiles)}
    unknown = sorted(named.difference(_MEANINGS))
    if unknown:
        raise ConfigurationError(f"{path} sets {unknown[0]!r}, which is no setting; there is {', '.join(_MEANINGS)}")
    return table


def _table_in(content: Any, name: str) -> Any:
    return content.get(name, {}) if isinstance(content, dict) else {}


def _refuse_a_strangers(path: str) -> None:
    """Refuse what anybody may have put above the working directory, as in /tmp: it names the root whose code we run."""
    folder = os.stat(os.path.dirname(path))
    if folder.st_mode & 0o002 and os.lstat(path).st_uid not in {os.geteuid(), 0}:
        raise ConfigurationError(
            f"{path} is somebody else's, in a folder that everybody can write to, and would say whose code is run here",
            advice="work in a folder of your own, or remove the file",
        )


def _size_in(path: str, size: Any) -> int | None:
    """A size as a configuration file states it; ``None`` where none does."""
    return None if size is None else size_of(size, f"cache_size in {path}")


def _yes_or_no(value: Any, where: str) -> bool:
    if type(value) is not bool:
        raise ConfigurationError(f"{where} is true or false (0 or 1 in the environment), not {value!r}")
    return value


def _choice(value: Any, where: str) -> str:
    if value not in VERIFY:
        raise ConfigurationError(f"{where} is 'off' or 'require', not {value!r}")
    return str(value)


_MEANINGS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "blob_root": _root_in,
    "cache_size": _size_in,
    "verify": lambda path, value: None if value is None else _choice(value, f"verify in {path}"),
    "allow_tree": lambda path, value: None if value is None else _yes_or_no(value, f"allow_tree in {path}"),
}
"""The settings that a file may state, and how each is understood."""
