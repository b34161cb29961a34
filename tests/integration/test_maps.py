"""Maps in real processes: interrupted, killed, resumed, shared."""

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

from tests.integration.terminals import read_until, screen

MODULE = """
import signal
from pathlib import Path

def note(name, x):
    with open(name, "a") as file:
        file.write(f"{x}\\n")

def work(x):
    note("ran", x)
    if Path("hold").exists():
        note("held", x)
        while Path("hold").exists():
            time.sleep(0.01)
    return x * x

def some_die(x):
    note("ran", x)
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x
"""

PROGRAM = """
    import work as module
    f = use_runner(MemoizingPicklingRunner({shell}, root))(module.{function})
"""


def write(project, shell, text, function="work"):
    project.write("work.py", MODULE)
    return project.write("script.py", PROGRAM.format(shell=shell, function=function) + text)


@pytest.fixture
def hold(project):
    """A file as long as which calls do not end."""
    path = project.folder / "hold"
    path.write_text("")
    yield path
    path.unlink(missing_ok=True)


def start(project, *arguments, **options):
    return project.start(*arguments, stderr=subprocess.PIPE, start_new_session=True, **options)


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does


SHELLS = ["SubprocessShell(max_workers=2)", "InThreadShell(max_workers=2)"]
ITERATE = """
    calls = f.map(range(50), buffersize=10)  # which starts ten
    open("begun", "w").close()
    for result in calls:
        print(result, flush=True)
"""


# ------------------------------------------------------------------------------------------------ Ctrl-C
@pytest.mark.parametrize("shell", SHELLS)
def test_the_first_interrupt_cancels_what_has_not_started_and_waits_for_what_runs(project, hold, shell):
    process = start(project, write(project, shell, ITERATE))
    project.wait_until(lambda: len(project.lines("held")) == 2 and (project.folder / "begun").exists())
    interrupt(process)
    said = process.stderr.readline()
    assert said == (
        "interrupted: 8 calls of work that had not started are cancelled; 2 run, and are waited for: "
        "interrupt again to leave at once\n"
    )
    assert process.poll() is None
    hold.unlink()
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert process.returncode == -signal.SIGINT
    assert sorted(project.lines("ran")) == ["0", "1"]
    assert len(project.results()) == 2
    project.wait_until(lambda: project.processes() == [], 10)  # they have published, and are about to end


def test_the_second_interrupt_leaves_at_once_and_stops_commands(project, hold):
    process = start(project, write(project, SHELLS[0], ITERATE))
    project.wait_until(lambda: len(project.lines("held")) == 2 and (project.folder / "begun").exists())
    interrupt(process)
    assert process.stderr.readline().startswith("interrupted: 8 calls")
    interrupt(process)
    _, err = process.communicate(timeout=60)
    assert "interrupted again: 2 calls of work are not waited for" in err
    assert process.returncode == -signal.SIGINT
    project.wait_until(lambda: project.processes() == [], 10)
    assert project.results() == []


def test_the_second_interrupt_leaves_functions_that_run_in_the_process(project, hold):
    process = start(project, write(project, SHELLS[1], ITERATE))
    project.wait_until(lambda: len(project.lines("held")) == 2 and (project.folder / "begun").exists())
    interrupt(process)
    assert process.stderr.readline().startswith("interrupted: 8 calls")
    interrupt(process)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, err
    hold.unlink()
    again = project.run(project.folder / "script.py")
    assert again.stdout.split() == [str(x * x) for x in range(50)]


def test_an_interrupt_in_the_body_of_the_loop_leaves_no_command_behind(project, hold):
    text = """
    f.map(range(2)).futures
    os.unlink("hold")
    for result in f.map(range(10)):
        Path = __import__("pathlib").Path
        if result == 1:
            Path("hold").write_text("")
            print("in the body", flush=True)
            time.sleep(60)
    """
    hold.write_text("")
    process = start(project, write(project, SHELLS[0], text))
    assert process.stdout.readline() == "in the body\n"
    project.wait_until(lambda: len(project.lines("held")) >= 1)
    interrupt(process)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "a map of work was dropped" in err
    project.wait_until(lambda: project.processes() == [], 10)


def test_an_interrupted_map_on_a_terminal_leaves_the_terminal_whole(project, hold):
    script = write(project, SHELLS[0], ITERATE)
    leader, follower = pty.openpty()
    before = subprocess.run(["stty", "-a"], stdin=follower, capture_output=True, text=True, check=True).stdout
    process = project.start(
        "-c", f"import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        f"os.execv(sys.executable, [sys.executable, {str(script)!r}])",
        stdin=follower, stdout=follower, stderr=follower,
    )  # fmt: skip
    project.wait_until(lambda: len(project.lines("held")) == 2)
    os.write(leader, b"\x03")
    said = read_until(leader, b"leave at once")
    os.write(leader, b"\x03")
    said += read_until(leader, b"KeyboardInterrupt\r\n")
    process.wait(60)
    after = subprocess.run(["stty", "-a"], stdin=follower, capture_output=True, text=True, check=True).stdout
    assert before == after
    assert not re.search(rb"\x1b\[\?25l(?!.*\x1b\[\?25h)", said, re.DOTALL)  # the cursor is not left hidden
    project.wait_until(lambda: project.processes() == [], 10)
    os.close(leader)
    os.close(follower)


