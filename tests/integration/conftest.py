"""A user's project in a folder of its own, run by processes of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from tests.integration.code_places import Places
from tests.services.docker_jobs import Jobs

PREAMBLE = "import os, sys, time\nfrom mops import *\nroot = os.environ['MOPS_ROOT']\n"


class Project:
    """Modules and programs as a user has them, and the blob root that they share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.root = folder / "root"

    def write(self, name: str, text: str) -> Path:
        """Write a module or program; `root` and the public names of mops are there already."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PREAMBLE + dedent(text))
        return path

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        return {**inherited, "MOPS_ROOT": str(self.root), "PYTHONWARNINGS": "error", "HOME": str(self.folder), **more}

    def start(self, *arguments: object, **options) -> subprocess.Popen:
        """Start Python."""
        options = {"cwd": self.folder, "env": self.environment(), "stdout": subprocess.PIPE, "text": True, **options}
        return subprocess.Popen([sys.executable, *map(str, arguments)], **options)

    def run(self, *arguments: object, timeout: float = 60, check: bool = True, **options):
        """Run Python to its end."""
        process = self.start(*arguments, **{"stderr": subprocess.PIPE, "start_new_session": True, **options})
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # a child that it left behind may hold the pipes open
            out, err = process.communicate()
            raise AssertionError(f"it did not end within {timeout} s:\n{out}\n{err}") from None
        assert not check or process.returncode == 0, f"it ended with {process.returncode}:\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def script(self, text: str, **options) -> str:
        """What a program prints."""
        return self.run(self.write("script.py", text), **options).stdout

    def lines(self, name: str) -> list[str]:
        """What programs appended to a file of the project; one without it has no line."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def wait_until(self, condition, seconds: float = 60) -> None:
        """Return as soon as the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            time.sleep(0.01)

    def processes(self) -> list[list[str]]:
        """The command lines of all living processes that work on the root, this one's children and others."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_text().split("\0")
                told = path.with_name("environ").read_text(errors="replace") if "fork-server" in command else ""
            except OSError:
                continue  # it has ended
            if any(str(self.root) in argument for argument in [*command, told]):
                found.append(command)
        return found

    def results(self, root: Path | None = None) -> list[Path]:
        """The stored results."""
        return sorted(path for path in (root or self.root).glob("mops1/memo/**/r[0-9]*") if path.is_file())

    def claims(self) -> list[Path]:
        """The claims that were ever made."""
        return sorted(path for path in self.root.glob("mops1/memo/**/e[0-9]*") if path.is_file() and not path.suffix)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def jobs(docker, tmp_path, monkeypatch):
    """Functions that run in containers."""
    return Jobs(docker, tmp_path, monkeypatch)


@pytest.fixture
def places(project):
    """A caller's project, and the image in which his functions run."""
    return Places(project)


@pytest.fixture
def package(places):
    """The same with a package of the caller's, of which the image has another version."""
    places.write_package()
    return places
