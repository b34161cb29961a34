"""``mops cat``: write one value out."""

import os
from collections.abc import Iterator
from pprint import pformat
from typing import Final

import click

from mops.api.display.wording import printable
from mops.api.records.contents import BytesContent, Content, LocalContent, NothingStored, ValueContent, content_of
from mops.cli import screen

_CHUNK: Final = 1 << 20
_UNPICKLING: Final = "note: unpickling the value, which runs whatever code the pickle names"


@click.command(short_help="Write one value to standard output.")
@click.argument("uri")
def cat(uri: str) -> None:
    """Write what URI names: the result of a call, a stored file or blob, or the file of a Source.

    Bytes, files, and what a codec has stored, are written as they are, text as UTF-8, other values as Python shows
    them. On a terminal, control characters are escapes.

    A pickled result is unpickled, which runs whatever code the pickle names: only for roots that you trust.
    """
    content = existing_content(uri)
    if isinstance(content, ValueContent):
        for each in pformat(content.value).splitlines():
            screen.line(each)
        return
    if isinstance(content, LocalContent) and os.path.isdir(content.path):
        raise click.ClickException(f"{printable(uri)} is a directory; mops get brings it out")
    for chunk in chunks(content):
        screen.output(chunk)


def existing_content(uri: str) -> Content:
    """What a URI names; says on standard error that it unpickles, where it does.

    Raises:
        click.ClickException: there is nothing.
        MopsError: as ``content_of``.
    """
    try:
        return content_of(uri, lambda: click.echo(_UNPICKLING, err=True))
    except NothingStored as error:
        raise click.ClickException(printable(error)) from error


def chunks(content: LocalContent | BytesContent) -> Iterator[bytes]:
    """The bytes of a file, or of parts, in pieces of at most 1 MiB."""
    if isinstance(content, LocalContent):
        with open(content.path, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    else:
        for part in content.parts:
            for at in range(0, len(part), _CHUNK):
                yield bytes(part[at : at + _CHUNK])
