"""Commands that are started with one submission, as callers of a Runner see it."""

import threading
from concurrent.futures import Future, wait

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.core.blob_layout import batch_key, claim_slot, memo_from_folder
from mops.core.envelope import unseal
from mops.core.errors import ShellFailed
from mops.core.ports.shell import BatchCommand, parse_remote
from mops.testing import tasks
from tests.contract.array_shell import ArrayShell


class Silent:
    """Takes submissions, and starts nothing."""

    def __init__(self, batch_size=1000):
        self.batch_size, self.alone, self.batches, self.futures = batch_size, [], [], []
        self.submitted = threading.Event()

    def __call__(self, argv):
        self.alone.append(argv)
        return self.made(1)[0]

    def start_batch(self, argv, count):
        self.batches.append((argv, count))
        return self.made(count)

    def made(self, count):
        futures = [Future() for _ in range(count)]
        self.futures += futures
        self.submitted.set()
        return futures


@pytest.fixture
def submit(tmp_path):
    def with_shell(shell, numbers):
        function = use_runner(MemoizingPicklingRunner(shell, tmp_path, on_code_change="ignore"))(tasks.add)
        return [function.submit(number) for number in numbers]

    return with_shell


def announced_in(folder, root):
    """Seconds between beats that the claim of a memo's first epoch asks of its remote."""
    memo = memo_from_folder(folder.relative_to(root).as_posix())
    claim = unseal((folder / "e1").read_bytes(), owner=memo.digest, slot=claim_slot(1))
    return claim.header()["call"]["heartbeat"]


def withdraw(futures):
    for future in futures:
        future.cancel()


def test_calls_that_are_submitted_together_are_started_together(submit, tmp_path):
    record = tmp_path / "record"
    futures = submit(ArrayShell(record=record), range(20))
    assert [future.result(60) for future in futures] == list(range(20))
    submissions = record.read_text().splitlines()
    assert len(submissions) < 10
    assert sum(1 if line == "alone" else int(line.rpartition(" ")[2]) for line in submissions) == 20


def test_a_submission_has_no_more_copies_than_the_shell_takes(submit, tmp_path):
    record = tmp_path / "record"
    futures = submit(ArrayShell(batch_size=4, record=record), range(10))
    assert [future.result(60) for future in futures] == list(range(10))
    assert all(line in {"alone", "array of 2", "array of 3", "array of 4"} for line in record.read_text().splitlines())


def test_remotes_of_a_large_map_are_to_beat_the_more_rarely_the_more_of_them_there_are(submit, tmp_path):
    shell = Silent(batch_size=300)
    futures = submit(shell, range(300))
    while len(shell.futures) < 300:
        shell.submitted.wait(1)
    announced = [announced_in(path.parent, tmp_path) for path in tmp_path.glob("mops1/memo/**/e1")]
    withdraw(futures)
    assert len(announced) == 300
    assert all(10.0 <= interval <= 30.0 for interval in announced)
    assert max(announced) == 30.0


def test_what_the_copies_run_is_stored_before_they_are_started(submit, tmp_path):
    class Looks(Silent):
        def start_batch(self, argv, count):
            batch = parse_remote(argv[4:])
            assert isinstance(batch, BatchCommand)
            self.manifest = (tmp_path / batch_key(batch.batch)).read_bytes()
            return super().start_batch(argv, count)

    shell = Looks()
    futures = submit(shell, range(5))
    assert shell.submitted.wait(60)
    assert shell.manifest.count(b"mops1/memo/") == shell.batches[0][1]
    withdraw(futures)


def test_a_single_call_is_started_alone(submit):
    shell = Silent()
    futures = submit(shell, [1])
    assert shell.submitted.wait(60)
    assert (len(shell.alone), shell.batches) == (1, [])
    withdraw(futures)


def test_a_direct_call_does_not_wait_for_others(tmp_path):
    shell = ArrayShell(record=tmp_path / "record")
    function = use_runner(MemoizingPicklingRunner(shell, tmp_path, on_code_change="ignore"))(tasks.add)
    assert function(3) == 3
    assert (tmp_path / "record").read_text() == "alone\n"


def test_a_submission_that_fails_fails_each_of_its_calls(submit):
    class Fails(Silent):
        def start_batch(self, argv, count=1):
            raise ShellFailed("no quota")

        __call__ = start_batch

    futures = submit(Fails(), range(3))
    wait(futures, 60)
    assert [str(future.exception().args[0]) for future in futures] == ["no quota"] * 3


def test_a_shell_that_gives_too_few_futures_is_told_so(submit):
    class Miscounts(Silent):
        def start_batch(self, argv, count):
            return super().start_batch(argv, count)[:-1]

    shell = Miscounts()
    futures = submit(shell, range(8))
    failed = [future for future in futures if "futures" in str(future.exception(60))]
    assert len(failed) >= 2


def test_a_call_that_is_cancelled_before_its_submission_is_stopped_by_it(submit):
    shell = Silent()
    futures = submit(shell, range(2))
    withdraw(futures)
    assert all(future.cancelled() for future in futures)
    deadline = threading.Event()
    for _ in range(200):
        if all(future.cancelled() for future in shell.futures):
            break
        deadline.wait(0.01)
    assert all(future.cancelled() for future in shell.futures)


def test_a_map_reads_as_far_ahead_as_its_shell_takes(tmp_path):
    shell = Silent(batch_size=3)
    function = use_runner(MemoizingPicklingRunner(shell, tmp_path, on_code_change="ignore"))(tasks.add)
    read = []
    calls = function.map(read.append(number) or number for number in range(100))
    assert shell.submitted.wait(60)
    assert len(read) <= 2 * 3
    calls.close()
    withdraw(shell.futures)
