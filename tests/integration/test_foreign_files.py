"""Named pipes, sockets, devices and directories where mops keeps its files: said by name, and nobody waits for them."""

import os

import pytest

from mops.api.memo_uri import open_memo
from mops.api.records.listing import past_call
from mops.core.blob_layout import session_key

PROGRAM = """
    use = {{"InThreadShell": InThreadShell, "SubprocessShell": SubprocessShell}}
    @use_runner(MemoizingPicklingRunner({shell}(), root), name="stage:double")
    def double(number):
        return 2 * number
"""
EVERY_COMMAND = ("ls {root}", "summary {root}", "watch --once {root}", "inspect {uri}", "why {uri}", "logs {uri}")


def address_of(project, shell):
    """The address of a call that nobody has made."""
    project.write("stage.py", PROGRAM.format(shell=shell))
    return project.run("-c", "from stage import *; print(double.memo_uri(1))").stdout.strip()


def folder_of(uri):
    folder = uri.removeprefix("file://")
    os.makedirs(folder)
    return folder


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize(
    ("shell", "slot"),
    [("InThreadShell", "r0"), ("InThreadShell", "e1"), ("SubprocessShell", "e1"), ("SubprocessShell", "e1.1")],
)
def test_a_call_names_what_stands_in_the_place_of_its_file(project, shell, slot, make):
    uri = address_of(project, shell)
    make(os.path.join(folder_of(uri), slot))
    called = project.run("-c", "from stage import *; print(double(1))", check=False)
    kind = "a named pipe, not a file" if make is os.mkfifo else "a directory"
    assert f"{uri}/{slot}: it is {kind}" in called.stderr
    if (slot, make) == ("r0", os.mkdir):
        assert called.stdout == "2\n", "what was computed is returned where there was nobody to ask"
    else:
        assert (called.returncode, called.stdout) == (1, "")


@pytest.mark.parametrize("slot", ["r0", "e1", "e1.1", "e1.out"])
def test_every_command_looks_past_a_named_pipe(project, slot):
    uri = address_of(project, "InThreadShell")
    os.mkfifo(os.path.join(folder_of(uri), slot))
    outcomes = {}
    for command in EVERY_COMMAND:
        words = command.format(root=project.root, uri=uri).split()
        outcomes[words[0]] = project.run("-m", "mops", *words, check=False)
    assert all(outcome.returncode in {0, 1} and "Traceback" not in outcome.stderr for outcome in outcomes.values())
    if slot in {"r0", "e1"}:
        assert "named pipe" in outcomes["inspect"].stdout
        assert "stage:double" in outcomes["ls"].stdout


def test_a_call_of_a_dead_process_is_taken_over_where_a_named_pipe_is_its_heartbeat(project):
    project.write(
        "stage.py",
        """
        @use_runner(MemoizingPicklingRunner(blob_root=root), name="stage:fragile")
        def fragile():
            if not os.path.exists("died"):
                open("died", "w").close()
                os._exit(9)
            return "survived"
        """,
    )
    project.run("-c", "from stage import *; fragile()", check=False)
    [claim] = project.claims()
    store, memo = open_memo(str(claim))
    heartbeat = project.root / session_key(past_call(store, memo.folder).claim.header["session"])
    heartbeat.parent.mkdir(exist_ok=True)
    os.mkfifo(heartbeat)
    assert project.run("-m", "mops", "ls", project.root).stdout.split()[1] == "interrupted"
    assert project.run("-c", "from stage import *; print(fragile())").stdout == "survived\n"
