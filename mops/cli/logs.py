"""``mops logs``: what a call printed while it ran elsewhere."""

import re
import time
from typing import Final

import click

from mops.api.display.wording import printable
from mops.api.records.history import PastCall
from mops.api.records.logs import stored_output
from mops.cli import screen
from mops.cli.inspect import existing_call
from mops.core.kept_output import KeptOutput

_SLOT: Final = re.compile(r"e(\d+)\.out")
_BETWEEN_LOOKS: Final = 1.0
"""Seconds; a remote stores what it prints with its heartbeat, which is rarer."""


@click.command(short_help="Print what a call printed where it ran.")
@click.argument("uri")
@click.option("--epoch", type=click.IntRange(min=1), metavar="N", help="Of attempt N, and not of the last one.")
@click.option("--all", "every", is_flag=True, help="Of all attempts that printed something, each under a heading.")
@click.option("--follow", is_flag=True, help="Go on while the call runs. New output is stored with each heartbeat.")
def logs(uri: str, *, epoch: int | None, every: bool, follow: bool) -> None:
    """Print what the call at URI printed in its process: both streams, in order of arrival.

    Piped, it is printed byte for byte. On a terminal, colours are shown, and other control characters are escapes.
    """
    past = existing_call(uri)
    last = len(past.epochs)
    if epoch is not None and epoch > last:
        raise click.ClickException(f"there is no attempt {epoch}: {last} in all")
    if every:
        _print_all(past)
    elif follow:
        _follow(past, epoch or last)
    else:
        _print(past, epoch or last)


def _print_all(past: PastCall) -> None:
    for number in _printed(past) or [len(past.epochs)]:
        screen.heading(f"e{number}")
        _print(past, number)


def _print(past: PastCall, number: int) -> None:
    output = stored_output(past.store, past.memo, number)
    if output is None:
        _say_nothing(past, number)
    else:
        _show(output, 0)


def _say_nothing(past: PastCall, number: int) -> None:
    others = "; ".join(f"attempt {other} did: --epoch {other}" for other in _printed(past))
    click.echo(f"nothing is kept of what attempt {number} of {printable(past.names[1])} printed", err=True)
    claim = past.epochs[number - 1].claim if number else None
    if others:
        click.echo(others, err=True)
    elif claim is not None and claim.kind == "claim" and claim.call.get("remote") is not True:
        click.echo("what an in-thread call prints is never kept", err=True)


def _follow(past: PastCall, number: int) -> None:
    uri, seen = past.uri, 0
    while True:
        over = past.state != "running" or len(past.epochs) > number  # asked first: what comes after it is complete
        output = stored_output(past.store, past.memo, number)
        if output is not None:
            _show(output, seen)
            seen = output.printed
        if over:
            return
        time.sleep(_BETWEEN_LOOKS)
        past = existing_call(uri)


def _show(output: KeptOutput, position: int) -> None:
    screen.output(output.after(position))


def _printed(past: PastCall) -> list[int]:
    """The attempts of which output is kept."""
    return sorted(int(match[1]) for match in map(_SLOT.fullmatch, past.blobs) if match)
