"""A fork waits for the imports that mops has asked for, and for nothing else."""

import sys
import threading
from contextlib import contextmanager

import pytest

from mops.runtime import forks

IMPORT = "def imports(): import module_that_takes_its_time"


class SlowImport:
    """Finds a module once it is allowed to."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def find_spec(self, name, path, target=None):
        if name == "module_that_takes_its_time":
            self.begun.set()
            assert self.may_end.wait(60)


@contextmanager
def importing(on_behalf_of):
    """Another thread is in the middle of an import."""
    names = {"__name__": on_behalf_of}
    exec(IMPORT, names)
    slow = SlowImport()
    sys.meta_path.insert(0, slow)
    thread = threading.Thread(target=pytest.raises, args=(ImportError, names["imports"]))
    thread.start()
    try:
        assert slow.begun.wait(60)
        yield slow
    finally:
        slow.may_end.set()
        thread.join()
        sys.meta_path.remove(slow)


def test_a_fork_waits_until_another_thread_has_imported_what_mops_asked_for(monkeypatch):
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            slow.may_end.set()

    monkeypatch.setattr(forks, "_PATIENCE", 60.0)
    with importing("mops.runtime.engine") as slow:
        monkeypatch.setattr(forks.time, "sleep", sleep)
        forks.let_imports_end()
        assert len(looks) >= 3


def test_a_fork_waits_for_an_import_no_longer_than_its_patience(monkeypatch):
    monkeypatch.setattr(forks, "_PATIENCE", 0.0)
    with importing("mops.runtime.engine"):
        forks.let_imports_end()


@pytest.mark.parametrize("name", ["users_module", "mopsy", None])
def test_a_fork_does_not_wait_for_what_others_import(monkeypatch, name):
    monkeypatch.setattr(forks, "_PATIENCE", float("inf"))
    with importing(name):
        forks.let_imports_end()


def test_a_fork_in_the_middle_of_an_import_waits_for_nobody(monkeypatch):
    monkeypatch.setattr(forks, "_PATIENCE", float("inf"))
    names = {"__name__": "mops.runtime.engine"}

    class Forking:
        def find_spec(self, name, path, target=None):
            forks.let_imports_end()

    monkeypatch.setattr(sys, "meta_path", [Forking(), *sys.meta_path])
    exec(IMPORT, names)
    with pytest.raises(ImportError):
        names["imports"]()
