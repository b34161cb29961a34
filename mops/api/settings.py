"""Where settings come from that nobody passed: asked at every call, never at import."""

import os
from typing import Any, Final

from mops.core.errors import ConfigurationError

_ROOT_VARIABLE: Final = "MOPS_ROOT"
_FILES: Final = (".mops.toml", "pyproject.toml")
_SETTINGS: Final = ("blob_root", "cache_size")
_SIZE_VARIABLE: Final = "MOPS_CACHE_SIZE"
_UNITS: Final = {
    "": 1,
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)},
}
"""What may stand behind a number of bytes."""


class Defaults:
    """Lazily loaded settings. Each is a method, so that it can be passed where a value is expected later."""

    def __init__(self) -> None:
        self._root_of_execution = ""
        self._configured: dict[tuple[str, str], tuple[str, Any]] = {}

    def mops_root(self) -> str:
        """The blob root, as a URI or a path.

        Inside a remote, the root that the running call came from; else the environment variable ``MOPS_ROOT``; else
        ``blob_root`` of the nearest ``.mops.toml``, or of ``[tool.mops]`` in the nearest ``pyproject.toml``, from the
        working directory upwards, a path being relative to the file; else ``~/.mops``.

        Raises:
            ConfigurationError: a configuration file is not valid, or there is no home directory.
        """
        return self._root_of_execution or os.environ.get(_ROOT_VARIABLE) or self._configured_root() or _root_at_home()

    def cache_size(self) -> int | None:
        """The bytes that copies of what lies under remote roots may take in this user's cache.

        The environment variable ``MOPS_CACHE_SIZE``; else ``cache_size`` of the nearest configuration file that states
        it, as ``blob_root``. A number of bytes, or a text such as ``"10GiB"``. ``None`` where nobody says anything.

        Raises:
            ConfigurationError: it is no size, or a configuration file is not valid.
        """
        value = os.environ.get(_SIZE_VARIABLE)
        if value:
            return _size(value, _SIZE_VARIABLE)
        path, configured = self._setting("cache_size")
        return None if configured is None else _size(configured, f"cache_size in {path}")

    def execute_under(self, root: str) -> None:
        """Make a root the default of this process, which executes a call of it."""
        self._root_of_execution = root

    @property
    def executes(self) -> bool:
        """Whether this process executes a call of another one."""
        return bool(self._root_of_execution)

    def _configured_root(self) -> str:
        path, root = self._setting("blob_root")
        if root is None:
            return ""
        if not isinstance(root, str):
            raise ConfigurationError(f"blob_root in {path} must be a string, not {root!r}")
        return root if not root or "://" in root else os.path.join(os.path.dirname(path), os.path.expanduser(root))

    def _setting(self, name: str) -> tuple[str, Any]:
        """The nearest configuration file that states a setting, and what; read once for each working directory."""
        try:
            folder = os.getcwd()
        except OSError:
            return "", None  # the working directory was removed
        if (folder, name) not in self._configured:
            self._configured[folder, name] = _nearest(folder, name)
        return self._configured[folder, name]

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
    return os.path.join(home, ".mops")


def _nearest(folder: str, name: str) -> tuple[str, Any]:
    while True:
        for file in _FILES:
            path = os.path.join(folder, file)
            value = _settings_in(path).get(name)
            if value is not None and value != "":
                return path, value
        parent = os.path.dirname(folder)
        if parent == folder:
            return "", None
        folder = parent


def _settings_in(path: str) -> dict[str, Any]:
    if not os.path.isfile(path):
        return {}
    import tomllib  # only where there is a file to read

    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    table: dict[str, Any] = content if path.endswith(_FILES[0]) else content.get("tool", {}).get("mops", {})
    unknown = sorted(table.keys() - _SETTINGS)
    if unknown:
        raise ConfigurationError(f"{path} sets {unknown[0]!r}, which is no setting; there is {', '.join(_SETTINGS)}")
    return table


def _size(value: Any, where: str) -> int:
    """A number of bytes, as people write it."""
    number, unit = str(value).strip(), ""
    while number and number[-1].isalpha():
        number, unit = number[:-1], number[-1] + unit
    try:
        size = float(number) * _UNITS[unit]
        if size >= 0:
            return int(size)
    except (KeyError, ValueError, OverflowError):
        pass
    raise ConfigurationError(f"{where} must be a number of bytes, or a text such as '10GiB', not {value!r}")
