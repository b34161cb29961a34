"""Calls that run in containers."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from emulator import RUNNING

from harness import Budget, Row, Sample, seconds

_ALIKE = (
    *("--rm", "--init", "--network", "none", "--read-only", "--volume", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--env", "PYTHONUNBUFFERED=1", "--env", "HOME=/tmp", "--entrypoint", ""),
)
"""What ``DockerShell`` asks for as well."""


@cache
def engine() -> Any:
    """The running engine that the tests use."""
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from tests.services.docker_engine import docker_engine

    started = RUNNING.enter_context(docker_engine(Path(tempfile.mkdtemp(prefix="mops-docker-"))))
    os.environ.update(started.environment)
    return started


def commands(folder: Path, run: Callable[[Sequence[str]], object]) -> Sample:
    """One command of a call that was claimed, from its start to its end."""
    from mops.testing import tasks
    from mops.testing.shell_suite import ordered

    numbers = count()

    def sample() -> float:
        with ordered(str(folder), tasks.add, next(numbers)) as order:
            return seconds(lambda: run(order.argv))

    sample()
    return sample


def docker_run(folder: Path) -> Sample:
    """The command line of Docker's."""
    image, place = engine().image, str(folder)
    fixed = ("docker", "run", *_ALIKE, "--user", str(os.getuid()), "--volume", f"{place}:{place}", image, "python")
    return commands(folder, lambda argv: subprocess.run([*fixed, *argv[1:]], check=True))


def docker_shell(folder: Path) -> Sample:
    """Ours, of the same command."""
    import mops

    shell = mops.DockerShell(engine().image, user=os.getuid(), network="none")
    return commands(folder, lambda argv: shell(argv).result())


ROWS = [
    Row(
        "one command in a container",
        Budget(1.15, "docker run"),
        15,
        {"docker run": docker_run, "mops": docker_shell},
    ),
]
