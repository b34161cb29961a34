"""Transfers on a real terminal, beside a map, interrupted, and where nobody could see them."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios

import pytest

from tests.integration.terminals import read_until, screen

MODULE = """
from pathlib import Path
from mops.adapters.blob_stores.local import LocalBlobStore

MB = 1_000_000

def wait_for(name):
    while not Path(name).exists():
        time.sleep(0.01)

class Slow(LocalBlobStore):
    '''Stores half of each file at once, and the rest when it may.'''

    def put_file_if_absent(self, key, path, digest, /, *, advance=None):
        Path("told").write_text(str(advance is not None))
        if advance:
            advance(MB)
        wait_for("go")
        return super().put_file_if_absent(key, path, digest)

class Mute(LocalBlobStore):
    '''Stores values when it may, and tells nothing.'''

    def put_content(self, key_of, /, *parts, advance=None):
        wait_for("go")
        return super().put_content(key_of, *parts)

class SlowHasher:
    def __init__(self):
        import blake3

        self.hasher = blake3.blake3()

    def update(self, data):
        self.hasher.update(data)
        if Path("hashed").exists():
            wait_for("go")
        Path("hashed").touch()

    def digest(self):
        return self.hasher.digest()

def hash_slowly():
    from mops.adapters.files import digests
    digests.blake3 = SlowHasher

def size(path):
    wait_for("end")
    return path.stat().st_size

def double(text):
    return text * 2

def is_followed():
    from mops.api.display.transfers import LINE

    with LINE.begin("storing x", 1) as advance:
        return advance is not None

for name in ("a.bin", "b.bin"):
    Path(name).write_bytes(name.encode() * (2 * MB // 5))
"""
KEEPS = "MemoizingPicklingRunner(InThreadShell(), {store}(root), keep_arguments=True)"
SLOW = KEEPS.format(store="work.Slow")
FORKS = "MemoizingPicklingRunner(SubprocessShell(max_workers=2), work.Slow(root))"


def write(project, runner, text):
    project.write("work.py", MODULE)
    return project.write("script.py", f"import work\nfrom pathlib import Path\nrunner = {runner}\n{text}")


@pytest.fixture
def terminal():
    """Both ends of a terminal of a hundred columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 100, 0, 0))
    yield leader, follower
    os.close(leader)


def start(project, script, terminal, **options):
    leader, follower = terminal
    environment = project.environment(TERM="xterm", MOPS_PROGRESS="1")
    process = project.start(script, env=environment, **{"stdout": follower, "stderr": follower, **options})
    os.close(follower)
    return process, leader


def test_a_file_that_takes_its_time_has_a_bar_until_it_is_stored(project, terminal):
    script = write(project, SLOW, "print(use_runner(runner)(work.size)(Path('a.bin')))\n")
    process, leader = start(project, script, terminal)
    said = read_until(leader, b"storing a.bin  [##########..........]  50%  1 MB of 2 MB", b"/s", b"eta ")
    (project.folder / "go").touch()
    (project.folder / "end").touch()
    said += read_until(leader, b"2000000\r\n")
    assert process.wait(60) == 0
    assert screen(said.decode(), 100) == ["2000000", ""]


def test_a_file_that_takes_its_time_to_be_hashed_has_a_bar_too(project, terminal):
    text = "work.hash_slowly()\nPath('c.bin').write_bytes(bytes(10 * work.MB))\n"
    script = write(project, KEEPS.format(store=""), f"{text}print(use_runner(runner)(work.size)(Path('c.bin')))\n")
    process, leader = start(project, script, terminal)
    said = read_until(leader, b"hashing c.bin  [", b"2%  262 kB of 10 MB")
    (project.folder / "go").touch()
    (project.folder / "end").touch()
    said += read_until(leader, b"10000000\r\n")
    assert process.wait(60) == 0
    assert screen(said.decode(), 100) == ["10000000", ""]


def test_a_store_that_tells_nothing_has_a_line_that_says_how_long(project, terminal):
    script = write(
        project, KEEPS.format(store="work.Mute"), "use_runner(runner)(work.double)('x' * 1_500_000)\nprint('done')\n"
    )
    process, leader = start(project, script, terminal)
    said = read_until(leader, b"storing a value  1.5 MB  0:0")
    (project.folder / "go").touch()
    said += read_until(leader, b"done\r\n")
    assert process.wait(60) == 0
    assert screen(said.decode(), 100) == ["done", ""]


def test_transfers_and_a_map_share_the_line_and_leave_no_debris(project, terminal):
    text = "print(use_runner(runner)(work.size).map([Path('a.bin'), Path('b.bin')]).wait())\n"
    process, leader = start(project, write(project, FORKS, text), terminal)
    said = read_until(leader, b"size: 0/2", b"2 transfers", b"50%")
    (project.folder / "go").touch()
    (project.folder / "end").touch()
    said += read_until(leader, b"[2000000, 2000000]\r\n")
    assert process.wait(60) == 0
    assert screen(said.decode(), 100) == ["[2000000, 2000000]", ""]


def test_an_interrupt_cleans_the_bar_away(project, terminal):
    script = write(project, SLOW, "use_runner(runner)(work.size)(Path('a.bin'))\n")
    process, leader = start(project, script, terminal)
    said = read_until(leader, b"storing a.bin")
    process.send_signal(signal.SIGINT)
    said += read_until(leader, b"KeyboardInterrupt\r\n")
    assert process.wait(60) == -signal.SIGINT
    lines = screen(said.decode(), 1000)
    assert lines[0] == "Traceback (most recent call last):"
    assert not any("storing" in line for line in lines)


def test_an_interrupt_cleans_the_bar_of_another_thread_away(project, terminal):
    process, leader = start(
        project, write(project, FORKS, "use_runner(runner)(work.size).submit(Path('a.bin')).result()\n"), terminal
    )
    said = read_until(leader, b"storing a.bin")
    process.send_signal(signal.SIGINT)
    said += read_until(leader, b"KeyboardInterrupt\r\n")
    (project.folder / "go").touch()
    (project.folder / "end").touch()
    process.wait(60)
    lines = screen(said.decode(), 1000)
    assert lines[0] == "Traceback (most recent call last):"
    assert not any("storing" in line for line in lines)


def test_nothing_follows_a_transfer_where_standard_error_is_piped(project, terminal):
    script = write(project, SLOW, "print(use_runner(runner)(work.size)(Path('a.bin')))\n")
    for name in ("go", "end"):
        (project.folder / name).touch()
    process, leader = start(project, script, terminal, stderr=subprocess.PIPE)
    assert process.communicate(timeout=60)[1] == ""
    assert (project.folder / "told").read_text() == "False"
    assert screen(read_until(leader, b"\n").decode(), 100) == ["2000000", ""]


def test_a_remote_draws_nothing_on_the_terminal_that_it_was_left(project, terminal):
    text = (
        "import subprocess\n"
        "shell = lambda argv: subprocess.run(argv, check=True)\n"
        "f = use_runner(MemoizingPicklingRunner(shell, root))(work.is_followed)\n"
        "print(work.is_followed(), f())\n"
    )
    process, leader = start(project, write(project, "None", text), terminal)
    said = read_until(leader, b"\n")
    assert process.wait(60) == 0
    assert screen(said.decode(), 100) == ["True False", ""]
