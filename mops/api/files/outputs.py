"""Where a function writes files that are to outlive it: places under the root of its call, and files that go there."""

import os
from pathlib import Path
from typing import Literal, overload

from mops.api.file_uris import canonical, file_uri, path_of, under
from mops.api.files.drafts import BinaryOutput, Draft, TextOutput
from mops.api.files.runs import running
from mops.api.files.temporary import temporary_folders
from mops.core.errors import ConfigurationError


def invocation_output_fqn(storage_root: str | os.PathLike[str] = "", name: str | os.PathLike[str] = "") -> str:
    """A URI for a file that the running call produces: under the root of the call, and of no other run, ever.

    Each call gives another URI, also for one name. For a ``file://`` root its folder exists already, so that ``open``
    works on the path; whoever writes elsewhere uses ``mops.open_output``, or ``Source.from_file(path, uri)``. Outside
    of a call, and where mops is bypassed, it is the URI of a fresh temporary file, which goes with this process.

    Args:
        storage_root: a root to be used in place of the call's, of any scheme.
        name: the end of the URI, extension and folders included; capitals and special characters are encoded.

    Raises:
        ConfigurationError: ``storage_root`` is neither an absolute path nor a URI: the working directory of a call is
            not the same everywhere.
        OSError: the folder cannot be made.
    """
    root, name = os.fspath(storage_root), os.fspath(name)
    if root and "://" not in root and not os.path.isabs(os.path.expanduser(root)):
        raise ConfigurationError(
            f"{root!r} is no root: that is a URI or an absolute path",
            advice=f"write name={root!r} if the file is to be called so",
        )
    run = running()
    if run is None:
        return file_uri(temporary_folders.fresh_path(name))
    uri = run.uri(run.key(name)) if not root else under(_root_uri(root), run.key(name))
    path = path_of(uri)
    if path:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    return uri


def tempdir() -> Path:
    """Make a temporary directory for files of this call: another one at each request, which outlives the call.

    It stays until the result is published, with the files that it names. In a remote, it goes when the remote ends,
    however the function ended; elsewhere, when this process ends.

    Raises:
        OSError: it cannot be made.
    """
    return Path(temporary_folders.fresh())


@overload
def open_output(name: str | os.PathLike[str] = "", mode: Literal["wb"] = "wb") -> BinaryOutput: ...
@overload
def open_output(
    name: str | os.PathLike[str] = "",
    mode: Literal["w", "wt"] = ...,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> TextOutput: ...
def open_output(
    name: str | os.PathLike[str] = "",
    mode: str = "wb",
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> BinaryOutput | TextOutput:
    """Open a file that the running call produces. Closed, it is stored, and its ``source`` can be returned.

    ::

        with mops.open_output("model.json", "w") as file:
            json.dump(model, file)
        return file.source

    It is a file of ``io`` on a local draft: nothing is stored before it is closed, and nothing at all where an
    exception leaves the ``with``, or nobody closes it. It lies where ``invocation_output_fqn(name=name)`` would.
    Outside of a call, and where mops is bypassed, the source is that of a temporary file.

    Args:
        name: how the file is called; may have folders.
        mode: ``"wb"`` for bytes, ``"w"`` for text.
        encoding: of text; UTF-8 by default.
        errors: as in ``open``.
        newline: as in ``open``.

    Raises:
        ConfigurationError: another mode.
        OSError: the draft cannot be made.
    """
    if mode not in {"wb", "w", "wt"}:
        raise ConfigurationError(f"the mode of an output is 'wb' or 'w', not {mode!r}: it is new, and is written once")
    draft = Draft(os.fspath(name))
    if mode == "wb":
        return BinaryOutput(draft)
    return TextOutput(draft, encoding=encoding, errors=errors, newline=newline)


def _root_uri(root: str) -> str:
    return canonical(root if "://" in root else file_uri(os.path.abspath(os.path.expanduser(root))))
