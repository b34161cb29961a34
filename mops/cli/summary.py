"""``mops summary``: what a root holds, in all and by function."""

import click

from mops.api.display.wording import duration_text, size_text
from mops.api.memo_uri import root_for_people
from mops.api.records.history import PastCall, number_in
from mops.api.records.listing import past_calls
from mops.cli import screen


class _Totals:
    """Of the calls of one function, or of all."""

    def __init__(self) -> None:
        self.calls = self.stored = self.failed = self.size = 0
        self.elapsed = 0.0

    def add(self, past: PastCall) -> None:
        self.calls += 1
        self.failed += past.state == "failed"
        if past.state == "stored" and past.result is not None:
            self.stored += 1
            self.size += past.result.value_size
            self.elapsed += number_in(past.result.header, "elapsed") or 0.0

    def __str__(self) -> str:
        return (
            f"{self.calls:,} call{'' if self.calls == 1 else 's'}: {self.stored:,} stored, {self.failed:,} failed; "
            f"{duration_text(self.elapsed)} to compute; {size_text(self.size)}"
        )


@click.command(short_help="Sum up what a root holds: calls, time and bytes.")
@click.argument("root", required=False)
def summary(root: str | None) -> None:
    """Sum up the calls under ROOT, in all and by function: how many, what they took to compute, how large they are.

    Reads the header of every result. Piped: function, calls, stored, failed, seconds and bytes, between tabs.
    """
    store = root_for_people(root)
    everything, by_function = _Totals(), dict[str, _Totals]()
    for past in past_calls(store):
        for totals in (everything, by_function.setdefault(past.names[1], _Totals())):
            totals.add(past)
    if screen.is_for_people():
        screen.line(everything)
    for function, totals in sorted(by_function.items()):
        if screen.is_for_people():
            screen.line(f"  {function}: {totals}")
        else:
            cells = (totals.calls, totals.stored, totals.failed, screen.duration(totals.elapsed), totals.size)
            screen.row((function, *cells))
