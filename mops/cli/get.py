"""``mops get``: bring one value into a file."""

import errno
import os
import pickle
import shutil
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import click

from mops.api.display.transfers import LINE
from mops.api.display.wording import printable
from mops.api.records.contents import Content, LocalContent, ValueContent
from mops.cli.cat import chunks, existing_content

_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@click.command(short_help="Bring one value into a file.")
@click.argument("uri")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that stands there.")
def get(uri: str, file: Path, *, force: bool) -> None:
    """Write what URI names into FILE: the result of a call, a stored file or blob, or the file of a Source.

    Bytes, files, and what a codec has stored, are written as they are, text as UTF-8, a directory as a directory, and
    other values as pickles. FILE appears when it is complete.

    A pickled result is unpickled, which runs whatever code the pickle names: only for roots that you trust.
    """
    target = Path(os.path.abspath(file))
    _check_target(target, force=force)
    content = existing_content(uri)
    draft = target.with_name(f".mops-{uuid4().hex}.part")
    try:
        _write(content, draft, target.name)
        _publish(draft, target, force=force)
    finally:
        _remove(draft)


def _check_target(target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise click.ClickException(f"{printable(target)} is a directory")
    if not force and os.path.lexists(target):
        raise click.ClickException(f"{printable(target)} exists; --force replaces it")
    if not target.parent.is_dir():
        raise click.ClickException(f"there is no folder {printable(target.parent)}")


def _write(content: Content, draft: Path, name: str) -> None:
    if isinstance(content, ValueContent):
        _pickle(content, draft)
    elif isinstance(content, LocalContent) and os.path.isdir(content.path):
        shutil.copytree(content.path, draft, copy_function=_copy)
    else:
        total = os.path.getsize(content.path) if isinstance(content, LocalContent) else sum(map(len, content.parts))
        with LINE.begin(f"writing {name}", total) as advance, draft.open("xb") as file:
            for chunk in chunks(content):
                file.write(chunk)
                if advance is not None:
                    advance(len(chunk))


def _copy(source: str, copy: str) -> Any:
    """Copy a file of the store, which nobody may write to; the copy is the user's."""
    shutil.copy(source, copy)
    os.chmod(copy, os.stat(copy).st_mode | 0o200)


def _pickle(content: ValueContent, draft: Path) -> None:
    what = f"a {type(content.value).__qualname__}"
    if content.names_files:
        raise click.ClickException(
            f"the value is {what} that names files: bring out each of them by its URI, which mops inspect shows"
        )
    click.echo(f"note: the value is {what}, and is written as a pickle", err=True)
    try:
        with draft.open("xb") as file:
            pickle.dump(content.value, file, protocol=5)
    except OSError:
        raise
    except Exception as error:
        raise click.ClickException(f"the value is {what}, which cannot be pickled by itself: {error}") from error


def _publish(draft: Path, target: Path, *, force: bool) -> None:
    """Give what is complete its name, in one step; nothing that stands there is replaced unasked."""
    if force and not draft.is_dir():
        draft.replace(target)
        return
    try:
        if not draft.is_dir():
            target.hardlink_to(draft)
            return
    except FileExistsError:
        raise click.ClickException(f"{printable(target)} exists; --force replaces it") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    _check_target(target, force=False)
    draft.rename(target)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)
