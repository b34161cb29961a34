"""A Shell is a function that runs a command line to its end: this one runs it at the lowest priority."""

import os
import subprocess
import sys
from collections.abc import Sequence

import mops


def nice(argv: Sequence[str]) -> None:
    """Run a command, with this process's ``sys.path``, when nobody else needs the processor."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = ["nice", "-n", "19", *argv]
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL, process_group=0)


@mops.use_runner(mops.MemoizingPicklingRunner(nice))
def primes_below(limit: int) -> int:
    """Count them."""
    print(f"counting in process {os.getpid()}, at niceness {os.nice(0)}", flush=True)
    return sum(all(number % divisor for divisor in range(2, int(number**0.5) + 1)) for number in range(2, limit))


if __name__ == "__main__":
    print(f"this is process {os.getpid()}, at niceness {os.nice(0)}", flush=True)
    print(primes_below(50_000), "primes")
