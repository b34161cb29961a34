"""Where settings come from that nobody passed: asked at every call, never at import."""

import os
from typing import Final

from mops.core.errors import ConfigurationError

_ROOT_VARIABLE: Final = "MOPS_ROOT"
_FILES: Final = (".mops.toml", "pyproject.toml")
_SETTINGS: Final = ("blob_root",)


class Defaults:
    """Lazily loaded settings. Each is a method, so that it can be passed where a value is expected later."""

    def __init__(self) -> None:
        self._root_of_execution = ""
        self._configured: dict[str, str] = {}

    def mops_root(self) -> str:
        """The blob root, as a URI or a path.

        Inside a remote, the root that the running call came from; else the environment variable ``MOPS_ROOT``; else
        ``blob_root`` of the nearest ``.mops.toml``, or of ``[tool.mops]`` in the nearest ``pyproject.toml``, from the
        working directory upwards, a path being relative to the file; else ``~/.mops``.

        Raises:
            ConfigurationError: a configuration file is not valid, or there is no home directory.
        """
        return self._root_of_execution or os.environ.get(_ROOT_VARIABLE) or self._configured_root() or _root_at_home()

    def execute_under(self, root: str) -> None:
        """Make a root the default of this process, which executes a call of it."""
        self._root_of_execution = root

    @property
    def executes(self) -> bool:
        """Whether this process executes a call of another one."""
        return bool(self._root_of_execution)

    def _configured_root(self) -> str:
        """``blob_root`` of the nearest configuration file, read once for each working directory."""
        try:
            folder = os.getcwd()
        except OSError:
            return ""  # the working directory was removed
        if folder not in self._configured:
            self._configured[folder] = _nearest_blob_root(folder)
        return self._configured[folder]

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


def _nearest_blob_root(folder: str) -> str:
    while True:
        for name in _FILES:
            root = _blob_root_in(os.path.join(folder, name))
            if root:
                return root
        parent = os.path.dirname(folder)
        if parent == folder:
            return ""
        folder = parent


def _blob_root_in(path: str) -> str:
    if not os.path.isfile(path):
        return ""
    import tomllib  # only where there is a file to read

    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    table = content if path.endswith(_FILES[0]) else content.get("tool", {}).get("mops", {})
    unknown = sorted(table.keys() - _SETTINGS)
    if unknown:
        raise ConfigurationError(f"{path} sets {unknown[0]!r}, which is no setting; there is {', '.join(_SETTINGS)}")
    root = table.get("blob_root", "")
    if not isinstance(root, str):
        raise ConfigurationError(f"blob_root in {path} must be a string, not {root!r}")
    return root if not root or "://" in root else os.path.join(os.path.dirname(path), os.path.expanduser(root))
