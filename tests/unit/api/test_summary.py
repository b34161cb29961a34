"""Sums are taken in any thread, and in forked children."""

import os
import signal

from mops.api.summary import Summary


def test_a_forked_child_counts_while_a_thread_of_its_parent_was_counting():
    summary = Summary()
    with summary._lock:  # as a thread does that the child will not have
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # whoever waits for ever is killed
            os._exit(0 if summary.lines()[0].startswith("mops:") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
