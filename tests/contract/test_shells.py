"""The Shell that starts processes, and the plainest function there is, keep the contract."""

import os
import subprocess

import pytest

from mops import DockerShell, ForkServerShell, SubprocessShell
from mops.testing.shell_capability_suite import (
    AttachingShellContract,
    BatchingShellContract,
    LimitedShellContract,
    MemoryShellContract,
    ReachingShellContract,
)
from mops.testing.shell_suite import FutureShellContract, ShellContract
from tests.contract.array_shell import ArrayShell
from tests.contract.detached_shell import DetachedShell


class TestSubprocessShell(ShellContract, FutureShellContract, LimitedShellContract):
    @pytest.fixture
    def shell(self):
        return SubprocessShell()

    @pytest.fixture
    def impatient_shell(self):
        return SubprocessShell(run_timeout=1.5)


class TestForkServerShell(ShellContract, FutureShellContract, LimitedShellContract):
    @pytest.fixture
    def shell(self):
        return ForkServerShell()

    @pytest.fixture
    def impatient_shell(self):
        return ForkServerShell(run_timeout=1.5)


class TestDockerShell(
    ShellContract,
    FutureShellContract,
    LimitedShellContract,
    MemoryShellContract,
    AttachingShellContract,
    ReachingShellContract,
):
    @pytest.fixture
    def shell(self, docker):
        return docker_shell(docker)

    @pytest.fixture
    def same_shell(self, docker):
        return docker_shell(docker)

    @pytest.fixture
    def impatient_shell(self, docker):
        return docker_shell(docker, run_timeout=1.5)

    @pytest.fixture
    def unreachable(self):
        return "s3://beyond/the-sea"  # of which containers without a network see nothing


def docker_shell(docker, **settings):
    """The roots belong to whoever runs the tests, who may be the superuser."""
    return DockerShell(docker.image, user=f"{os.getuid()}", network="none", memory="1GiB", **settings)


class TestPlainFunction(ShellContract):
    @pytest.fixture
    def shell(self):
        return lambda argv: subprocess.run(argv, check=True)


class TestDetachedShell(ShellContract, FutureShellContract, MemoryShellContract, AttachingShellContract):
    """Not a Shell that we ship: it proves the suites of what no local Shell can."""

    @pytest.fixture
    def shell(self, tmp_path):
        return DetachedShell(tmp_path / "commands")

    same_shell = shell


class TestArrayShell(ShellContract, BatchingShellContract):
    """Not a Shell that we ship: it proves the suite of what no local Shell has to do."""

    @pytest.fixture
    def shell(self):
        return ArrayShell()
