"""Calls of the functions in ``tests/integration/docker_jobs.py``, in containers."""

import os
import shutil
import sys
import time
from importlib import import_module
from pathlib import Path

from mops import DockerShell, MemoizingPicklingRunner, Retries, use_runner

SOURCE = Path(__file__).parents[1] / "integration" / "docker_jobs.py"
MODULE = "docker_jobs"


class Jobs:
    """The functions, as calls that run in containers."""

    def __init__(self, docker, folder: Path, monkeypatch) -> None:
        self.docker, self.folder, self.root = docker, folder / "code", folder / "root"
        self.folder.mkdir()
        self.root.mkdir()
        self.root.chmod(0o777)
        shutil.copy(SOURCE, self.folder)
        monkeypatch.syspath_prepend(str(self.folder))
        sys.modules.pop(MODULE, None)
        self.module = import_module(MODULE)

    def shell(self, **settings) -> DockerShell:
        settings = {"image": self.docker.image, "user": os.getuid(), "network": "none", **settings}
        settings["mounts"] = {str(self.folder): str(self.folder), **settings.get("mounts", {})}
        settings["env"] = {"PYTHONPATH": str(self.folder), **settings.get("env", {})}
        return DockerShell(**settings)

    def call(self, name: str, root=None, retries=None, **settings):
        runner = MemoizingPicklingRunner(self.shell(**settings), root or self.root, retries=retries or Retries())
        return use_runner(runner)(getattr(self.module, name))


def eventually(condition, patience=60.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
