"""A Shell of the tests' own: one submission starts a process that starts all copies, as a job array does."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from mops.core.ports.shell import Shell, SupportsBatch

ARRAY = """
import json, os, subprocess, sys
folder, count, name, argv = json.loads(sys.argv[1])
copies = [subprocess.Popen(argv, env={**os.environ, name: str(number)}) for number in range(count)]
for number, copy in enumerate(copies):
    status = copy.wait()
    with open(f"{folder}/{number}.new", "w") as file:
        file.write(str(status))
    os.rename(f"{folder}/{number}.new", f"{folder}/{number}")
"""


class ArrayShell(Shell, SupportsBatch):
    """Counts its submissions in a file, where it is given one."""

    def __init__(self, batch_size=100, record=None):
        self._batch_size = batch_size
        self.record = record

    @property
    def batch_size(self):
        return self._batch_size

    def __call__(self, argv):
        self.note("alone")
        subprocess.run(argv, check=True)

    def start_batch(self, argv, count):
        self.note(f"array of {count}")
        folder = tempfile.mkdtemp()
        order = json.dumps([folder, count, argv[argv.index("--index-env") + 1], list(argv)])
        array = subprocess.Popen([sys.executable, "-c", ARRAY, order])
        futures = [Future() for _ in range(count)]
        for future in futures:
            future.set_running_or_notify_cancel()
        threading.Thread(target=self.watch, args=(array, Path(folder), futures), daemon=True).start()
        return futures

    def note(self, line):
        if self.record is not None:
            with open(self.record, "a") as file:
                file.write(f"{line}\n")

    def watch(self, array, folder, futures):
        left = dict(enumerate(futures))
        while left:
            ended = array.poll() is not None
            for number in [number for number in left if (folder / str(number)).exists()]:
                self.settle(left.pop(number), (folder / str(number)).read_text())
            if ended:
                for future in left.values():
                    self.settle(future, "unknown")
                return
            time.sleep(0.02)
        array.wait()

    def settle(self, future, status):
        if status == "0":
            future.set_result(None)
        else:
            future.set_exception(RuntimeError(f"status {status}"))
