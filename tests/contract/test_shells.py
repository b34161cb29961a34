"""The Shell that starts processes, and the plainest function there is, keep the contract."""

import subprocess

import pytest

from mops import SubprocessShell
from mops.testing.shell_suite import FutureShellContract, ShellContract


class TestSubprocessShell(ShellContract, FutureShellContract):
    @pytest.fixture
    def shell(self):
        return SubprocessShell()


class TestPlainFunction(ShellContract):
    @pytest.fixture
    def shell(self):
        return lambda argv: subprocess.run(argv, check=True)
