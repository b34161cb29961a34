"""Eight processes that make one call of 2 s at the same moment."""

import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from harness import Budget, Contestant, Row, Sample, seconds

PROCESSES = 8
MODULES = {"joblib": "joblib_memory", "thds.mops": "thds_mops", "mops": "mops_local"}
CALLER = """
import sys
from pathlib import Path
from contestants.{module} import memoize
from contestants.small_function import add_one
from sample import two_seconds
folder, log, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
memoize(folder, add_one)(0)
function = memoize(folder, two_seconds)
print("ready", flush=True)
sys.stdin.readline()
assert function(log, number) == number
print("done", flush=True)
"""


def callers(module: str, arguments: Sequence[object]) -> list[subprocess.Popen[str]]:
    """Start the processes and wait until each is about to call."""
    command = [sys.executable, "-c", CALLER.format(module=module), *map(str, arguments)]
    started = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )
        for _ in range(PROCESSES)
    ]
    for each in started:
        wait_for("ready", each)
    return started


def wait_for(word: str, process: subprocess.Popen[str]) -> None:
    """Wait until a process has said this word."""
    assert process.stdout
    for line in process.stdout:
        if line.strip() == word:
            return
    raise RuntimeError(f"a caller ended without saying {word}")


def go(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Let all call, and wait for the last answer."""
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
    for process in processes:
        wait_for("done", process)


def together(module: str, *, executions: bool) -> Contestant:
    """Seconds until the last answer, or how often the function ran."""

    def prepare(folder: Path) -> Sample:
        numbers, log = count(), folder / "executions"

        def sample() -> float:
            number = next(numbers)
            processes = callers(module, (folder, log, number))
            taken = seconds(lambda: go(processes))
            for process in processes:
                process.communicate()
            return log.read_text().split().count(str(number)) if executions else taken

        return sample

    return prepare


ROWS = [
    Row(
        "8 processes, one call of 2 s: executions",
        Budget(1),
        3,
        {name: together(module, executions=True) for name, module in MODULES.items()},
        "",
    ),
    Row(
        "8 processes, one call of 2 s: last answer",
        Budget(2.3),
        3,
        {name: together(module, executions=False) for name, module in MODULES.items()},
    ),
]
