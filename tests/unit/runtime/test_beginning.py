"""When a process began: what was written before is what it imported."""

import subprocess
import sys

SINCE = "from mops.runtime.beginning import begin_anew, beginning\n"


def ask(text):
    return eval(subprocess.run([sys.executable, "-c", SINCE + text], check=True, capture_output=True, text=True).stdout)


def test_a_process_begins_after_what_started_it_and_before_it_runs_anything(tmp_path):
    file = tmp_path / "written"
    file.touch()
    began, now = ask("import time\nprint((beginning(), time.time_ns()))")
    assert file.stat().st_ctime_ns < began < now


def test_a_forked_process_began_before_its_parent_had_imported_what_it_runs():
    imported, began = ask(
        "import os, time\nimported = time.time_ns()\nif os.fork() == 0:\n"
        "    print((imported, beginning()), flush=True)\n    os._exit(0)\nos.wait()"
    )
    assert began < imported


def test_what_is_imported_anew_counts_from_then_on():
    before, began, after = ask(
        "import time\nbefore = time.time_ns()\nbegin_anew()\nprint((before, beginning(), time.time_ns()))"
    )
    assert before <= began <= after
