"""Keys of calls that are given functions and classes: nobody gets what other code computed."""

import importlib
import itertools
import os
import sys

import pytest

from mops import MemoizingPicklingRunner, use_runner

_MTIMES = itertools.count(1_000_000_000)


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write and import the module `made`; again with another text, as after an edit."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(text):
        path = tmp_path / "made.py"
        path.write_text(f"import dataclasses, functools, mops\n{text}")
        os.utime(path, (next(_MTIMES),) * 2)
        sys.modules.pop("made", None)
        importlib.invalidate_caches()
        return importlib.import_module("made")

    yield load
    sys.modules.pop("made", None)


@pytest.fixture
def uri(tmp_path):
    (tmp_path / "root").mkdir()
    return use_runner(MemoizingPicklingRunner(blob_root=tmp_path / "root"))(call).memo_uri


def call(function, argument=1):
    return function(argument)


WRAPPING = """
def doubled(function):
    @functools.wraps(function)
    def wrapper(x): return 2 * function(x)
    return wrapper
"""

EDITED = {
    "helper": "def helper(x): return EDIT",
    "cached": "@functools.lru_cache\ndef helper(x): return EDIT",
    "memoized": "@mops.pure\ndef helper(x): return EDIT",
    "wrapped": f"{WRAPPING}\n@doubled\ndef helper(x): return EDIT",
    "wrapper": f"{WRAPPING.replace('2 * function(x)', 'function(EDIT)')}\n@doubled\ndef helper(x): return x",
    "wrapper of a memoized": (
        f"{WRAPPING.replace('2 * function(x)', 'function(EDIT)')}\n@doubled\n@mops.pure\ndef helper(x): return x"
    ),
    "partial": "def inner(x, y=1): return EDIT\nhelper = functools.partial(inner, y=2)",
    "dispatched": "@functools.singledispatch\ndef helper(x): ...\n@helper.register(int)\ndef _(x): return EDIT",
    "object": (
        "class Wrapper:\n"
        "    def __init__(self, function): functools.update_wrapper(self, function)\n"
        "    def __call__(self, x): return self.__wrapped__(x)\n"
        "@Wrapper\ndef helper(x): return EDIT"
    ),
    "cached method": "class Of:\n    @functools.lru_cache\n    def method(self, x): return EDIT\nhelper = Of().method",
    "method": "class Of:\n    @mops.pure\n    def method(self, x): return EDIT\nhelper = Of().method",
    "made class": (
        "def method(self, x): return EDIT\n"
        "helper = dataclasses.make_dataclass('Made', ['x'], namespace={'__call__': method})(1)"
    ),
    "attribute": "def helper(x): return x\nx = 1\nhelper.added = EDIT",
    "attribute of a member": "import enum\nclass Of(enum.Enum): A = 1\nx = 1\nOf.A.added = EDIT\nhelper = Of.A",
}


@pytest.mark.parametrize("text", EDITED.values(), ids=EDITED)
def test_a_call_that_is_given_edited_code_is_another_call(load, uri, text):
    before = uri(load(text.replace("EDIT", "x + 1")).helper)
    assert uri(load(text.replace("EDIT", "x + 2")).helper) != before
    assert uri(load(text.replace("EDIT", "x + 1")).helper) == before


NAMESAKES = {
    "what is wrapped, and the wrapper": f"{WRAPPING}\n@doubled\ndef one(x): return x\nother = one.__wrapped__",
    "memoized, and wrapped": f"{WRAPPING}\n@mops.pure\ndef one(x): return x\nother = doubled(one)",
    "with a logic key, and wrapped": (
        f"{WRAPPING}\n@mops.pure(logic_key='1')\ndef one(x): return x\nother = doubled(one)"
    ),
    "made classes": (
        "one, other = [\n"
        "    dataclasses.make_dataclass('Made', ['x'], namespace={'method': method})(1)\n"
        "    for method in (lambda self: 1, lambda self: 2)\n"
        "]"
    ),
    "classes of one name": "class Same:\n    limit = 1\none = Same()\nclass Same:\n    limit = 2\nother = Same()",
    "classes of one name themselves": "class A:\n    limit = 1\none = A\nclass A:\n    limit = 2\nother = A",
    "methods of two objects": (
        "class Of:\n    def __init__(self, x): self.x = x\n    @mops.pure\n    def method(self): return self.x\n"
        "one, other = Of(1).method, Of(2).method"
    ),
}


@pytest.mark.parametrize("text", NAMESAKES.values(), ids=NAMESAKES)
@pytest.mark.parametrize("policy", ["rerun", "ignore"])
def test_code_of_one_name_is_told_apart(load, tmp_path, text, policy):
    made = load(text)
    uri = use_runner(MemoizingPicklingRunner(blob_root=tmp_path, on_code_change=policy))(call).memo_uri
    assert uri(made.one) != uri(made.other)


def test_an_attribute_that_is_set_on_a_function_counts(load, uri):
    helper = load("def helper(x): return x").helper
    before = uri(helper)
    helper.unit = "m"
    metres = uri(helper)
    helper.unit = "s"
    assert len({before, metres, uri(helper)}) == 3


def test_a_memoized_function_counts_by_its_logic_key_and_not_by_its_runner(load, uri):
    text = "@mops.pure(logic_key='KEY')\ndef helper(x): return EDIT"
    helper = load(text.replace("EDIT", "x + 1")).helper
    before = uri(helper)
    assert uri(helper.with_runner(MemoizingPicklingRunner(blob_root="memory://elsewhere"))) == before
    assert uri(load(text.replace("EDIT", "x + 2")).helper) == before
    assert uri(load(text.replace("KEY", "2").replace("EDIT", "x + 1")).helper) != before


def test_a_decorator_below_may_tell_a_default_from_what_is_passed(load, tmp_path):
    made = load(
        "def filling(function):\n"
        "    @functools.wraps(function)\n"
        "    def wrapper(*args, **kwargs):\n"
        "        kwargs.setdefault('y', 10)\n"
        "        return function(*args, **kwargs)\n"
        "    return wrapper\n"
        "@filling\n"
        "def helper(x, y=1): return x + y\n"
    )
    memoized = use_runner(MemoizingPicklingRunner(blob_root=tmp_path / "filled"))(made.helper)
    assert (memoized(1), memoized(1, y=1), memoized(1, y=10)) == (11, 2, 11)
