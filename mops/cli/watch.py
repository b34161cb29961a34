"""``mops watch``: what runs, waits and failed under a root, as it happens."""

import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from mops.api.display.wording import duration_text, printable
from mops.api.memo_uri import root_for_people
from mops.api.records.watching import Sight, View, Watcher
from mops.cli import screen
from mops.core.errors import StoreError
from mops.core.ports.blob_store import BlobStore

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

_PAUSE: Final = 1.0
_SHARE: Final = 4
"""Looking takes at most one part in so many and one of the time, however large the root is."""
_NARROW: Final = 60
"""Columns below which there is room for a name and a time alone."""
_STYLES: Final = {"running": "cyan", "silent": "yellow", "waiting": "dim", "interrupted": "yellow", "failed": "red"}


@click.command(short_help="Show what runs, waits and failed, as it happens.")
@click.argument("root", required=False)
@click.option("--once", is_flag=True, help="Look once, and do not stay.")
def watch(root: str | None, *, once: bool) -> None:
    """Watch the calls under ROOT, of any process on any machine, until Ctrl-C.

    ROOT is a URI or a path; by default, the root that decorated functions use. Piped, it looks once: state, function,
    time, host and process, seconds since the last sign of life, failure and memo URI, between tabs; '-' where there is
    none.
    """
    store = root_for_people(root)
    if not screen.is_for_people():
        for sight in Watcher(store).look(time.time()).sights:
            _row(sight)
    elif once or _console().is_dumb_terminal:
        _console().print(_drawn(store, Watcher(store).look(time.time()), "", sys.maxsize))
    else:
        _stay(store)


def _row(sight: Sight) -> None:
    beat = screen.duration(sight.beat)
    since = screen.moment(sight.since)
    screen.row((sight.matter, sight.function, since, sight.where or "-", beat, sight.note or "-", sight.uri))


def _stay(store: BlobStore) -> None:
    """Draw what each look sees, until somebody has seen enough. The terminal is left whole, the last look on it."""
    from rich.live import Live

    signal.signal(signal.SIGTERM, _end)  # or the cursor would stay hidden
    console = _console()
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        try:
            for view, trouble in _looks(store):
                live.update(_drawn(store, view, trouble, console.height - 1), refresh=True)
        except KeyboardInterrupt:
            pass  # that is how one leaves


def _looks(store: BlobStore) -> Iterator[tuple[View, str]]:
    """One look after another, and why there is no new one."""
    watcher, view = Watcher(store), View((), {})
    while True:
        began, trouble = time.monotonic(), ""
        try:
            view = watcher.look(time.time())
        except StoreError as error:
            trouble = str(error.args[0])
        yield view, trouble
        time.sleep(max(_PAUSE, _SHARE * (time.monotonic() - began)))


def _end(*_: Any) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


# ------------------------------------------------------------------------------------------------ drawing
def _console() -> "Console":
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)


def _drawn(store: BlobStore, view: View, trouble: str, height: int) -> "Group":
    """A view as lines that fit: what does not is cut off at the right, and counted below."""
    from rich.console import Group

    head = [_text((_counted(view), "bold")), _text((printable(store.uri), "dim"))]
    if trouble:
        head.append(_text((printable(f"cannot look: {trouble}"), "red")))
    room = max(1, height - len(head) - 1)
    narrow = _console().width < _NARROW
    shown = [_line(sight, narrow=narrow) for sight in view.sights[:room]]
    hidden = len(view.sights) - len(shown)
    return Group(*head, *shown, *([_text((f"and {hidden:,} more", "dim"))] if hidden else []))


def _counted(view: View) -> str:
    parts = [f"{count:,} {state}" for state, count in sorted(view.counts.items(), key=lambda item: _place(item[0]))]
    return ", ".join(parts) or "no calls"


def _place(state: str) -> tuple[int, str]:
    states = list(_STYLES)
    return states.index(state) if state in states else len(states), state


def _line(sight: Sight, *, narrow: bool) -> "Text":
    style = _STYLES[sight.matter]
    lasts = "" if sight.since is None else duration_text(max(0.0, time.time() - sight.since))
    if narrow:
        name = printable(sight.function.rpartition(":")[2])
        return _text((f"{sight.matter[:4]} ", style), (name, "bold"), (f" {lasts}", "dim"))
    heard = "" if sight.beat is None else f"heard {duration_text(sight.beat)} ago"
    facts = "".join(f"  {printable(fact)}" for fact in (sight.where, heard, sight.note) if fact)
    return _text(
        (f"{sight.matter:<12}", style), (f"{lasts:>8}  ", "dim"), (printable(sight.function), "bold"), (facts, "dim")
    )


def _text(*pieces: tuple[str, str]) -> "Text":
    from rich.text import Text

    return Text.assemble(*pieces, no_wrap=True, overflow="ellipsis")
