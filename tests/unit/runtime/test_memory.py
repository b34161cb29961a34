"""What the system says of a process's memory."""

import subprocess
import sys

import pytest

from mops import MemoizingPicklingRunner, SubprocessShell, use_runner
from mops.runtime import memory
from mops.testing import tasks

GROW = """
import os
from mops.runtime.memory import peak
if os.fork():
    os.wait()
else:
    before = peak()
    data = b"x" * (100 << 20)
    del data
    print(peak() - before)
"""
"""In a fork, as a remote does: a new program begins with the peak of the process that started it."""


def test_the_peak_counts_what_was_given_back():
    grown = int(subprocess.run([sys.executable, "-c", GROW], stdout=subprocess.PIPE, check=True).stdout)
    assert 90 << 20 < grown < 150 << 20


@pytest.mark.parametrize(
    ("said", "killed"),
    [("low 0\noom 3\noom_kill 2\n", 2), ("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1), ("", 0)],
)
def test_both_versions_of_control_groups_say_how_many_were_killed(tmp_path, monkeypatch, said, killed):
    (tmp_path / "events").write_text(said)
    monkeypatch.setattr(memory, "_EVENTS", (str(tmp_path / "absent"), str(tmp_path / "events")))
    assert memory.killed_for_lack_of_it() == killed


@pytest.mark.parametrize(
    ("said", "limit"), [("max\n", None), ("9223372036854771712\n", None), ("67108864\n", 64 << 20)]
)
def test_a_limit_is_a_number_that_can_be_reached(tmp_path, monkeypatch, said, limit):
    (tmp_path / "limit").write_text(said)
    monkeypatch.setattr(memory, "_LIMITS", (str(tmp_path / "limit"),))
    assert memory.limit() == limit


def test_a_system_without_control_groups_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_EVENTS", (str(tmp_path / "absent"),))
    monkeypatch.setattr(memory, "_LIMITS", (str(tmp_path / "absent"),))
    assert (memory.killed_for_lack_of_it(), memory.limit()) == (0, None)


def test_the_peak_of_a_remote_is_in_the_metadata(tmp_path):
    add = use_runner(MemoizingPicklingRunner(SubprocessShell(), tmp_path))(tasks.add)
    future = add.submit(1)
    future.result()
    assert 1 << 20 < future.metadata["peak_memory"] < 1 << 30


def test_a_call_in_a_thread_has_no_peak_of_its_own(tmp_path):
    future = use_runner(MemoizingPicklingRunner(blob_root=tmp_path))(tasks.add).submit(1)
    future.result()
    assert "peak_memory" not in future.metadata
