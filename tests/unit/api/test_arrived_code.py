"""Code that arrived with a call, where it cannot be used."""

import sys

import pytest

from mops import config
from mops.api.arrived_code import use_code
from mops.core.code_tree import pack_tree
from mops.core.errors import ConfigurationError, CorruptBlob, ShellFailed


@pytest.fixture(autouse=True)
def _unchanged():
    before = list(sys.path), list(sys.meta_path)
    yield
    assert (sys.path, sys.meta_path) == before


def test_code_that_cannot_be_written_is_a_failure_of_the_infrastructure():
    too_long = b"".join(pack_tree({"x" * 300 + ".py": b""}))
    with pytest.raises(ShellFailed, match=r"cannot be unpacked: .*File name too long") as caught:
        use_code(too_long)
    assert caught.value.kind == "infrastructure"


def test_what_is_no_code_is_refused():
    with pytest.raises(CorruptBlob):
        use_code(b"something else")


def test_nothing_is_read_where_code_must_not_travel():
    with config(allow_tree=False), pytest.raises(ConfigurationError, match="allow_tree forbids here to run it"):
        use_code(b"something else")
