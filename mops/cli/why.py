"""``mops why``: in what two calls differ."""

import click

from mops.api.display.wording import printable
from mops.api.records.comparison import compare, nearest_earlier_call
from mops.api.records.history import PastCall
from mops.cli import screen
from mops.cli.inspect import existing_call


@click.command(short_help="Name what differs between two calls.")
@click.argument("uri")
@click.argument("other", required=False)
def why(uri: str, other: str | None) -> None:
    """Name what differs between two calls: an argument, a definition, the logic key, the function, the pipeline.

    With two URIs, what changed from the first to the second. With one, why that call was not a hit: what changed since
    the nearest earlier call of the same function: the one with most arguments in common, and among those the last.
    """
    after = _described(uri if other is None else other)
    before = nearest_earlier_call(after, after.description) if other is None else _described(uri)
    if before is None:
        screen.line(f"there is no earlier call of {after.names[1]} in pipeline {after.names[0]}")
    else:
        _say(before, after)


def _described(uri: str) -> PastCall:
    past = existing_call(uri)
    if past.claim is None:
        raise click.ClickException(f"what was called cannot be read any more: {printable(past.uri)} has no claim")
    return past


def _say(before: PastCall, after: PastCall) -> None:
    screen.fields([("from", before.uri), ("to", after.uri)])
    if before.uri == after.uri:
        screen.line("it is the same call")
        return
    for difference in compare(before.description, after.description) or ["nothing that is recorded differs"]:
        screen.line(difference)
    if not (before.code_in_key or after.code_in_key):
        screen.line("(code is no part of these keys: the policy is not to run again when it changes)")
