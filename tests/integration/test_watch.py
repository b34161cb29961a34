"""``mops watch`` and ``mops summary`` on roots where real calls run, and on terminals of every size."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

import pytest

WORK = """
    @use_runner(MemoizingPicklingRunner(SubprocessShell(max_workers=3), root))
    def work(number):
        if number == 0:
            raise ValueError("no\\n\\x1b[31mluck")
        while number == 1 and not os.path.exists("go"):
            time.sleep(0.01)
        return "a" * number

    if __name__ == "__main__":
        print(work.submit(1000).result())
        print(work.submit(0).exception())
        future = work.submit(1)
        print(future.result())
"""
CONTROL = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


@pytest.fixture
def working(project):
    """A program of which one call is stored, one has failed, and one runs until the test is over."""
    program = project.start(project.write("program.py", WORK), stderr=subprocess.DEVNULL)
    project.wait_until(project.root.is_dir)
    project.wait_until(lambda: {"running", "failed"} <= set(piped(project, "watch", "--once").split()))
    yield project
    (project.folder / "go").touch()
    program.communicate(timeout=60)


def piped(project, *arguments):
    return project.run("-m", "mops", *arguments).stdout


class Watching:
    """``mops watch`` on a terminal of that many columns and lines."""

    def __init__(self, project, columns, lines, *arguments):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(theirs)
        environment = {name: value for name, value in project.environment(TERM="xterm").items() if name != "COLUMNS"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mops", "watch", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, condition):
        """Read what the terminal is sent until that holds, or nothing more comes."""
        while not condition(self.shown):
            try:
                data = os.read(self.ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not data:
                break
            self.shown += data.decode()
        return self.shown

    def end(self, by=None):
        if by is not None:
            self.process.send_signal(by)
        self.read_until(lambda _: False)
        os.close(self.ours)
        return self.process.wait(60)

    def lines(self):
        return [line.rstrip("\r") for line in CONTROL.sub("", self.shown).splitlines()]


def test_piped_it_looks_once_and_prints_a_row_a_call(working):
    running, failed = (line.split("\t") for line in piped(working, "watch").splitlines())
    assert [len(running), len(failed)] == [7, 7]
    assert running[:2] == ["running", "__main__:work"]
    assert running[3].rpartition(":")[2].isdigit()
    assert running[5] == "-"
    assert failed[:2] == ["failed", "__main__:work"]
    assert failed[5] == "ValueError: no \\x1b[31mluck"
    assert running[6].startswith("file://")


@pytest.mark.parametrize(("columns", "lines"), [(120, 30), (60, 10), (20, 10), (20, 4), (5, 3)])
def test_it_fits_any_terminal_and_ctrl_c_leaves_it_whole(working, columns, lines):
    watching = Watching(working, columns, lines)
    watching.read_until(lambda shown: shown.count("1 r") >= 2)
    assert watching.end(signal.SIGINT) == 0
    assert max(map(len, watching.lines())) <= columns
    assert watching.shown.rindex("\x1b[?25h") > watching.shown.rindex("\x1b[?25l"), "the cursor is back"
    if columns >= 60:
        assert "1 running, 1 failed, 1 done" in watching.shown
        assert "ValueError: no \\x1b[31mluck" in watching.shown or columns < 120


def test_in_twenty_columns_it_says_what_runs_and_since_when(working):
    watching = Watching(working, 20, 10, "--once")
    assert watching.end() == 0
    assert any(re.fullmatch(r"runn work [\d.]+ (ms|s|min)", line) for line in watching.lines()), watching.lines()


def test_a_signal_that_ends_it_leaves_the_cursor(working):
    watching = Watching(working, 80, 24)
    watching.read_until(lambda shown: "running" in shown)
    assert watching.end(signal.SIGTERM) == 128 + signal.SIGTERM
    assert watching.shown.rindex("\x1b[?25h") > watching.shown.rindex("\x1b[?25l")


def test_it_sees_a_call_end(working):
    watching = Watching(working, 100, 24)
    watching.read_until(lambda shown: "1 running" in shown)
    (working.folder / "go").touch()
    assert "1 failed, 2 done" in watching.read_until(lambda shown: "2 done" in shown)
    assert watching.end(signal.SIGINT) == 0


def test_an_empty_root_is_watched_in_the_expectation_of_calls(project):
    project.root.mkdir()
    watching = Watching(project, 80, 24)
    assert "no calls" in watching.read_until(lambda shown: "no calls" in shown)
    project.script("print(pure(abs)(-1))")
    assert "1 done" in watching.read_until(lambda shown: "1 done" in shown)
    assert watching.end(signal.SIGINT) == 0


def test_more_calls_than_lines_are_counted(project):
    program = """
        @use_runner(MemoizingPicklingRunner(blob_root=root))
        def fail(number):
            raise ValueError(number)

        for number in range(30):
            try:
                fail(number)
            except ValueError:
                pass
    """
    project.script(program)
    watching = Watching(project, 80, 10)
    watching.read_until(lambda shown: "more" in shown)
    assert watching.end(signal.SIGINT) == 0
    assert "and 24 more" in watching.shown


def test_summary_counts_by_function(working):
    assert piped(working, "summary").split("\t")[:4] == ["__main__:work", "3", "1", "1"]
