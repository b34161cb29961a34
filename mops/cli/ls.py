"""``mops ls``: which calls are stored."""

from fnmatch import fnmatchcase

import click

from mops.api.display.wording import printable
from mops.api.memo_uri import root_for_people
from mops.api.records.history import PastCall, number_in
from mops.api.records.listing import past_calls, pipeline_prefix
from mops.cli import screen


@click.command(short_help="List the calls that are stored, and what became of them.")
@click.argument("root", required=False)
@click.option("--pipeline", metavar="ID", help="Only the calls of this pipeline, and of those nested in it.")
@click.option("--function", metavar="PATTERN", help="Only functions that match, such as 'train' or 'pkg.*:load_*'.")
def ls(root: str | None, pipeline: str | None, function: str | None) -> None:
    """List the calls under ROOT: a URI or a path; by default, the root that decorated functions use.

    Piped: function, state, time, seconds, bytes and memo URI, between tabs; '-' where there is none.
    """
    store = root_for_people(root)
    calls = past_calls(store, pipeline_prefix(pipeline)) if pipeline else past_calls(store)
    shown = 0
    for past in calls:
        if function is None or _matches(past.names[1], function):
            _show(past)
            shown += 1
    if not shown:
        matching = " match" if pipeline or function is not None else ""
        click.echo(f"no calls under {printable(store.uri)}{matching}", err=True)


def _matches(reference: str, pattern: str) -> bool:
    return fnmatchcase(reference, pattern) or fnmatchcase(reference.partition(":")[2], pattern)


def _show(past: PastCall) -> None:
    facts = _facts(past)
    if screen.is_for_people():
        screen.entry(past.state, facts, _title(past), past.uri)
    else:
        screen.row((_title(past), past.state, *facts, past.uri))


def _title(past: PastCall) -> str:
    _, function, logic_key = past.names
    return function if logic_key is None else f"{function}@{logic_key}"


def _facts(past: PastCall) -> tuple[str, str, str]:
    """When, for how long, how large."""
    if past.state == "stored" and past.result is not None:
        elapsed = number_in(past.result.header, "elapsed")
        return screen.moment(past.result.utc), screen.duration(elapsed), screen.size(past.result.value_size)
    epoch = past.last_epoch
    last = epoch and (epoch.end or epoch.claim)
    return screen.moment(last.utc if last else past.modified), screen.duration(None), screen.size(None)