PRINTS = """
def work(x):
    while not Path("go").exists():
        time.sleep(0.01)
    print(x, "ab", flush=True)
    while not Path("end").exists():
        time.sleep(0.01)
"""


@pytest.mark.parametrize("shell", ["SubprocessShell(max_workers=1)", "ForkServerShell(max_workers=1)"])
@pytest.mark.parametrize("width", [20, 100])
def test_what_remotes_print_and_the_line_of_progress_leave_no_debris_of_each_other(project, shell, width):
    script = write(project, shell, "    print(f.map([0]).wait())\n")
    project.write("work.py", "from pathlib import Path\n" + PRINTS)
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 10, width, 0, 0))
    process = project.start(
        script, env=project.environment(TERM="xterm", MOPS_PROGRESS="1"), stdout=follower, stderr=follower
    )
    os.close(follower)
    said = read_until(leader, b"0/1")
    (project.folder / "go").touch()
    said += read_until(leader, b"ab")
    said += read_until(leader, b"0/1")  # it is drawn again
    (project.folder / "end").touch()
    said += read_until(leader, b"[None]\r\n")
    assert process.wait(60) == 0
    os.close(leader)
    assert screen(said.decode(), width) == ["0 ab", "[None]", ""]


# ------------------------------------------------------------------------------------------------ faults
def test_a_worker_that_is_killed_fails_its_call_alone(project):
    text = """
    results = f.map(range(6), return_exceptions=True).wait()
    print([result if isinstance(result, int) else type(result).__name__ for result in results])
    """
    done = project.run(write(project, SHELLS[0], text, function="some_die"))
    assert done.stdout == "[0, 1, 4, 'RemoteCrashed', 16, 25]\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_second_run_computes_the_rest_of_what_a_killed_caller_left(project, hold, shell):
    hold.unlink()
    text = """
    for result in f.map(range(30), buffersize=10):
        print(result, flush=True)
        if result == 25 and len(sys.argv) > 1:
            os.kill(os.getpid(), 9)
    """
    script = write(project, shell, text)
    killed = project.run(script, "die", check=False)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.split() == ["0", "1", "4", "9", "16", "25"]
    project.wait_until(lambda: project.processes() == [], 30)
    before = project.lines("ran")
    assert project.run(script).stdout.split() == [str(x * x) for x in range(30)]
    ran = project.lines("ran")
    repeated = {x for x in ran if ran.count(x) > 1}
    assert {"0", "1", "2", "3", "4", "5"}.isdisjoint(ran[len(before) :])
    assert len(ran) <= 30 + 2, repeated  # what ran in the killed process itself began anew
    assert set(ran) == {str(x) for x in range(30)}


@pytest.mark.parametrize("shell", SHELLS)
def test_two_processes_that_map_the_same_inputs_compute_each_once(project, shell):
    text = """
    print("ready", flush=True)
    sys.stdin.readline()
    print(f.map(range(40)).wait() == [x * x for x in range(40)])
    """
    script = write(project, shell, text)
    processes = [project.start(script, stdin=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=120)[0] for process in processes] == ["True\n"] * 2
    assert sorted(project.lines("ran"), key=int) == [str(x) for x in range(40)]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_map_needs_no_standard_streams(project, shell):
    text = """
    __import__("pathlib").Path("sum").write_text(str(sum(f.map(range(10)))))
    """
    script = write(project, shell, text)
    command = f"exec {sys.executable} {script} <&- >&- 2>&-"
    subprocess.run(command, shell=True, cwd=project.folder, env=project.environment(), timeout=60, check=True)
    assert project.lines("sum") == ["285"]


def test_dropping_the_iterator_says_so_on_standard_error(project, hold):
    text = """
    calls = f.map(range(50), buffersize=10)
    while calls.counts.running < 2:
        time.sleep(0.01)
    del calls
    import threading
    from mops.api.maps.dropping import drop_later
    dropped = threading.Event()
    drop_later(dropped.set)
    dropped.wait()
    os.unlink("hold")
    """
    done = project.run(write(project, SHELLS[1], text))
    assert done.stderr.startswith(
        "a map of work was dropped: 8 calls that had not started are cancelled, 2 run on, inputs were left unread\n"
    )


def test_a_map_that_the_program_ends_in_is_no_orphan_and_no_hang(project, hold):
    text = """
    calls = f.map(range(50), buffersize=10)
    while not Path("held").exists() or Path("held").read_text().count("\\n") < 2:
        time.sleep(0.01)  # a command that the Shell is about to start would be given up with the rest
    """
    done = project.run(write(project, SHELLS[0], "    from pathlib import Path\n" + text))
    assert "the program ends" in done.stderr
    hold.unlink()
    project.wait_until(lambda: len(project.results()) >= 2)
    project.wait_until(lambda: project.processes() == [], 30)
