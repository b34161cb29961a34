"""Whoever waits for a call of a Shell waits for its turn: commands are never more than the Shell takes."""

from concurrent.futures import Future, ThreadPoolExecutor

from mops import MemoizingPicklingRunner, use_runner
from mops.testing import tasks


class Counting:
    """Notes how many commands run at once. They end when they are told to."""

    max_workers, start_timeout, run_timeout = 1, 300.0, None

    def __init__(self):
        self.started = []

    def __call__(self, argv):
        future = Future()
        future.set_running_or_notify_cancel()
        self.started.append(future)
        return future


def test_waiting_for_a_call_of_a_shell_starts_no_command_out_of_turn(tmp_path):
    shell = Counting()
    function = use_runner(MemoizingPicklingRunner(shell, tmp_path, on_code_change="ignore"))(tasks.add)
    futures = [function.submit(number) for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(future.exception) for future in futures]
        for count in range(1, 4):
            while len(shell.started) < count:
                pass
            assert len(shell.started) == count
            shell.started[-1].set_exception(OSError("enough"))
        assert all("enough" in str(each.result(60)) for each in waiting)
