"""How ``mops watch`` goes on while a store cannot be read, and what it draws then."""

import io
from uuid import uuid4

import pytest
from rich.console import Console

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.records.watching import Sight, View
from mops.cli import watch
from mops.core.errors import StoreUnavailable


class Unsteady(MemoryBlobStore):
    """Can be read at every other listing of its memos."""

    lists = 0

    def list(self, prefix, /, *, after=""):
        if "memo" in prefix:
            self.lists += 1
            if self.lists % 2 == 0:
                raise StoreUnavailable("no route\x1b[2J")
        return super().list(prefix, after=after)


@pytest.fixture
def store():
    return Unsteady(uuid4().hex)


def drawn(store, view, trouble="", *, width=80, height=100, monkeypatch):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    monkeypatch.setattr(watch, "_console", lambda: console)
    console.print(watch._drawn(store, view, trouble, height))
    return console.file.getvalue().splitlines()


def sight(function="m:f", matter="running", **changes):
    facts = {"since": None, "where": "", "beat": None, "note": "", "uri": "u", **changes}
    return Sight(matter=matter, function=function, **facts)


def test_a_store_that_cannot_be_read_is_said_to_be_so_and_looked_at_again(store, monkeypatch):
    waits = []
    monkeypatch.setattr(watch.time, "sleep", waits.append)
    looks = watch._looks(store)
    assert [next(looks) for _ in range(3)] == [
        (View((), {}), ""),
        (View((), {}), "no route\x1b[2J"),
        (View((), {}), ""),
    ]
    assert min(waits) >= 1.0


def test_what_is_shown_while_the_store_cannot_be_read_is_the_last_look(store, monkeypatch):
    lines = drawn(store, View((sight(),), {"running": 1}), "no route\x1b[2J", monkeypatch=monkeypatch)
    assert lines == ["1 running", store.uri, "cannot look: no route\\x1b[2J", "running               m:f"]


def test_what_does_not_fit_is_cut_off_or_counted(store, monkeypatch):
    view = View(tuple(sight(f"m:{'名' * number}[red]\n", since=0.0) for number in range(1, 30)), {"running": 29})
    for width in range(1, 130):
        for height in (1, 5, 40):
            lines = drawn(store, view, width=width, height=height, monkeypatch=monkeypatch)
            assert len(lines) <= max(height, 4)
            assert all(Console(width=width).measure(line).maximum <= width for line in lines)
