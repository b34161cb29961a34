"""What functions print in containers, however they do it, appears here whole and in order."""

import os
import subprocess
import sys
from importlib import import_module
from io import StringIO
from itertools import pairwise
from textwrap import dedent

import pytest

from mops import MemoizingPicklingRunner, use_runner
from tests.services.docker_jobs import eventually

PRINTERS = """
    import os
    import sys

    def flood(size):
        line = b"x" * 99 + b"\\n"
        for _ in range(size // 100_000):
            sys.stdout.buffer.write(line * 1000)
        return size

    def print_oddly():
        for data in (b"begun, ", b"\\xff\\x00binary\\n", b"y" * 300_000 + b"\\n", b"10%\\r", b"20%\\r\\n", b"last"):
            os.write(1, data)

    def count():
        for number in range(20_000):
            print(number)

    def say_nothing():
        pass
"""


@pytest.fixture
def printers(jobs):
    (jobs.folder / "docker_printers.py").write_text(dedent(PRINTERS))
    sys.modules.pop("docker_printers", None)
    module = import_module("docker_printers")
    return lambda name: use_runner(MemoizingPicklingRunner(jobs.shell(), jobs.root))(getattr(module, name))


class Errors(StringIO):
    """What appeared on standard error. What pytest captures loses what is written while it is looked at."""

    def have(self, words):
        return words in self.getvalue()


def look_at_errors(monkeypatch):
    shown = Errors()
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def test_parts_of_lines_long_lines_and_bytes_that_are_no_text_appear(printers, monkeypatch):
    errors = look_at_errors(monkeypatch)
    printers("print_oddly")()
    eventually(lambda: errors.have("last"))
    shown = errors.getvalue()[errors.getvalue().index("begun") :]
    assert shown.startswith("begun, \ufffd\x00binary\nyyy")
    assert shown.count("y") == 300_000 + 1
    assert shown.endswith("y\n10%\r20%\r\nlast")


def test_lines_appear_in_order_and_none_is_lost(printers, monkeypatch):
    errors = look_at_errors(monkeypatch)
    printers("count")()
    eventually(lambda: errors.have("\n19999\n"))
    shown = [int(line) for line in errors.getvalue().splitlines() if line.isdigit()]
    assert not {*range(20_000)} - {*shown}
    assert len(shown) == 20_000
    assert all(first < second for first, second in pairwise(shown))


def test_a_function_that_prints_nothing_shows_nothing(printers, monkeypatch):
    errors = look_at_errors(monkeypatch)
    printers("say_nothing")()
    printers("print_oddly")()
    eventually(lambda: errors.have("last"))
    shown = [
        line for line in errors.getvalue().partition("begun")[0].splitlines() if not line.startswith("others can write")
    ]
    assert not shown


def test_a_program_that_ends_right_after_its_call_shows_all_output(jobs, printers):
    size = 60_000_000
    code = f"""
        import docker_printers
        from mops import DockerShell, MemoizingPicklingRunner, use_runner
        code = {str(jobs.folder)!r}
        mounts, env = {{code: code}}, {{"PYTHONPATH": code}}
        shell = DockerShell({jobs.docker.image!r}, user={os.getuid()}, network="none", mounts=mounts, env=env)
        use_runner(MemoizingPicklingRunner(shell, {str(jobs.root)!r}))(docker_printers.flood)({size})
    """
    environment = {**os.environ, "PYTHONPATH": str(jobs.folder)}
    done = subprocess.run([sys.executable, "-c", dedent(code)], check=True, env=environment, stderr=subprocess.PIPE)
    assert done.stderr.count(b"x" * 99 + b"\n") == size // 100
