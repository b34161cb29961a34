"""A Shell of the tests' own: its commands outlive this process, can be found again, and have a limit of memory."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

from mops.core.ports.shell import Shell, SupportsAttach, SupportsMemory

BEGIN = """
import json, os, resource, subprocess, sys, time
record, delay, memory, argv = json.loads(sys.argv[1])
time.sleep(delay)
limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
status = subprocess.run(argv, preexec_fn=limit).returncode
with open(record + ".new", "w") as file:
    file.write(str(status))
os.rename(record + ".new", record + ".status")
"""


class DetachedShell(Shell, SupportsAttach, SupportsMemory):
    """Commands are known by a file each in a folder.

    Args:
        folder: where they are known.
        delay: seconds that each command waits before it begins.
        memory: bytes of address space for each command.
    """

    def __init__(self, folder, delay=0.0, memory=4 << 30):
        self.folder = Path(folder)
        self.delay = delay
        self._memory = memory

    @property
    def memory(self):
        return self._memory

    def with_memory(self, memory):
        return DetachedShell(self.folder, self.delay, memory)

    def __call__(self, argv):
        record = self._record(argv)
        order = json.dumps([str(record), self.delay, self._memory, list(argv)])
        process = subprocess.Popen([sys.executable, "-c", BEGIN, order], start_new_session=True)
        threading.Thread(target=process.wait, daemon=True).start()
        record.write_text(str(process.pid))
        return self.attach(argv)

    def attach(self, argv):
        record = self._record(argv)
        return Watched(record, int(record.read_text())) if record.exists() else None

    def _record(self, argv):
        self.folder.mkdir(exist_ok=True)
        return self.folder / hashlib.sha256("\0".join(argv[1:]).encode()).hexdigest()


class Watched(Future):
    """Looks at the record until the command has ended."""

    def __init__(self, record, pid):
        super().__init__()
        self.record, self.pid = record, pid
        self.set_running_or_notify_cancel()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        status = self.record.with_name(self.record.name + ".status")
        while not status.exists() and self.is_alive():
            time.sleep(0.02)
        if status.exists() and status.read_text() == "0":
            self.set_result(None)
        else:
            self.set_exception(RuntimeError(f"status {status.read_text() if status.exists() else 'unknown'}"))

    def is_alive(self):
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def cancel(self):
        os.killpg(self.pid, signal.SIGTERM)
        return True
