"""Code that arrived with a call, in the remote: imported in place of what is installed here."""

from collections.abc import Mapping
from typing import Final

from mops.adapters.code.distributions import installed
from mops.adapters.code.installing import install
from mops.api.files.temporary import temporary_folders
from mops.api.settings import defaults
from mops.core.code_tree import differing_versions, unpack_tree
from mops.core.errors import CodeMismatchError, ConfigurationError, FunctionNotFoundError, MopsError, ShellFailed
from mops.core.failure import annotate
from mops.core.ports.blob_store import Buffer
from mops.runtime.beginning import begin_anew

_FORBIDDEN: Final = "install the code here, and call it with code='installed'; or allow it here: MOPS_ALLOW_TREE=1"
_ADVICE: Final[Mapping[type[MopsError], str]] = {
    FunctionNotFoundError: (
        "what is no *.py of a package that the function reaches, or is ignored by git, does not travel: name it in "
        "include= or first_party=; install third-party packages in the remote"
    ),
    CodeMismatchError: (
        "it was edited after the orchestrator had imported it, or since it was packed: start that process anew"
    ),
}


def use_code(tree: Buffer) -> None:
    """Have this process import from a code tree first, wherever else its packages are.

    Raises:
        ConfigurationError: code that travels is forbidden here.
        CorruptBlob: it is no code tree.
        ShellFailed: it cannot be unpacked.
    """
    if not defaults.allow_tree():
        raise ConfigurationError(
            "the call came with its code, and allow_tree forbids here to run it", advice=_FORBIDDEN
        )
    files = unpack_tree(tree)
    try:
        install(files, temporary_folders.fresh())
    except OSError as error:
        raise ShellFailed(f"the code of the call cannot be unpacked: {error}") from error
    begin_anew()


def tell_apart(error: Exception, versions: Mapping[str, str]) -> None:
    """Have what a call raised say how this installation differs from the one of the orchestrator.

    Args:
        error: what it raised.
        versions: of the orchestrator's distributions, by name.
    """
    table = differing_versions(versions, installed())
    if not isinstance(error, MopsError):
        if table:
            annotate(error, f"mops: {table}")
        return
    if type(error) in _ADVICE and "advice" not in vars(error):  # else it knows better
        error.advice = _ADVICE[type(error)]
    if table:
        error.args = (f"{error.args[0]}; {table}",)
