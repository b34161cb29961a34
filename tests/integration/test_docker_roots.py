"""Blob roots of containers, by whatever name they go, and who is believed inside."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "name",
    ["two words", "co:lon", "com,ma", "ünï", "quo\"te'", "per%20cent", "ha#sh", "qu?est", "new\nline", "$HOME", "a=b"],
)
def test_a_local_root_has_any_name(jobs, name):
    root = jobs.folder.parent / name
    assert jobs.call("add", str(root))(1, 2) == 3
    assert list(root.rglob("r0"))


def test_a_local_root_is_a_link_or_lies_behind_one(jobs):
    link = jobs.folder.parent / "link"
    link.symlink_to(jobs.root)
    assert jobs.call("add", link)(1) == 1
    assert jobs.call("add", link / "below")(1) == 1
    assert list(jobs.root.glob("mops1/memo/**/r0"))
    assert list((jobs.root / "below").glob("mops1/memo/**/r0"))


def test_a_local_root_is_relative_at_home_or_a_uri(jobs, monkeypatch):
    monkeypatch.chdir(jobs.folder.parent)
    monkeypatch.setenv("HOME", str(jobs.folder.parent))
    for root, folder in (
        ("one/./here", "one/here"),
        ("~/two", "two"),
        (f"file://{jobs.folder.parent}/a%20b%7Cc", "a b|c"),
        (f"file://localhost{jobs.folder.parent}/four", "four"),
    ):
        assert jobs.call("add", root)(1) == 1
        assert list((jobs.folder.parent / folder).rglob("r0")), root


def test_a_layer_behind_the_first_is_read_inside_and_cannot_be_written_to(jobs):
    behind = jobs.folder.parent / "behind"
    assert jobs.call("add", behind)(1) == 1
    layers = [jobs.root, behind]
    assert jobs.call("add", layers)(1) == 1
    assert not list(jobs.root.rglob("r0")), "found in the layer behind"
    with pytest.raises(OSError, match="Read-only file system"):
        jobs.call("write", layers)(f"{behind}/file")
    assert jobs.call("write", layers)(f"{jobs.root}/file") == f"{jobs.root}/file"


PROGRAM = """
import sys
import docker_jobs
from mops import DockerShell, MemoizingPicklingRunner, use_runner
image, user, code, root = sys.argv[1:]
shell = DockerShell(image, user=user, network="none", mounts={code: code}, env={"PYTHONPATH": code})
call = use_runner(MemoizingPicklingRunner(shell, root))
print(call(docker_jobs.add)(1, 2))
"""


def run_program(jobs, **environment):
    code = str(jobs.folder)
    arguments = [jobs.docker.image, str(os.getuid()), code, str(jobs.folder.parent / "signed")]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, "PYTHONPATH": code, **environment},
        cwd=jobs.folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("by", ["value", "file"])
@pytest.mark.parametrize("stated", ["variable", "configuration"])
def test_who_has_the_key_is_believed_inside_too(jobs, by, stated):
    file = jobs.folder.parent / "key file"
    file.write_text("k" * 32 + "\n")
    file.chmod(0o600)
    environment = {"MOPS_SIGNING_KEY": "k" * 32 if by == "value" else str(file)}
    if stated == "variable":
        environment["MOPS_VERIFY"] = "require"
    else:
        (jobs.folder.parent / ".mops.toml").write_text('verify = "require"\n')
    done = run_program(jobs, **environment)
    assert done.stdout == "3\n", done.stderr
    assert list((jobs.folder.parent / "signed").glob("mops1/memo/**/e1.1")), "a container ran it"


def test_no_secret_is_in_what_a_call_leaves_behind(jobs, monkeypatch, capfd):
    secret = "s3cret" * 8
    monkeypatch.setenv("MOPS_SIGNING_KEY", secret)
    add = jobs.call("add", env={"MOPS_TEST_SECRET": secret})
    future = add.submit(1)
    assert future.result() == 1
    stored = [path.read_bytes() for path in jobs.root.rglob("*") if path.is_file()]
    assert stored
    assert not [data for data in stored if secret.encode() in data]
    assert secret not in repr((add, future, future.metadata)) + "".join(capfd.readouterr())
    assert os.environ["MOPS_SIGNING_KEY"] == secret
