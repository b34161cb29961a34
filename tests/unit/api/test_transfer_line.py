"""The line of transfers: what it says, how it fits, when it is drawn, and how it stands beside that of a map."""

import io
import os
import sys
import threading
from types import SimpleNamespace

import pytest

from mops.adapters.forwarding import Output
from mops.api.display import screens
from mops.api.display.screens import columns
from mops.api.display.terminal import wipe_out
from mops.api.display.transfers import TransferLine, line
from mops.api.maps.counts import Counts
from mops.api.maps.progress import Progress
from mops.api.settings import defaults
from tests.unit.api.screen_doubles import WIPED, FakeTerminal, Time

MB = 1_000_000


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def terminal(monkeypatch, clock):
    stream = FakeTerminal()
    monkeypatch.setattr(screens, "sys", SimpleNamespace(stderr=stream, modules={}))  # pytest replaces it
    monkeypatch.setattr(screens, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(screens._line, "quiet_until", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("MOPS_PROGRESS", raising=False)
    monkeypatch.setattr(defaults, "_root_of_execution", "")
    yield stream
    assert screens._line.owners == [None, None], "somebody still has the line"


@pytest.fixture
def transfers(clock, terminal):
    """The transfers of a process; no thread draws them but the test."""
    return TransferLine(clock, start=lambda _: None)


# ------------------------------------------------------------------------------------------------ what it says
def test_the_line_says_what_how_far_how_much_how_fast_and_how_long():
    said = line("storing m.npy", 500 * MB, 2000 * MB, 100 * MB, 5, 100)
    assert said == "storing m.npy  [#####...............]  25%  500 MB of 2 GB  100 MB/s  eta 0:15"


def test_without_a_total_there_is_no_share_and_no_end():
    assert line("storing x", 500 * MB, None, 100 * MB, 65, 100) == "storing x  500 MB  100 MB/s  1:05"


def test_of_a_store_that_does_not_tell_the_line_says_how_much_and_for_how_long():
    assert line("storing x", 0, 500 * MB, 0.0, 65, 100) == "storing x  500 MB  1:05"


def test_more_bytes_than_there_should_be_are_all_of_them():
    assert "100%" in line("storing x", 501 * MB, 500 * MB, MB, 5, 100)


def test_a_file_without_bytes_has_a_line_too():
    assert line("storing x", 0, 0, 0.0, 2, 100) == "storing x  0 B  0:02"


@pytest.mark.parametrize("width", range(130))
@pytest.mark.parametrize("name", ["storing a_file_with_a_very_long_name.parquet", "x", "名前の長い" * 9])
def test_the_line_fits_any_width(width, name):
    assert columns(line(name, 123_456_789, 2000 * MB, 1_234_567, 5, width)) <= width


def test_in_few_columns_the_share_outlives_everything():
    said = [line("storing m.npy", 500 * MB, 2000 * MB, 100 * MB, 5, width) for width in (60, 50, 23, 22, 8, 2)]
    assert said == [
        "storing m.npy  25%  500 MB of 2 GB  100 MB/s  eta 0:15",
        "25%  500 MB of 2 GB  100 MB/s  eta 0:15",
        "25%  100 MB/s  eta 0:15",
        "25%  eta 0:15",
        "25%",
        "",
    ]


# ------------------------------------------------------------------------------------------------ when and where
def test_a_transfer_is_drawn_from_its_second_second_to_its_end(clock, terminal, transfers):
    with transfers.begin("storing m.npy", 2000 * MB) as advance:
        advance(100 * MB)
        clock.now += 0.99
        assert transfers.draw()
        assert terminal.getvalue() == ""
        clock.now += 0.01
        assert transfers.draw()
        assert terminal.last == "storing m.npy  [#...................]  5%  100 MB of 2 GB  100 MB/s  eta 0:19"
        advance(900 * MB)
        clock.now += 9
        assert transfers.draw()
        assert terminal.last == "storing m.npy  [##########..........]  50%  1 GB of 2 GB  100 MB/s  eta 0:10"
    assert terminal.last == ""
    assert not transfers.draw()


def test_the_rate_is_that_of_late(clock, terminal, transfers):
    with transfers.begin("storing x", None) as advance:
        for _ in range(100):
            clock.now += 1
            advance(MB)
            transfers.draw()
        assert "1 MB/s" in terminal.last
        for _ in range(49):
            clock.now += 1
            transfers.draw()
        assert "/s" not in terminal.last


def test_a_transfer_that_is_over_within_a_second_leaves_no_trace(clock, terminal, transfers):
    with transfers.begin("storing x", MB):
        clock.now += 0.5
        transfers.draw()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_whatever_ends_a_transfer_wipes_the_line_out(clock, terminal, transfers, error):
    with pytest.raises(error), transfers.begin("storing x", MB):
        clock.now += 2
        transfers.draw()
        assert terminal.last
        raise error
    assert terminal.last == ""


def test_several_transfers_share_the_line_as_if_they_were_one(clock, terminal, transfers):
    with transfers.begin("storing x", 300 * MB) as first:
        first(100 * MB)
        clock.now += 1
        with transfers.begin("storing y", 100 * MB) as second:
            second(20 * MB)
            transfers.draw()
            assert terminal.last.startswith("storing x"), "the other one has not taken a second"
            clock.now += 1
            transfers.draw()
            assert terminal.last == "2 transfers  [######..............]  30%  120 MB of 400 MB  70 MB/s  eta 0:04"
        transfers.draw()
        assert terminal.last.startswith("storing x")
    assert terminal.last == ""


def test_bytes_may_be_told_by_any_thread(clock, terminal, transfers):
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with transfers.begin("storing x", 80_000) as advance:
            threads = [threading.Thread(target=lambda: [advance(1) for _ in range(10_000)]) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            clock.now += 1
            transfers.draw()
            assert "100%  80 kB of 80 kB" in terminal.last
    finally:
        sys.setswitchinterval(interval)


def test_one_thread_draws_while_there_are_transfers_and_the_next_is_started_when_it_has_ended(clock, terminal):
    started = []
    transfers = TransferLine(clock, start=started.append)
    with transfers.begin("x", 1), transfers.begin("y", 1):
        assert transfers.draw()
        assert len(started) == 1
    with transfers.begin("x", 1):
        assert transfers.draw()
        assert len(started) == 1, "it has not looked in between"
    assert not transfers.draw()
    with transfers.begin("x", 1):
        assert len(started) == 2


def test_without_a_thread_to_be_had_nothing_is_drawn(clock, terminal):
    def start(_):
        raise RuntimeError("can't start new thread")

    with TransferLine(clock, start).begin("x", 1) as advance:
        advance(1)
    assert terminal.getvalue() == ""


def test_at_the_end_of_the_interpreter_the_line_is_wiped_out_and_nothing_follows(clock, terminal, transfers):
    with transfers.begin("storing x", MB):
        clock.now += 1
        transfers.draw()
        transfers._close()
        assert terminal.last == ""
        assert not transfers.draw()
        assert terminal.last == ""


def nobody(name, monkeypatch):
    """Make it so that nobody sees what is drawn, or that it would be in the way."""
    if name == "piped":
        monkeypatch.setattr(screens.sys, "stderr", io.StringIO())
    elif name == "no standard error":
        monkeypatch.setattr(screens.sys, "stderr", None)
    elif name == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    elif name == "notebook":
        monkeypatch.setattr(screens.sys, "modules", {"ipykernel": None, "IPython.display": None})
    elif name == "turned off":
        monkeypatch.setenv("MOPS_PROGRESS", "0")
    elif name == "remote":
        defaults.execute_under("file:///root")
    elif name == "pool":
        monkeypatch.setitem(sys.modules, "multiprocessing.process", SimpleNamespace(parent_process=lambda: "parent"))


@pytest.mark.parametrize(
    "name", ["piped", "no standard error", "dumb", "notebook", "turned off", "remote", "pool", "forked"]
)
def test_nobody_is_told_of_bytes_where_nobody_could_see_them(clock, terminal, transfers, monkeypatch, name):
    nobody(name, monkeypatch)
    if name == "forked":
        pid = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    with transfers.begin("storing x", MB) as advance:
        assert advance is None
    assert terminal.getvalue() == ""


def test_control_characters_in_a_name_do_not_reach_the_terminal(clock, terminal, transfers):
    with transfers.begin("storing \x1b[2Jx\n", MB) as advance:
        advance(1000)
        clock.now += 1
        transfers.draw()
        assert terminal.last.startswith("storing \\x1b[2Jx\\n")


def test_a_terminal_that_goes_away_fails_nothing(clock, terminal, transfers):
    with transfers.begin("storing x", MB):
        clock.now += 1
        transfers.draw()
        terminal.close()
        assert transfers.draw()


# ------------------------------------------------------------------------------------------------ beside a map
@pytest.fixture
def progress(clock, terminal):
    progress = Progress("score", 1000, clock=clock)
    yield progress
    progress.close()


def test_transfers_stand_to_the_right_of_a_map(clock, terminal, transfers, progress):
    with transfers.begin("storing x", 300 * MB) as advance:
        advance(100 * MB)
        clock.now += 2
        progress.update(Counts(done=120, hits=80, running=30, failed=2))
        transfers.draw()
        assert terminal.last == "score: 120/1,000  80 hits  30 running  2 failed  60.0/s  33%  50 MB/s  eta 0:04"
        clock.now += 1
        progress.update(Counts(done=121, hits=80, running=30, failed=2))
        assert terminal.last.startswith("score: 121/1,000")
        assert terminal.last.endswith("33%  50 MB/s  eta 0:04")
    assert terminal.last.startswith("score: 121/1,000")
    assert "%" not in terminal.last


@pytest.mark.parametrize("first", ["map", "transfer"])
@pytest.mark.parametrize("width", [12, 20, 40, 60, 80, 200])
def test_together_they_fit_any_width_and_both_are_seen(clock, terminal, transfers, progress, monkeypatch, width, first):
    monkeypatch.setattr(screens.Terminal, "_columns", lambda _: width - 1)
    with transfers.begin("storing m.npy", 300 * MB) as advance:
        advance(100 * MB)
        draws = [lambda: progress.update(Counts(done=120, hits=80, running=30, failed=2)), transfers.draw]
        for _ in range(3):
            clock.now += 2
            for draw in draws if first == "map" else draws[::-1]:
                draw()
                assert columns(terminal.last) < width
        assert "120"[: width // 2 - 3] in terminal.last
        assert "%" in terminal.last


def test_while_a_map_leaves_the_line_to_others_transfers_do_too(clock, terminal, transfers, progress):
    with transfers.begin("storing x", 300 * MB) as advance:
        advance(100 * MB)
        clock.now += 2
        progress.update(Counts(done=120))
        transfers.draw()
        progress.hide()
        drawn = terminal.getvalue()
        transfers.draw()
        assert terminal.getvalue() == drawn
        with transfers.begin("storing y", MB):
            pass
        clock.now += 1
        progress.update(Counts(done=121))
        transfers.draw()
        assert "121" in terminal.last
        assert "%" in terminal.last
        progress.hide()
        drawn = terminal.getvalue()
    assert terminal.getvalue() == drawn


def test_a_transfer_outlives_a_map(clock, terminal, transfers, progress):
    with transfers.begin("storing x", 300 * MB) as advance:
        advance(100 * MB)
        clock.now += 2
        progress.update(Counts(done=120))
        progress.close()
        written = terminal.getvalue()
        transfers.draw()
        assert terminal.getvalue() == written, "what the map came to is about to be told"
        clock.now += 1
        transfers.draw()
        assert terminal.last.startswith("storing x")


def test_transfers_stay_away_for_a_second_when_somebody_is_about_to_write(clock, terminal, transfers):
    wipe_out()
    assert terminal.getvalue() == ""
    with transfers.begin("storing x", 300 * MB):
        clock.now += 2
        transfers.draw()
        assert terminal.last
        wipe_out()
        assert terminal.last == ""
        written = terminal.getvalue()
        transfers.draw()
        assert terminal.getvalue() == written
        clock.now += 1
        transfers.draw()
        assert terminal.last.startswith("storing x")


def test_what_a_remote_prints_replaces_the_line_of_a_transfer(clock, terminal, transfers, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    with transfers.begin("storing x", 300 * MB):
        clock.now += 2
        transfers.draw()
        drawn = len(terminal.getvalue())
        output = Output()
        output.take(b"loading\n")
        assert terminal.getvalue()[drawn:] == f"{WIPED}loading\n"
    assert Output.drawn_on is None
