"""Runners of mops, and callables of others that are Runners without knowing it, keep the contract."""

import multiprocessing

import pytest

from mops import InThreadShell, MemoizingPicklingRunner, SubprocessShell
from mops.testing.runner_suite import RunnerContract, SubmittingRunnerContract


class TestMemoizingPicklingRunnerInThreads(RunnerContract, SubmittingRunnerContract):
    @pytest.fixture
    def runner(self, tmp_path):
        return MemoizingPicklingRunner(InThreadShell(max_workers=2), tmp_path)


class TestMemoizingPicklingRunnerInSubprocesses(RunnerContract, SubmittingRunnerContract):
    @pytest.fixture
    def runner(self, tmp_path):
        return MemoizingPicklingRunner(SubprocessShell(max_workers=2), tmp_path)


class TestMemoizingPicklingRunnerInMemory(RunnerContract, SubmittingRunnerContract):
    @pytest.fixture
    def runner(self, request):
        return MemoizingPicklingRunner(InThreadShell(), f"memory://{request.node.name}")


class TestApplyOfAPool(RunnerContract):
    @pytest.fixture
    def runner(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            yield pool.apply


class TestPlainCall(RunnerContract):
    @pytest.fixture
    def runner(self):
        return lambda func, args, kwargs: func(*args, **kwargs)
