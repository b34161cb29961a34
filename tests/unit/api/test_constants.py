"""Module constants as they count in keys: paths, files, and values with parts that have no meaning as a value."""

import importlib
import sys

import pytest

from mops.api.functions.code import CodeOfProcess
from mops.core.fingerprint import differences


@pytest.fixture
def take(tmp_path, monkeypatch):
    """Write, import and take the fingerprint of `f` in a module, as a new process would."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write_and_take(text):
        (tmp_path / "constants_of.py").write_text(text)
        sys.modules.pop("constants_of", None)
        importlib.invalidate_caches()
        return CodeOfProcess().fingerprint(importlib.import_module("constants_of").f)

    yield write_and_take
    sys.modules.pop("constants_of", None)


@pytest.fixture
def changed(take):
    """What an edit changes."""

    def changed(text, old, new):
        assert old in text
        return differences(take(text).table, take(text.replace(old, new)).table)

    return changed


PATH = "from pathlib import Path, PurePosixPath\nHERE = Path(__file__).parent\nD = {}\ndef f(): return D\n"


@pytest.mark.parametrize("held", ["{}", "[{}]", "{{'folder': {}}}"])
def test_a_directory_counts_by_its_text(changed, take, tmp_path, held):
    text = PATH.format(held.format("Path('/usr')"))
    assert changed(text, "/usr", "/var") == ("constants_of:D",)
    assert take(text).opaque == ()


def test_what_is_in_a_directory_does_not_count(take, tmp_path):
    text = PATH.format("HERE")
    before = take(text)
    (tmp_path / "new.txt").write_text("1")
    assert take(text).table == before.table


@pytest.mark.parametrize("held", ["{}", "[{}]"])
def test_a_file_beside_the_code_counts_by_content_and_place(take, changed, tmp_path, held):
    (tmp_path / "one.txt").write_text("1")
    (tmp_path / "same.txt").write_text("1")
    text = PATH.format(held.format("HERE / 'one.txt'"))
    before = take(text)
    (tmp_path / "one.txt").write_text("2")
    assert differences(before.table, take(text).table) == ("constants_of:D",)
    (tmp_path / "one.txt").write_text("1")
    assert take(text).table == before.table
    assert changed(text, "one.txt", "same.txt") == ("constants_of:D",)


def test_a_file_elsewhere_counts_by_content_and_name(take, changed, tmp_path_factory):
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for folder in (one, two):
        (folder / "data.txt").write_text("1")
    text = PATH.format(f"Path('{one}/data.txt')")
    assert changed(text, str(one), str(two)) == ()
    (two / "data.txt").write_text("2")
    assert changed(text, str(one), str(two)) == ("constants_of:D",)


@pytest.mark.parametrize("path", ["HERE / 'absent'", "PurePosixPath('absent')", "Path('/dev/null')"])
def test_other_paths_count_by_their_text(changed, take, path):
    text = PATH.format(path)
    assert take(text).opaque == ()
    for old, new in (("absent", "missing"), ("/dev/null", "/dev/zero")):
        assert old not in path or changed(text, old, new) == ("constants_of:D",)


HOLES = """\
import socket, threading, sys
from types import MappingProxyType
class Client:
    def __init__(self):
        self.host = "here"
        self._lock = threading.Lock()
CFG = {
    "client": Client(),
    "limit": 3,
    "module": sys,
    "lock": threading.Lock(),
    "fixed": MappingProxyType({"a": 1}),
}
def f(): return CFG
"""


@pytest.mark.parametrize(
    ("old", "new"), [('"here"', '"there"'), (": 3", ": 4"), (": 1}", ": 2}"), (": sys", ": socket")]
)
def test_one_part_without_a_meaning_as_a_value_hides_no_other(changed, old, new):
    assert "constants_of:CFG" in changed(HOLES, old, new)


def test_the_parts_that_count_by_type_alone_are_listed(take):
    name = "constants_of:CFG"
    assert take(HOLES).opaque == (f"{name}['client']._lock", f"{name}['lock']", f"{name}['module']")
    assert take("BIG = bytes(100_000)\ndef f(): return BIG\n").opaque == ("constants_of:BIG",)


CACHED = "import functools\n@functools.lru_cache\ndef helper(x): return x + 1\n"


@pytest.mark.parametrize(
    "text",
    [
        CACHED + "def f(): return helper(1)\n",
        CACHED + "TABLE = {'a': [helper]}\ndef f(): return TABLE['a'][0](1)\n",
        CACHED + "bound = functools.partial(helper, 1)\ndef f(): return bound()\n",
        CACHED + "class C:\n    def __init__(self): self.call = helper\nC1 = C()\ndef f(): return C1.call(1)\n",
        "import functools as t\nclass C:\n    @t.cache\n    def g(self, x): return x + 1\ndef f(c=C()): return c.g\n",
        "import numpy as np\n@np.vectorize\ndef helper(x): return x + 1\ndef f(): return helper([1])\n",
        "import numpy as np\ndef helper(x): return x + 1\nV = np.vectorize(helper, '')\ndef f(): return V([1])\n",
    ],
)
def test_helpers_below_a_cache_or_a_vectorisation_count_by_their_body(changed, text):
    assert changed(text, "x + 1", "x + 2") != ()


def test_a_helper_inside_of_a_ufunc_is_said_to_be_unseen(take, changed):
    text = "import numpy as np\ndef helper(x): return x + 1\nU = np.frompyfunc(helper, 1, 1)\ndef f(): return U(1)\n"
    assert changed(text, "x + 1", "x + 2") == ()
    assert take(text).opaque == ("constants_of:U",)
