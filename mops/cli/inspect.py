"""``mops inspect``: everything that is stored about one call."""

from collections.abc import Mapping
from pprint import pformat
from typing import Any

import click

from mops.api.display.wording import failure_text, printable
from mops.api.memo_uri import open_memo
from mops.api.records.comparison import arguments_of
from mops.api.records.contents import address, whereabouts
from mops.api.records.explanation import how_it_ended, what_became_of
from mops.api.records.history import EpochHistory, PastCall, Record, list_in, mapping_in, number_in
from mops.api.records.listing import past_call
from mops.cli import screen
from mops.core.blob_layout import output_slot
from mops.core.files import StoredFile


@click.command(short_help="Show everything that is stored about one call.")
@click.argument("uri")
@click.option(
    "--value",
    is_flag=True,
    help="Unpickle the value and show it. That runs whatever code the pickle names: only for roots that you trust.",
)
def inspect(uri: str, *, value: bool) -> None:
    """Show who computed the call at URI, when and where, its arguments, its code, and what became of each attempt.

    URI is a memo URI, or the path of the memo's folder.
    """
    past = existing_call(uri)
    _call(past)
    _generations(past)
    _arguments(past)
    for epoch in past.epochs:
        _epoch(past, epoch)
    _code(past)
    if value:
        _value(past)


def existing_call(uri: str) -> PastCall:
    """The call at a URI.

    Raises:
        click.ClickException: nothing is stored about it.
        MopsError: the URI names no memo, or the store cannot be read.
    """
    store, memo = open_memo(uri)
    past = past_call(store, memo.folder)
    if not past.blobs:
        raise click.ClickException(f"nothing is stored under {printable(past.uri)}")
    return past


def _call(past: PastCall) -> None:
    pipeline, function, logic_key = past.names
    screen.line(function)
    description = past.description
    screen.fields(
        [
            ("memo", past.uri),
            ("state", past.state),
            ("", None if past.state in {"stored", "running"} else what_became_of(past)),
            ("pipeline", pipeline),
            ("logic key", logic_key),
            ("code change", description.get("on_code_change")),
        ]
    )


def _generations(past: PastCall) -> None:
    for record in past.results:
        screen.heading(f"{record.slot}: {record.kind}")
        screen.fields(
            [
                ("trouble", record.trouble),
                ("epoch", record.header.get("epoch")),
                ("started", _time(number_in(record.header, "started"))),
                ("published", _time(record.utc)),
                ("duration", _duration(number_in(record.header, "elapsed"))),
                ("peak memory", _memory(record.header.get("peak_memory"))),
                ("remark", record.header.get("remark")),
                ("size", screen.size(record.value_size) if record.kind == "result" else None),
                ("codec", record.header.get("codec")),
                ("fingerprint", record.fingerprint if record.kind == "result" else None),
                *_who(record.producer),
            ]
        )
        _parts(past, record)


def _memory(peak: object) -> str | None:
    return screen.size(peak) if isinstance(peak, int) else None


def _parts(past: PastCall, record: Record) -> None:
    """What a value consists of beside the record: size and address of each part, and whether it is there."""
    parts = [*(("payload", part) for part in record.payload), *((file.kind, file) for file in record.files)]
    screen.fields(
        (kind, "  ".join([*_name(kind, part), screen.size(part.size), whereabouts(past, part), address(past, part)]))
        for kind, part in parts
    )


def _name(kind: str, part: StoredFile) -> list[str]:
    return [] if kind == "payload" else [part.name]


def _time(utc: float | None) -> str | None:
    return None if utc is None else screen.moment(utc)


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else screen.duration(seconds)


def _who(producer: Mapping[str, Any]) -> list[tuple[str, object]]:
    names = ("user", "host", "pid", "python", "platform", "mops")
    return [(name, producer.get(name)) for name in names]


def _arguments(past: PastCall) -> None:
    arguments = arguments_of(past.description)
    if arguments:
        screen.heading("arguments")
        screen.fields((name, f"{digest}  {text}") for name, (digest, text) in arguments.items())


def _epoch(past: PastCall, epoch: EpochHistory) -> None:
    screen.heading(f"e{epoch.number}: attempt for r{epoch.claim.header.get('generation', '?')}")
    claim = epoch.claim
    screen.fields(
        [
            ("outcome", how_it_ended(past, epoch)),
            ("claimed", _time(claim.utc)),
            ("trouble", claim.trouble),
            ("session", claim.header.get("session")),
            *_who(claim.producer),
        ]
    )
    _parts(past, claim)
    for record in epoch.log:
        _log_record(record)
    if epoch.has_output:
        _output(past.read(output_slot(epoch.number)), epoch.number)


def _output(record: Record, number: int) -> None:
    printed = record.size + (number_in(record.header, "left_out") or 0)
    told = record.trouble or f"{screen.size(int(printed))}; to see it: mops logs --epoch {number} URI"
    screen.fields([("printed", told)])


def _log_record(record: Record) -> None:
    who = record.producer
    where = f" by process {who.get('pid')} of {who.get('user')} on {who.get('host')}" if who else ""
    why = record.trouble or record.header.get("why", "")
    what = {"adoption": "adopted", "leave": "left by its caller", "end": "ended"}.get(record.kind, record.kind)
    screen.fields([(record.slot, f"{screen.moment(record.utc)}  {what}{where}{f': {why}' if why else ''}")])
    failure = record.failure
    if failure is not None:
        screen.fields([("failure", failure_text(failure))])
        screen.block(str(failure.get("traceback", "")))


def _code(past: PastCall) -> None:
    description = past.description
    definitions = mapping_in(description, "definitions")
    if not definitions:
        return
    screen.heading(f"code, as {description.get('cache_tag')}")
    names = {name: set(map(str, list_in(description, name))) for name in ("constants", "opaque")}
    for name, digest in definitions.items():
        kind = "constant" if name in names["constants"] else ""
        screen.line(f"  {digest}  {name}{f'  ({kind})' if kind else ''}")
    for name in sorted(names["opaque"]):
        screen.line(f"  {'by name alone':<16}  {name}")


def _value(past: PastCall) -> None:
    if past.state != "stored":
        raise click.ClickException(f"there is no value: the call is {past.state}")
    from mops.api.records.stored_value import stored_value

    screen.heading("value")
    screen.block(pformat(stored_value(past)))
