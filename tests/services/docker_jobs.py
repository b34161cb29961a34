"""Calls of the functions in ``tests/integration/docker_jobs.py``, in containers."""

import os
import shutil
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from mops import DockerShell, MemoizingPicklingRunner, Retries, use_runner
from mops.api.locate import locate_blob_store
from mops.api.worlds import world_of
from mops.core.blob_layout import content_key, memo_from_folder, session_key
from mops.core.claim import Unreadable, read_epoch, read_log
from mops.core.envelope import unseal
from mops.runtime.inline import drive

SOURCE = Path(__file__).parents[1] / "integration" / "docker_jobs.py"
MODULE = "docker_jobs"


class Held(NamedTuple):
    """What a blob root holds of one call.

    Attributes:
        claims: how many.
        ends: of those that have ended without an outcome: the kinds of their failures, or why.
        results: how many.
    """

    claims: int
    ends: tuple[str | None, ...]
    results: int


class Jobs:
    """The functions, as calls that run in containers.

    Attributes:
        signs: files by which a function shows that it has begun, and by which it is told to go on.
    """

    def __init__(self, docker, folder: Path, monkeypatch) -> None:
        self.docker, self.folder, self.root = docker, folder / "code", folder / "root"
        self.folder.mkdir()
        self.root.mkdir()
        self.root.chmod(0o777)
        shutil.copy(SOURCE, self.folder)
        monkeypatch.syspath_prepend(str(self.folder))
        sys.modules.pop(MODULE, None)
        self.module = import_module(MODULE)
        self.signs = str(self.folder.parent / "root" / "begun"), str(self.folder / "go")

    def shell(self, **settings) -> DockerShell:
        settings = {"image": self.docker.image, "user": os.getuid(), "network": "none", **settings}
        settings["mounts"] = {str(self.folder): str(self.folder), **settings.get("mounts", {})}
        settings["env"] = {"PYTHONPATH": str(self.folder), **settings.get("env", {})}
        return DockerShell(**settings)

    def call(self, name: str, root=None, retries=None, heartbeat=10.0, **settings):
        runner = MemoizingPicklingRunner(
            self.shell(**settings), root or self.root, retries=retries or Retries(), heartbeat=heartbeat
        )
        return use_runner(runner)(getattr(self.module, name))

    def collect(self) -> str:
        """What ``mops docker gc`` prints."""
        command = [sys.executable, "-m", "mops", "docker", "gc", "--older-than", "0"]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def with_obstore(self) -> dict[str, dict[str, str]]:
        """Settings of containers that use an object store: the image has no obstore."""
        folder = str(Path(find_spec("obstore").origin).parent)
        return {"mounts": {folder: "/more/obstore"}, "env": {"PYTHONPATH": f"{self.folder}:/more"}}


def held(root: str) -> Held:
    """What a root holds, which has no more than one call. What was written by halves is an error."""
    store = locate_blob_store(root)
    keys = [info.key for info in store.list()]
    folders = {key.rpartition("/")[0] for key in keys if key.startswith("mops1/memo/")}
    for key in keys:
        if key.startswith("mops1/blob/"):
            assert content_key(blake3(store.get(key)).digest()) == key
    if not folders:
        return Held(0, (), 0)
    (folder,) = folders
    memo, perform = memo_from_folder(folder), world_of(root, 10.0).perform_waiting
    results = [key for key in keys if key.startswith(f"{folder}/r")]
    for key in results:
        unseal(store.get(key), owner=memo.digest, slot=key.rpartition("/")[2])
    ends, number = [], 1
    while epoch := drive(read_epoch(memo, number, 1), perform):
        drive(read_log(memo, epoch, 1), perform)
        assert epoch.claim is not None
        assert not any(isinstance(record, Unreadable) for record in epoch.log)
        if epoch.end is not None:
            ends.append(epoch.end.failure.kind if epoch.end.failure else epoch.end.why)
        number += 1
    return Held(number - 1, tuple(ends), len(results))


def has_given_a_sign_of_life(root: Path) -> bool:
    """Whether the remote of the one call has."""
    (claim,) = root.glob("mops1/memo/**/e1")
    memo, perform = memo_from_folder(str(claim.parent.relative_to(root))), world_of(str(root), 10.0).perform_waiting
    epoch = drive(read_epoch(memo, 1, 1), perform)
    drive(read_log(memo, epoch, 1), perform)
    return (root / session_key(epoch.adopted_by.session)).exists()


def eventually(condition, patience=60.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
