"""What ``mops docker gc`` leaves alone, and that neither strangers nor its like disturb it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_docker_orchestrators import start_program
from tests.services.docker_jobs import eventually

MEMO = f"mops1/memo/default/m--f/any/{'0' * 64}"
IDLE = ("python", "-c", "import signal; signal.sigwait({signal.SIGTERM})")


def labelled(jobs, *command, how=("run", "--detach"), **labels):
    """A container with labels; its id."""
    stated = [word for name, value in labels.items() for word in ("--label", f"{name.replace('_', '.')}={value}")]
    command = [jobs.docker.image, *(command or IDLE)]
    return jobs.docker.docker(*how, "--init", "--network", "none", "--entrypoint", "", *stated, *command).strip()


def verdicts(jobs):
    """What became of each container, by its id."""
    rows = [line.split("\t") for line in jobs.collect().splitlines()]
    return {row[0]: row[1:3] for row in rows}


def remove(jobs, *containers):
    jobs.docker.docker("rm", "-f", "-v", *containers)


def test_containers_of_strangers_are_none_of_its_business(jobs):
    stranger = labelled(jobs, "true")
    malformed = [
        labelled(jobs, mops_command="c"),
        labelled(jobs, mops_command="c", mops_root="/nowhere", mops_memo=MEMO, mops_epoch="one"),
        labelled(jobs, mops_command="c", mops_root="/nowhere", mops_memo=MEMO, mops_epoch="-1"),
    ]
    ours = labelled(jobs, "true", mops_command="c", mops_root=str(jobs.root), mops_memo=MEMO, mops_epoch="1")
    jobs.docker.docker("wait", stranger, ours)
    assert verdicts(jobs) == {ours: ["removed", "has ended"]}
    assert {*jobs.docker.containers()} == {stranger, *malformed}
    remove(jobs, stranger, *malformed)


@pytest.mark.parametrize(
    ("root", "memo", "words"),
    [
        ("", MEMO, "cannot be asked"),
        ("memory://here", MEMO, "no container can open"),
        ("ftp://somewhere/else", MEMO, "no container can open"),
        ("file:///no/such/folder", MEMO, "/no/such/folder is not there"),
        ("s3://bucket?secret=1", MEMO, "names no place in an object store"),
        ("{root}", "../../etc/passwd", "not the folder of a memo"),
        ("{root}", "mops1/memo/default/m--f/any/../" + "0" * 64, "cannot be asked"),
        ("{root}\x1b[2J", MEMO, "is not there"),
    ],
)
def test_what_runs_under_labels_that_mean_nothing_is_kept(jobs, root, memo, words):
    root = root.format(root=jobs.root)
    running = labelled(jobs, mops_command="c", mops_root=root, mops_memo=memo, mops_epoch="1")
    what, why = verdicts(jobs)[running]
    assert what == "kept"
    assert words in why
    assert "\x1b" not in jobs.collect()
    assert not Path("/no/such/folder").exists()
    remove(jobs, running)


def test_a_call_under_a_root_that_is_not_mounted_is_not_taken_for_over(jobs):
    with start_program(jobs) as program:
        eventually(Path(jobs.signs[0]).exists)
        program.kill()
    elsewhere = jobs.root.rename(jobs.root.with_name("elsewhere"))
    (verdict,) = verdicts(jobs).values()
    assert verdict == ["kept", f"runs, and its blob root cannot be asked: {jobs.root} is not there"]
    elsewhere.rename(jobs.root)
    Path(jobs.signs[1]).touch()
    eventually(lambda: not jobs.docker.docker("ps", "-q"))
    assert list(jobs.root.glob("mops1/memo/**/r0"))
    jobs.collect()


def test_a_call_whose_claim_is_not_believed_here_is_not_taken_for_over(jobs, monkeypatch):
    with start_program(jobs) as program:
        eventually(Path(jobs.signs[0]).exists)
        program.kill()
    with monkeypatch.context() as patch:
        patch.setenv("MOPS_SIGNING_KEY", "k" * 32)
        patch.setenv("MOPS_VERIFY", "require")
        ((what, why),) = verdicts(jobs).values()
    assert what == "kept"
    assert "is not believed here" in why
    Path(jobs.signs[1]).touch()
    eventually(lambda: not jobs.docker.docker("ps", "-q"))
    jobs.collect()


def test_several_collect_at_once(jobs):
    labels = {"mops_command": "c", "mops_root": str(jobs.root), "mops_memo": MEMO, "mops_epoch": "1"}
    ended = [labelled(jobs, "true", **labels) for _ in range(4)]
    running = [labelled(jobs, **labels) for _ in range(4)]
    jobs.docker.docker("wait", *ended)
    assert {*jobs.docker.containers()} == {*ended, *running}
    command = [sys.executable, "-m", "mops", "docker", "gc", "--older-than", "0"]
    collectors = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "123"]
    for collector in collectors:
        words = collector.communicate(timeout=120)[1]
        assert collector.returncode == 0, words
    jobs.docker.wait_until_tidy()
