"""Calls in containers of a real engine: what functions find there, and what callers see."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

import mops
from mops import DockerShell, Grow, MemoizingPicklingRunner, Retries, use_runner
from mops.core.errors import CodeMismatchError, ConfigurationError, RemoteCrashed, SetupError, ShellFailed
from tests.services.docker_engine import LAYERS
from tests.services.docker_image import SITE
from tests.services.docker_jobs import MODULE, eventually


# ---------------------------------------------------------------------------------------------------- surroundings
def test_a_container_has_no_capabilities_and_gains_no_privileges(jobs):
    found = jobs.call("surroundings")()
    assert found["capabilities"] == [0] * 5
    assert not found["new privileges"]
    assert (found["home"], found["unbuffered"]) == ("/tmp", "1")


def test_a_container_runs_as_the_owner_of_the_root(jobs):
    os.chown(jobs.root, 4321, 8765)
    umask = os.umask(0)  # who runs the tests may be another
    try:
        found = jobs.call("surroundings", user=None)()
    finally:
        os.umask(umask)
    assert (found["uid"], found["gid"]) == (4321, 8765)


def test_a_container_is_superuser_only_where_somebody_says_so(jobs):
    os.chown(jobs.root, 0, 0)
    with pytest.raises(ConfigurationError, match="belongs to the superuser"):
        jobs.call("add", user=None)(1)
    assert not list(jobs.root.rglob("e1")), "nothing was claimed"
    assert jobs.call("surroundings", user="0")()["uid"] == 0


def test_a_function_writes_to_the_temporary_folder_and_nowhere_else(jobs):
    assert jobs.call("write")("/tmp/a file") == "/tmp/a file"
    with pytest.raises(OSError, match="Read-only file system"):
        jobs.call("write")("/opt/file")
    assert jobs.call("write", read_only=False, user=0)("/opt/file2") == "/opt/file2"


def test_a_container_gets_no_variables_but_those_that_it_was_given(jobs, monkeypatch):
    monkeypatch.setenv("MOPS_TEST_SECRET", "secret")
    monkeypatch.setenv("MOPS_TEST_OTHER", "other")
    assert jobs.call("read_secret", env={"MOPS_TEST_SECRET": None})() == ("secret", None)


def test_a_remote_root_is_opened_from_inside(jobs, s3):
    s3.make_bucket("containers")
    surroundings = jobs.call("surroundings", "s3://containers/root", network="host", user=None, **jobs.with_obstore())
    assert surroundings()["uid"] == 65534, "nobody: the image's own user is the superuser"


def test_output_appears_while_the_function_runs(jobs, capfd, tmp_path):
    future = jobs.call("shout").submit(str(jobs.root / "go"))
    seen = ""

    def has_begun():
        nonlocal seen
        seen += capfd.readouterr().err
        return "began" in seen and "goes on" in seen

    eventually(has_begun)
    assert not future.done()
    (jobs.root / "go").touch()
    future.result()
    eventually(lambda: "ends" in capfd.readouterr().err)


# ---------------------------------------------------------------------------------------------------- the image
def test_who_gives_the_image_is_asked_once(jobs):
    asked = []

    def build():
        asked.append(1)
        return jobs.docker.image

    add = jobs.call("add", image=build)
    assert [future.result() for future in [add.submit(number) for number in range(3)]] == [0, 1, 2]
    assert asked == [1]


def test_what_the_giver_of_an_image_raises_reaches_the_caller(jobs):
    def build():
        raise RuntimeError("the compiler is on strike")

    with pytest.raises(ShellFailed, match="the compiler is on strike"):
        jobs.call("add", image=build)(1)


# ---------------------------------------------------------------------------------------------------- errors by name
@pytest.mark.parametrize("pull", ["never", "missing", "always"])
def test_a_missing_image_is_named(jobs, pull):
    with pytest.raises((SetupError, ShellFailed), match="no-such-image") as raised:
        jobs.call("add", image="localhost:1/no-such-image:1", pull=pull)(1)
    assert "build it" in raised.value.advice
    assert not list(jobs.root.rglob("r0"))


def test_a_missing_engine_is_named(jobs, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(ShellFailed, match=r"no Docker engine answers at unix:///nowhere/docker\.sock") as raised:
        jobs.call("add")(1)
    assert raised.value.kind == "infrastructure"
    assert "DOCKER_HOST" in raised.value.advice


def test_a_missing_python_is_named(jobs):
    with pytest.raises(SetupError, match="no-such-python") as raised:
        jobs.call("add", command=["no-such-python"])(1)
    assert "command=" in raised.value.advice


def test_an_image_without_mops_is_named(jobs):
    with pytest.raises(RemoteCrashed, match="No module named mops") as raised:
        jobs.call("add", command=["python", "-S"])(1)
    assert "pip install mops-run" in raised.value.advice


def test_a_python_that_is_too_old_is_named(jobs):
    (jobs.folder / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 9, 0, 'final', 0)\n")
    with pytest.raises(RemoteCrashed, match=r"mops needs Python 3\.11 or later, and this is Python 3\.9"):
        jobs.call("add")(1)


def test_an_image_with_other_code_is_named_with_its_definitions(jobs, tmp_path):
    stale = tmp_path / "stale"
    shutil.copytree(jobs.folder, stale, ignore=shutil.ignore_patterns("__pycache__"))
    module = stale / f"{MODULE}.py"
    module.write_text(module.read_text().replace("return a + b", "return a - b"))
    with pytest.raises(CodeMismatchError) as raised:
        jobs.call("add", mounts={str(stale): "/stale"}, env={"PYTHONPATH": "/stale"})(1)
    assert raised.value.definitions == ("docker_jobs:add",)


def test_a_network_that_does_not_exist_is_named(jobs):
    with pytest.raises(SetupError, match="no-such-network"):
        jobs.call("add", network="no-such-network")(1)


def test_a_mount_of_a_folder_that_is_not_there_is_named(jobs):
    with pytest.raises(SetupError, match="/no/such/folder"):
        jobs.call("add", mounts={"/no/such/folder": "/there"})(1)


def test_a_gpu_that_is_not_there_is_named(jobs):
    with pytest.raises(SetupError, match="gpu") as raised:
        jobs.call("add", gpu=1)(1)
    assert "no GPU" in raised.value.advice


@pytest.mark.parametrize("status", [1, 3])
def test_an_exit_status_is_told(jobs, status):
    with pytest.raises(RemoteCrashed, match=f"exit status {status}") as raised:
        jobs.call("leave")(status)
    assert raised.value.kind == "user"


def test_a_container_removed_from_outside_is_interrupted(jobs):
    future = jobs.call("begin_and_wait").submit(str(jobs.root / "begun"), str(jobs.root / "never"))
    eventually((jobs.root / "begun").exists)
    jobs.docker.docker("rm", "-f", *jobs.docker.containers())
    with pytest.raises(RemoteCrashed, match="was removed from outside") as raised:
        future.result(60)
    assert raised.value.kind == "interrupted"


# ---------------------------------------------------------------------------------------------------- memory
def test_the_peak_of_memory_is_in_the_metadata(jobs):
    future = jobs.call("take").submit(200 << 20)
    future.result()
    assert 200 << 20 < future.metadata["peak_memory"] < 600 << 20


def test_a_lack_of_memory_is_told_with_its_limit(jobs):
    with pytest.raises(RemoteCrashed, match="lack of memory: its limit is 96 MiB") as raised:
        jobs.call("take", memory="96MiB")(300 << 20)
    assert raised.value.kind == "out_of_memory"
    assert "Grow" in raised.value.advice


def test_the_next_attempt_has_more_memory(jobs):
    retries = Retries(out_of_memory=Grow(1.5, max="1Gi"), first_delay=0.01)
    future = jobs.call("take", memory="96MiB", retries=retries).submit(300 << 20)
    assert future.result() == 300 << 20
    assert future.metadata["epoch"] > 1


# ---------------------------------------------------------------------------------------------------- the end
def test_cancelling_stops_and_removes_the_container(jobs):
    future = jobs.call("begin_and_wait").submit(str(jobs.root / "begun"), str(jobs.root / "never"))
    eventually((jobs.root / "begun").exists)
    assert jobs.docker.containers()
    assert future.cancel()
    eventually(lambda: not jobs.docker.containers())


def test_containers_are_kept_where_somebody_says_so(jobs):
    assert jobs.call("add", remove=False)(1) == 1
    (kept,) = jobs.docker.containers()
    jobs.docker.docker("wait", kept)
    jobs.docker.docker("rm", kept)


def test_many_containers_come_to_their_own_results(jobs):
    add = jobs.call("add", max_workers=4)
    assert list(add.map(range(12))) == list(range(12))


def test_two_callers_share_one_container(jobs):
    first, second = jobs.call("begin_and_wait"), jobs.call("begin_and_wait", labels={"other": "shell"})
    arguments = str(jobs.root / "begun"), str(jobs.root / "go")
    futures = [each.submit(*arguments) for each in (first, second)]
    eventually((jobs.root / "begun").exists)
    threading.Timer(0.5, (jobs.root / "go").touch).start()
    assert [future.result(60) for future in futures] == [arguments[1]] * 2
    assert (jobs.root / "begun").read_text() == "begun\n"


# ---------------------------------------------------------------------------------------------------- the example
EXAMPLES = Path(__file__).parents[2] / "examples" / "docker"


def test_the_image_of_the_example_is_built_and_runs_a_call(jobs, tmp_path):
    """As the documentation says, on a base that has Python and nothing else."""
    debian, needed = sorted(LAYERS.glob("*.tar"))
    jobs.docker.load("base:1", [debian])
    packages = tmp_path / "packages"
    with tarfile.open(needed) as tar:  # what pip install --target makes of all that mops needs
        tar.extractall(tmp_path / "needed", filter="data")
    shutil.copytree(tmp_path / "needed" / SITE, packages)
    shutil.copytree(Path(mops.__file__).parent, packages / "mops", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(jobs.folder, packages, dirs_exist_ok=True)
    shutil.copy(EXAMPLES / "Dockerfile", tmp_path)
    command = ["docker", "build", "--network", "none", "--build-arg", "BASE=base:1", "-t", "example:1", str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, "DOCKER_BUILDKIT": "0"}, stdout=subprocess.PIPE)
    runner = MemoizingPicklingRunner(DockerShell("example:1", user=os.getuid(), network="none"), jobs.root)
    assert use_runner(runner)(jobs.module.add)(1, 2) == 3


def test_the_example_computes_once(jobs):
    environment = {**os.environ, "IMAGE": jobs.docker.image, "MOPS_ROOT": str(jobs.root)}
    command = [sys.executable, str(EXAMPLES / "receipts.py")]
    done = [subprocess.run(command, check=True, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [each.stdout for each in done] == ["37.5\n", "37.5\n"]
    assert ["computing in" in each.stderr for each in done] == [True, False]


def test_the_dockerfile_of_the_documentation_is_the_example():
    page = (Path(__file__).parents[2] / "docs" / "docker.md").read_text()
    shown = page.partition("```dockerfile\n")[2].partition("```")[0]
    file = (EXAMPLES / "Dockerfile").read_text()
    assert shown == "".join(line for line in file.splitlines(keepends=True) if not line.startswith("#"))


def test_the_engine_is_told_the_limits_and_the_labels(jobs):
    arguments = str(jobs.root / "begun"), str(jobs.root / "go")
    future = jobs.call("begin_and_wait", cpu=0.5, memory="256MiB", labels={"team": "ours"}).submit(*arguments)
    eventually((jobs.root / "begun").exists)
    (container,) = json.loads(jobs.docker.docker("inspect", *jobs.docker.containers()))
    host, labels = container["HostConfig"], container["Config"]["Labels"]
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (500_000_000, 256 << 20, 256 << 20)
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Init"]) == (True, ["ALL"], True)
    assert labels["team"] == "ours"
    assert (labels["mops.root"], labels["mops.epoch"]) == (f"file://{jobs.root}", "1")
    (jobs.root / "go").touch()
    future.result()
