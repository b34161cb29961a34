"""The line of progress: what it says, how it fits, and where it is shown."""

import io
import logging
import os
import pty
import subprocess
import sys
import textwrap
from types import ModuleType, SimpleNamespace

import pytest

from mops.adapters.forwarding import Output
from mops.api.display import screens
from mops.api.display.screens import columns
from mops.api.maps.counts import Counts
from mops.api.maps.progress import Progress, line
from tests.unit.api.screen_doubles import FakeTerminal, Time

COUNTS = Counts(done=120, hits=80, failed=2, running=30)
NAME = "a_function_with_a_long_name"


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def terminal(monkeypatch):
    stream = FakeTerminal()
    monkeypatch.setattr(screens, "sys", SimpleNamespace(stderr=stream, modules={}))  # pytest replaces it
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("MOPS_PROGRESS", raising=False)
    return stream


def counts(**changes):
    return COUNTS._replace(**changes)


# ------------------------------------------------------------------------------------------------ what it says
def test_the_line_says_how_many_what_became_of_them_how_fast_and_how_long():
    said = line("score", 1000, COUNTS, 12.3, 100)
    assert said == "score: 120/1,000  80 hits  30 running  2 failed  12.3/s  eta 1:12"


def test_what_is_unknown_or_zero_is_left_out():
    zero = Counts()
    assert line("score", None, zero, 0.0, 100) == "score: 0"
    assert line("score", 0, zero, 0.0, 100) == "score: 0/0"
    assert line("score", 120, Counts(done=120), 1.0, 100) == "score: 120/120  1.0/s"
    assert line("score", 40_000, Counts(done=120), 1.0, 100).endswith("eta 11:04:40")


@pytest.mark.parametrize("width", range(130))
@pytest.mark.parametrize("name", [NAME, "f", "名前の長い関数"])
def test_the_line_fits_any_width(width, name):
    said = line(name, 1_000_000, counts(done=123_456, waiting=7), 12.3, width)
    assert columns(said) <= width
    assert said.startswith(("123,456"[:width], name))


def test_in_twenty_columns_failures_outlive_everything_but_the_count():
    assert line(NAME, 1000, COUNTS, 12.3, 29) == "120/1,000  2 failed  eta 1:12"
    assert line(NAME, 1000, COUNTS, 12.3, 19) == "120/1,000  2 failed"
    assert line(NAME, 1000, COUNTS, 12.3, 18) == "120/1,000"


def test_the_rate_is_that_of_late_and_falls_while_nothing_ends(clock, terminal):
    progress = Progress("score", 1000, clock=clock)
    for done in range(100):
        clock.now += 1.0
        progress.update(counts(done=500 + done))
    assert "  1.0/s  " in terminal.getvalue().rpartition("\r")[2]
    clock.now += 59.0
    progress.update(counts(done=599))
    progress.close()
    assert "  0.5/s  " in terminal.getvalue().split("\r")[-2]


# ------------------------------------------------------------------------------------------------ when and where
def test_nothing_is_drawn_in_the_first_second_nor_more_often_than_anybody_can_see(clock, terminal):
    progress = Progress("score", 1000, clock=clock)
    clock.now += 0.99
    progress.update(COUNTS)
    assert terminal.getvalue() == ""
    clock.now += 0.01
    progress.update(COUNTS)
    drawn = terminal.getvalue()
    assert drawn == "\r\x1b[Kscore: 120/1,000  80 hits  30 running  2 failed  120.0/s  eta 0:08"
    clock.now += 0.01
    progress.update(counts(done=121))
    assert terminal.getvalue() == drawn
    clock.now += 1
    progress.update(counts(done=121))
    assert "121/1,000" in terminal.getvalue()
    progress.close()


def test_the_line_is_wiped_out_at_the_end_and_nothing_follows(clock, terminal):
    progress = Progress("score", 1000, clock=clock)
    clock.now += 1
    progress.update(COUNTS)
    progress.close(COUNTS)
    wiped = terminal.getvalue()
    assert wiped.endswith("\r\x1b[K")
    clock.now += 100
    progress.update(COUNTS)
    progress.close()
    assert terminal.getvalue() == wiped


def test_the_line_that_is_hidden_is_wiped_out_and_drawn_again(clock, terminal):
    progress = Progress("score", 10, clock=clock)
    progress.hide()
    assert terminal.getvalue() == ""
    for number in (1, 2):
        clock.now += 2.0
        progress.update(counts(done=number))
        progress.hide()
    progress.close(counts(done=2))
    wiped = "\r\x1b[K"
    first, second = (each for each in terminal.getvalue().split(wiped) if each)
    assert terminal.getvalue() == f"{wiped}{first}{wiped}{wiped}{second}{wiped}{wiped}"


def test_a_map_that_is_over_within_a_second_leaves_no_trace(clock, terminal):
    progress = Progress("score", 1000, clock=clock)
    progress.update(COUNTS)
    progress.close(COUNTS)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("wanted", "variable", "drawn"),
    [(None, None, True), (None, "0", False), (None, "1", True), (False, "1", False), (True, "0", True)],
)
def test_an_argument_or_the_environment_turn_it_off(clock, terminal, monkeypatch, wanted, variable, drawn):
    if variable is not None:
        monkeypatch.setenv("MOPS_PROGRESS", variable)
    progress = Progress("score", 1000, wanted, clock=clock)
    clock.now += 60
    progress.update(COUNTS)
    progress.close()
    assert bool(terminal.getvalue()) == drawn


