"""Memo keys of what holds no code are the same under two Pythons."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

VALUES = Path(__file__).with_name("values_of_two_pythons.py").read_text()
# It has to be imported: what cannot be imported is keyed with its code, which two Pythons compile differently.
PROGRAM = """
import pathlib, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "values_of_two_pythons.py").write_text(sys.stdin.read())
    sys.path.insert(0, folder)
    import values_of_two_pythons
    values_of_two_pythons.main()
"""


def uris_of(command: list[str]) -> dict[str, Any]:
    """The memo URIs that this Python makes."""
    program = [*command, "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(program, input=VALUES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    uris: dict[str, Any] = json.loads(done.stdout)
    return uris


@pytest.mark.skipif("MOPS_OTHER_PYTHON" not in os.environ, reason="`make test` provides the second Python")
def test_values_have_the_same_memo_key_under_two_pythons():
    mine, other = uris_of([sys.executable]), uris_of(shlex.split(os.environ["MOPS_OTHER_PYTHON"]))

    assert mine.pop("python") != other.pop("python")
    unkeyed = {name: uri for name, uri in mine.items() if not uri.startswith("memory://")}
    assert not unkeyed
    assert mine == other
    assert len(set(mine.values())) == len(mine)


ALIASES = """
import json, pathlib, sys, tempfile
import mops
with tempfile.TemporaryDirectory() as folder:
    sys.path.insert(0, folder)
    uris = []
    for number, text in enumerate(json.loads(sys.stdin.read())):
        pathlib.Path(folder, "sample.py").write_text(text)
        sys.modules.pop("sample", None)
        sys.path_importer_cache.clear()
        sys.dont_write_bytecode = True
        import sample
        runner = mops.MemoizingPicklingRunner(None, "memory://aliases")
        uris.append(mops.use_runner(runner)(sample.f).memo_uri())
    print(json.dumps(uris))
"""
SAMPLE = """class B:
    v = 1
type Rows = list[B]
type Tree = list[Tree]
type Bad = Missing
class M:
    a: Rows
    b: Tree
    c: Bad
def f(): return M
"""


@pytest.mark.skipif("MOPS_OTHER_PYTHON" not in os.environ, reason="`make test` provides the second Python")
def test_aliases_of_later_pythons_count_by_what_they_stand_for():
    edits = [SAMPLE, SAMPLE.replace("v = 1", "v = 2"), SAMPLE.replace("list[B]", "set[B]"), SAMPLE + "\n# a comment\n"]
    command = [*shlex.split(os.environ["MOPS_OTHER_PYTHON"]), "-W", "ignore", "-c", ALIASES]
    done = subprocess.run(command, input=json.dumps(edits), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plain, member, alias, comment = json.loads(done.stdout)
    assert len({plain, member, alias}) == 3
    assert comment == plain
