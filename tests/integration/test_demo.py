"""The demonstration and the examples do what they say they do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(script: Path, **environment: str) -> str:
    """What a script of the examples prints, on both streams."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MOPS_ROOT")}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=script.parent,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def summary(output: str) -> list[str]:
    """What ran and what was a hit, stage by stage, without times."""
    return [line[5:].rpartition(",")[0] for line in output.splitlines() if line.startswith("==")]


@pytest.fixture
def examples(tmp_path):
    """The examples in a folder of their own, where they can be edited."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__")))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_the_demo_runs_then_hits_then_runs_what_an_edit_reaches(examples):
    demo, agents, stages = (examples / name for name in ("demo.py", "pipeline/agents.py", "pipeline/stages.py"))
    nothing_ran = ["parse: 0 ran, 12 hits", "combine: 0 ran, 1 hits", "interval: 0 ran, 4 hits"]

    assert summary(run(demo)) == ["parse: 12 ran, 0 hits", "combine: 1 ran, 0 hits", "interval: 4 ran, 0 hits"]
    assert summary(run(demo)) == nothing_ran

    edit(agents, '"""Whether', '"""Tell whether')
    edit(stages, "    rows =", "    # one tuple of texts a line\n    rows =")
    assert summary(run(demo)) == nothing_ran

    edit(stages, "0.975]", "0.95]")
    said = run(demo)
    assert summary(said) == [*nothing_ran[:2], "interval: 4 ran, 0 hits"]
    assert "pipeline.stages:interval" in said

    edit(agents, '"spider"', '"spider", "curl"')
    said = run(demo)
    assert summary(said) == ["parse: 12 ran, 0 hits", "combine: 1 ran, 0 hits", "interval: 4 ran, 0 hits"]
    assert "pipeline.agents:BOTS" in said

    edit(agents, '"spider", "curl"', '"spider"')
    assert summary(run(demo)) == nothing_ran


def test_everything_that_the_demo_writes_lies_in_one_folder(examples):
    before = {path for path in examples.parent.rglob("*") if "__pycache__" not in path.parts}
    home = examples.parent / "home"
    run(examples / "demo.py", HOME=str(home))
    after = {path for path in examples.parent.rglob("*") if "__pycache__" not in path.parts}

    new = {path.relative_to(examples.parent).parts[0] for path in after - before}
    assert new == {".mops-demo"}


def test_a_function_of_ten_lines_is_a_shell(examples, tmp_path):
    said = [run(examples / "nice_shell.py", MOPS_ROOT=str(tmp_path / "root")) for _ in range(2)]

    assert "at niceness 19" in said[0]
    assert "at niceness 19" not in said[1]
    assert said[0].endswith("5133 primes\n")
    assert said[1].endswith("5133 primes\n")