def test_of_two_maps_at_once_the_first_has_the_line_until_it_ends(clock, terminal):
    first, second = (Progress(name, 1000, clock=clock) for name in ("first", "second"))
    clock.now += 1
    first.update(COUNTS)
    second.update(COUNTS)
    assert "second" not in terminal.getvalue()
    first.close()
    clock.now += 1
    second.update(COUNTS)
    second.close()
    assert "second" in terminal.getvalue()
    assert screens._line.owners == [None, None]


def test_what_a_remote_prints_replaces_the_line_and_keeps_its_own_when_that_has_no_end(clock, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    output = Output()
    progress = Progress("score", 1000, clock=clock)
    clock.now += 1
    progress.update(COUNTS)
    drawn = len(terminal.getvalue())
    output.take(b"loading\nno end")
    output.end()
    assert terminal.getvalue()[drawn:] == "\r\x1b[Kloading\n\r\x1b[Kno end\n"
    progress.close()
    closed = len(terminal.getvalue())
    output.take(b"no end")
    output.end()
    assert terminal.getvalue()[closed:] == "no end"


def test_what_a_remote_prints_is_left_as_it_is_where_the_line_stands_elsewhere(clock, terminal, monkeypatch):
    piped = io.StringIO()
    monkeypatch.setattr(sys, "stderr", piped)
    progress = Progress("score", 1000, clock=clock)
    clock.now += 1
    progress.update(COUNTS)
    output = Output()
    output.take(b"loading")
    output.end()
    progress.close()
    assert piped.getvalue() == "loading"


def test_control_characters_in_a_name_do_not_reach_the_terminal(clock, terminal):
    progress = Progress("<lambda>\x1b[2J\n", 1000, clock=clock)
    clock.now += 1
    progress.update(COUNTS)
    progress.close()
    assert "<lambda>\\x1b[2J\\n: 120" in terminal.getvalue()


def test_what_is_piped_gets_a_line_in_the_log_every_thirty_seconds(clock, monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress("score", 1000, clock=clock)
    with caplog.at_level(logging.INFO, "mops"):
        for _ in range(65):
            clock.now += 1
            progress.update(COUNTS)
        assert len(caplog.records) == 2
        progress.close(counts(done=1000))
    assert caplog.messages[-1].startswith("score: 1,000/1,000")
    assert len(caplog.records) == 3
    assert sys.stderr.getvalue() == ""


def test_a_terminal_that_knows_no_control_sequences_counts_as_a_pipe(clock, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    progress = Progress("score", 1000, clock=clock)
    clock.now += 10
    progress.update(COUNTS)
    progress.close()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("closed", [False, True])
def test_without_a_standard_error_nothing_happens(clock, monkeypatch, caplog, closed):
    stream = FakeTerminal() if closed else None
    if stream:
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress("score", 1000, clock=clock)
    for _ in range(3):
        clock.now += 60
        progress.update(COUNTS)
    progress.close(COUNTS)
    assert caplog.records == []


def test_a_terminal_that_goes_away_fails_nothing(clock, terminal):
    progress = Progress("score", 1000, clock=clock)
    clock.now += 1
    progress.update(COUNTS)
    terminal.close()
    clock.now += 1
    progress.update(COUNTS)
    progress.close(COUNTS)
    assert screens._line.owners == [None, None]


def test_a_notebook_rewrites_one_output_and_keeps_its_last_line(clock, monkeypatch):
    shown = []

    class Handle:
        def update(self, bundle, *, raw):
            assert raw
            shown.append(("update", bundle))

    def display(bundle, *, raw, display_id):
        assert raw
        assert display_id
        shown.append(("display", bundle))
        return Handle()

    module = ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    progress = Progress("score", 1000, clock=clock)
    for _ in range(2):
        clock.now += 1
        progress.update(COUNTS)
    progress.close(counts(done=1000))
    assert [what for what, _ in shown] == ["display", "update", "update"]
    assert shown[-1][1]["text/plain"].startswith("score: 1,000/1,000")


PROGRAM = """
    from mops.api.maps.counts import Counts
    from mops.api.maps.progress import Progress
    now = [0.0]
    progress = Progress("a_function_with_a_long_name", 1000, clock=lambda: now[0])
    for done in range(5):
        now[0] += 1.0
        progress.update(Counts(done=done, hits=1, failed=2, running=3, waiting=4))
    progress.close()
    print("after")
"""


def test_a_terminal_of_twenty_columns_never_wraps():
    fcntl, termios, struct = (pytest.importorskip(name) for name in ("fcntl", "termios", "struct"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "MOPS_PROGRESS": "1"},
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            shown += chunk
    except OSError:
        pass  # how a terminal says that the other side is gone
    assert process.wait() == 0, shown
    *drawn, last = shown.decode().split("\r\x1b[K")
    assert len(drawn) == 6, drawn
    assert max(map(len, drawn)) <= 19
    assert drawn[-1] == "4/1,000  2 failed"
    assert last == "after\r\n"
