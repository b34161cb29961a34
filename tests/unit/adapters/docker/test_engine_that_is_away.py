"""Where no engine answers, asking again and again costs nothing that lasts."""

import gc
import os

import pytest

from mops.adapters.shells.docker.engine import engine
from mops.core.errors import ShellFailed


def test_no_socket_is_left_open_where_no_engine_answers(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    gc.disable()
    try:
        with pytest.raises(ShellFailed) as first:
            engine()
        before = os.listdir("/proc/self/fd")
        failures = [first]
        for _ in range(10):
            with pytest.raises(ShellFailed, match="no Docker engine answers") as raised:
                engine()
            failures.append(raised)  # and with it, all that its traceback holds
        assert os.listdir("/proc/self/fd") == before
    finally:
        gc.enable()
