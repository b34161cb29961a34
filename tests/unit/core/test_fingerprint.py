"""The code fingerprint, taken of small packages that are written, imported, edited and imported again."""

import json
import os
import subprocess
import sys
import threading
import types

import pytest

from mops.core.fingerprint import differences
from mops.core.fingerprint.surroundings import importable_name
from tests.unit.core import sample_code
from tests.unit.core.sample_code import Sample, make_fingerprinter, named_difference, reached

MAIN = '''\
import numpy as np
from sample import helpers
from sample.helpers import second, CONFIG, Model, TABLE, LIMITS, scaled, shifted
from sample.decorators import logged

SIZE = 3
UNUSED = 4
SEED: int = 5

@logged
def f(x, n=10, *, mode="fast"):
    """Compute."""
    total = helpers.run(x) + SIZE + second(x) + CONFIG.rate + scaled(x) + shifted(x)
    total += Model().predict(x) + TABLE["a"](x) + LIMITS[0] + sum(LIMITS) + len(np.zeros(3))
    return [total + SEED for _ in range(n)]

def other(x):
    return x - 1
'''

HELPERS = '''\
import functools
import threading
from sample.deep import deepest

OFFSET = 7
LIMITS = [1, 2]
LOCK = threading.Lock()

class Config:
    def __init__(self):
        self.rate = 0.5
        self.unread = 1

CONFIG = Config()

def run(x):
    with LOCK:
        return deepest(x) + OFFSET

def second(x): return (lambda y: y * 2)(x)
def by_table(x): return x + 100
def unused(x): return x + 1000

TABLE = {"a": by_table, "b": lambda x: x + 200}
scaled = functools.partial(pow, 3)

def shift(amount, x): return amount + x
shifted = functools.partial(shift, 30)

class Base:
    bias = 40
    def inherited(self): return 41

class Meta(type):
    def __call__(cls, *args): return super().__call__(*args)

class Model(Base, metaclass=Meta):
    """A model."""
    weights = (1, 2)
    __slots__ = ("cached",)
    @property
    def width(self): return 50
    @staticmethod
    def plain(x): return x + 51
    @classmethod
    def make(cls): return cls
    @functools.lru_cache
    def slow(self): return 52
    def predict(self, x): return x + self.bias
'''

DECORATORS = """\
import functools
LEVEL = 60
def make(level):
    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs) + [level]
        return wrapper
    return logged
logged = make(LEVEL)
"""

DEEP = "def deepest(x):\n    return x + 70\n"


@pytest.fixture
def rich(sample: Sample) -> Sample:
    for module, text in (("main", MAIN), ("helpers", HELPERS), ("decorators", DECORATORS), ("deep", DEEP)):
        sample.write(module, text)
    return sample


def test_a_fingerprint_names_the_first_party_modules_that_it_reaches(rich):
    reached_modules = {f"sample.{name}" for name in ("main", "helpers", "decorators", "deep")}
    assert rich.fingerprint().modules == reached_modules
    assert rich.fingerprint("other").modules == {"sample.main"}


@pytest.mark.parametrize(
    ("module", "old", "new", "named"),
    [
        pytest.param("main", "+ SEED for", "- SEED for", "sample.main:f", id="body"),
        pytest.param("main", "n=10", "n=11", "sample.main:f(n)", id="default"),
        pytest.param("main", '"fast"', '"slow"', "sample.main:f(mode)", id="keyword-default"),
        pytest.param("main", "SIZE = 3", "SIZE = 3.0", "sample.main:SIZE", id="constant"),
        pytest.param("main", "SEED: int = 5", "SEED: int = 6", "sample.main:SEED", id="constant-in-comprehension"),
        pytest.param("decorators", "+ [level]", "* level", "sample.decorators:make.<locals>.logged.<locals>.wrapper",
                     id="decorator"),
        pytest.param("decorators", "LEVEL = 60", "LEVEL = 61",
                     "sample.decorators:make.<locals>.logged.<locals>.wrapper[level]", id="closure-of-decorator"),
        pytest.param("helpers", "deepest(x) + OFFSET", "deepest(x) - OFFSET", "sample.helpers:run", id="helper"),
        pytest.param("helpers", "OFFSET = 7", "OFFSET = 8", "sample.helpers:OFFSET", id="constant-of-helper"),
        pytest.param("deep", "x + 70", "x + 71", "sample.deep:deepest", id="helper-of-helper"),
        pytest.param("helpers", "y * 2", "y * 3", "sample.helpers:second", id="lambda-in-helper"),
        pytest.param("helpers", "rate = 0.5", "rate = 0.6", "sample.main:CONFIG.rate", id="attribute-of-instance"),
        pytest.param("helpers", "x + 100\n", "x + 101\n", "sample.helpers:by_table", id="function-in-table"),
        pytest.param("helpers", "x + 200", "x + 201", "sample.helpers:<lambda>", id="lambda-in-table"),
        pytest.param("helpers", "[1, 2]", "[1, 3]", "sample.main:LIMITS", id="list-constant"),
        pytest.param("helpers", "(pow, 3)", "(pow, 4)", "sample.main:scaled.args", id="partial-of-builtin"),
        pytest.param("helpers", "amount + x", "amount - x", "sample.helpers:shift", id="function-of-partial"),
        pytest.param("helpers", "bias = 40", "bias = 42", "sample.helpers:Base.bias", id="attribute-of-base"),
        pytest.param("helpers", "return 41", "return 42", "sample.helpers:Base.inherited", id="method-of-base"),
        pytest.param("helpers", "cls, *args): return", "cls, *args): args = (); return", "sample.helpers:Meta.__call__",
                     id="metaclass"),
        pytest.param("helpers", "weights = (1, 2)", "weights = (1, 3)", "sample.helpers:Model.weights",
                     id="attribute-of-class"),
        pytest.param("helpers", "return 50", "return 49", "sample.helpers:Model.width", id="property"),
        pytest.param("helpers", "x + 51", "x + 53", "sample.helpers:Model.plain", id="static-method"),
        pytest.param("helpers", "return cls\n", "return cls, 1\n", "sample.helpers:Model.make", id="class-method"),
        pytest.param("helpers", "return 52", "return 54", "sample.helpers:Model.slow", id="cached-method"),
        pytest.param("helpers", "x + self.bias", "x - self.bias", "sample.helpers:Model.predict", id="method"),
    ],
)  # fmt: skip
def test_an_edit_of_what_is_reached_is_noticed_and_named(rich, module, old, new, named):
    assert rich.table_after(module, old, new) == (named,)


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        pytest.param("main", "return x - 1", "return x - 2", id="another-function"),
        pytest.param("main", "UNUSED = 4", "UNUSED = 5", id="another-constant"),
        pytest.param("helpers", "x + 1000", "x + 2000", id="another-function-of-a-helper's-module"),
        pytest.param("helpers", "unread = 1", "unread = 2", id="another-attribute"),
        pytest.param("main", '"""Compute."""', '"""Compute it all."""', id="docstring"),
        pytest.param("main", '    """Compute."""\n', "", id="no-docstring"),
        pytest.param("helpers", '"""A model."""', '"""The model."""', id="docstring-of-class"),
        pytest.param("deep", "return x + 70", '"""Doc."""\n    return x + 70', id="new-docstring"),
        pytest.param("main", "    total += ", "    # why\n\n    total += ", id="comment"),
        pytest.param("main", "SIZE = 3", "import os\n\ndef above():\n    pass\n\nSIZE = 3", id="code-above"),
        pytest.param("main", "SEED: int", "SEED: float", id="annotation-of-a-constant"),
        pytest.param("main", "def f(x, n=10", "def f(x: int, n: str=10", id="annotation-of-a-parameter"),
        pytest.param("helpers", "LOCK = threading.Lock()", "LOCK = threading.Lock()\nlater = 1", id="code-between"),
    ],
)
def test_an_edit_of_anything_else_is_not(rich, module, old, new):
    assert rich.table_after(module, old, new) == ()


def test_swapped_names_are_a_difference(rich):
    swapped = "import run as second, second as run\nfrom sample.helpers import "
    rich.edit("main", "helpers.run", "run")
    rich.edit("main", "import second, ", "import run, second\nfrom sample.helpers import ")
    assert rich.table_after("main", "import run, second\nfrom sample.helpers import ", swapped) == ("sample.main:f",)


def test_a_definition_that_comes_or_goes_is_named_so(rich):
    found = rich.table_after("deep", "def deepest(x):", "def new(x):\n    return x\n\ndef deepest(x):\n    x = new(x)")
    assert found == ("sample.deep:deepest", "sample.deep:new (added)")
    assert differences({"a": "1", "b": "1"}, {"a": "1"}) == ("b (removed)",)


def test_the_kind_of_bytecode_is_part_of_the_digest_and_not_of_the_table(rich):
    here, there = rich.fingerprint(), rich.fingerprint(cache_tag="cpython-399")
    assert here.digest != there.digest
    assert here.table == there.table


def test_the_table_says_which_entries_are_constants_and_which_are_opaque(rich):
    fingerprint = rich.fingerprint()
    assert (
        {"sample.main:SIZE", "sample.main:f(n)", "sample.helpers:LOCK"}
        <= fingerprint.constants
        <= set(fingerprint.table)
    )
    assert "sample.helpers:run" not in fingerprint.constants
    assert fingerprint.opaque == ("sample.helpers:LOCK",)
    assert all(len(value) == 16 for value in fingerprint.table.values())


def test_other_packages_count_by_name_alone(rich):
    assert not any(name.startswith("numpy") for name in rich.fingerprint().table)


# ------------------------------------------------------------------------------------------------ single constructs
def test_a_docstring_that_is_also_a_value_counts_as_a_value(sample):
    before = reached(sample, "def f():\n    'one'\n    return 'one'\n")
    after = reached(sample, "def f():\n    'two'\n    return 'two'\n")
    assert before.digest != after.digest


def test_a_docstring_of_a_class_inside_a_function_does_not_count(sample):
    text = "def f():\n    class Inner:\n        'one'\n        limit = 2\n    return Inner.limit\n"
    assert named_difference(sample, text, "'one'", "'another'") == ()


def test_a_class_inside_a_function_counts_by_what_it_does_not_by_where_it_stands(sample):
    text = "def f():\n    class Inner:\n        'one'\n        limit = 2\n    return Inner.limit\n"
    sample.write("main", text)
    assert sample.table_after("main", "def f", "# above\n\ndef f") == ()
    assert sample.table_after("main", "limit = 2", "limit = 3") == ("sample.main:f",)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("1", "1.0"),
        ("1", "True"),
        ("0.0", "-0.0"),
        ("'1'", "b'1'"),
        ("(1, 2)", "(1, (2,))"),
        ("1j", "2j"),
        ("None", "..."),
    ],
)
def test_constants_of_other_types_are_other_code(sample, one, two):
    before = reached(sample, f"def f():\n    return {one}\n")
    after = reached(sample, f"def f():\n    return {two}\n")
    assert before.digest != after.digest


def test_very_long_integers_count(sample):
    before = reached(sample, f"def f():\n    return 0x{'f' * 5000}\n")
    after = reached(sample, f"def f():\n    return 0x{'f' * 4999}e\n")
    assert before.digest != after.digest


def test_a_code_object_with_a_slice_among_its_constants_can_be_read():
    def f(x):
        return x[1]

    with_slice = [f.__code__.replace(co_consts=(None, slice(1, stop))) for stop in (2, 3)]
    digests = {make_fingerprinter().of(types.FunctionType(code, globals(), "f")).digest for code in with_slice}
    assert len(digests) == 2


def test_a_function_with_more_than_256_constants_and_names_is_read_to_its_end(sample):
    values = "".join(f"    x += g{number} + {number + 0.5}\n" for number in range(300))
    constants = "".join(f"g{number} = {number}\n" for number in range(300))
    text = f"{constants}def last(): return 1\ndef f(x):\n{values}    return last() + 1000.25\n"
    assert named_difference(sample, text, "g299 = 299", "g299 = 298") == ("sample.main:g299",)
    assert named_difference(sample, text, "return 1\n", "return 2\n") == ("sample.main:last",)
    assert named_difference(sample, text, "1000.25", "1000.5") == ("sample.main:f",)


def test_handled_exceptions_are_code(sample):
    text = "def f(x):\n    try:\n        return 1 / x\n    except ValueError:\n        return 0\n"
    assert named_difference(sample, text, "ValueError", "ZeroDivisionError") == ("sample.main:f",)


def test_a_module_in_a_variable_counts_by_the_attributes_that_are_named(sample):
    sample.write("tools", "def used(): return 1\ndef unused(): return 2\ndef __getattr__(name): return 3\n")
    text = "from sample import tools\ndef f():\n    alias = tools\n    return alias.used()\n"
    sample.write("main", text)
    assert sample.table_after("tools", "return 2", "return 4") == ()
    assert sample.table_after("tools", "return 1", "return 5") == ("sample.tools:used",)
    assert sample.table_after("tools", "return 3", "return 6") == ("sample.tools:__getattr__",)


def test_a_literal_given_to_getattr_counts(sample):
    sample.write("tools", "def used(): return 1\n")
    sample.write("main", "from sample import tools\ndef f():\n    return getattr(tools, 'used')()\n")
    assert sample.table_after("tools", "return 1", "return 5") == ("sample.tools:used",)


def test_a_module_that_is_a_default_counts_by_the_attributes_that_are_named(sample):
    sample.write("tools", "def used(): return 1\ndef unused(): return 2\n")
    sample.write("main", "from sample import tools\ndef f(t=tools):\n    return t.used()\n")
    assert sample.table_after("tools", "return 2", "return 4") == ()
    assert sample.table_after("tools", "return 1", "return 5") == ("sample.tools:used",)


def test_a_constant_that_two_functions_use_is_named_once(sample):
    text = "LIMITS = [1]\ndef g(): return LIMITS\ndef f():\n    return g(), LIMITS\n"
    assert named_difference(sample, text, "[1]", "[2]") == ("sample.main:LIMITS",)


def test_modules_that_name_each_other_are_no_endless_walk(sample):
    sample.write("tools", "import sample.main as main\n")
    sample.write("main", "import sample.tools as tools\ndef f():\n    return tools, main\nimport sample.main as main\n")
    assert set(sample.fingerprint().table) == {"sample.main:f"}


@pytest.mark.parametrize(
    "statement",
    [
        "from sample.tools import used",
        "from .tools import used",
        "import sample.tools as t; used = t.used",
        "import sample.tools; used = sample.tools.used",
        "from . import tools; used = tools.used",
    ],
)
def test_imports_inside_a_function_are_followed_whether_loaded_or_not(sample, statement):
    sample.write("tools", "def used(): return 1\n")
    sample.write("main", f"def f():\n    {statement}\n    return used()\n")
    before = sample.fingerprint().table
    assert "sample.tools:used" in before
    assert sample.fingerprint().table == before
    assert sample.table_after("tools", "return 1", "return 5") == ("sample.tools:used",)


def test_imports_inside_a_function_that_cannot_be_followed_count_by_name(sample):
    text = (
        "def f():\n    import json, sample.missing\n    from sample.absent import thing\n    from json import dumps\n"
    )
    assert set(reached(sample, text).table) == {"sample.main:f"}


def test_relative_imports_resolve_against_the_package_even_in_a_module_without_one(sample):
    sample.write("tools", "def used(): return 1\n")
    sample.write("main", "del __package__\ndef f():\n    from .tools import used\n    return used()\n")
    assert "sample.tools:used" in sample.fingerprint().table


def test_dataclasses_count_with_their_fields(sample):
    text = (
        "import dataclasses\n"
        "def checked(): return 1\n"
        "@dataclasses.dataclass\n"
        "class Point:\n"
        "    x: int = 1\n"
        "    y: list = dataclasses.field(default_factory=checked, metadata={'unit': 'm'})\n"
        "def f():\n    return Point()\n"
    )
    assert "sample.main:Point.x" in named_difference(sample, text, "x: int = 1", "x: int = 2")
    assert named_difference(sample, text, "return 1", "return 2") == ("sample.main:checked",)
    assert "sample.main:Point.__init__" in named_difference(sample, text, "x: int = 1", "x: int = 1\n    z: int = 3")
    assert named_difference(sample, text, "x: int", "x: 'float'") == ("sample.main:Point",)


def test_attrs_classes_count_with_their_fields(sample):
    text = (
        "import attrs\n"
        "def positive(self, attribute, value): return 1\n"
        "@attrs.frozen\n"
        "class Point:\n"
        "    x: int = attrs.field(default=1, validator=positive)\n"
        "    y: list = attrs.field(factory=lambda: [1, 2])\n"
        "def f():\n    return Point()\n"
    )
    assert named_difference(sample, text, "return 1", "return 2") == ("sample.main:positive",)
    assert "sample.main:Point.<lambda>" in named_difference(sample, text, "[1, 2]", "[1, 3]")
    assert "sample.main:Point.__init__(x)" in named_difference(sample, text, "default=1", "default=2")


def test_pydantic_models_count_with_their_fields(sample):
    text = (
        "import pydantic\n"
        "class Point(pydantic.BaseModel):\n"
        "    x: int = 1\n"
        "    y: list = pydantic.Field(default_factory=lambda: [1, 2])\n"
        "    _hidden: int = 3\n"
        "    @pydantic.field_validator('x')\n"
        "    def check(cls, value): return value + 4\n"
        "def f():\n    return Point()\n"
    )
    assert named_difference(sample, text, "x: int = 1", "x: int = 2") == ("sample.main:Point.x (field)",)
    assert named_difference(sample, text, "[1, 2]", "[1, 3]") == ("sample.main:Point.<lambda>",)
    assert named_difference(sample, text, "= 3", "= 5") == ("sample.main:Point._hidden (field)",)
    assert named_difference(sample, text, "+ 4", "+ 5") == ("sample.main:Point.check",)


def test_named_tuples_count_with_their_fields_and_defaults(sample):
    text = "import collections\nPoint = collections.namedtuple('Point', 'x y', defaults=(1,))\ndef f(): return Point\n"
    assert reached(sample, text).opaque == ()
    assert named_difference(sample, text, "(1,)", "(2,)") == ("sample.main:Point._field_defaults",)
    assert "sample.main:Point._fields" in named_difference(sample, text, "'x y'", "'x z'")


def test_enums_count_with_the_values_of_their_members(sample):
    text = (
        "import enum\n"
        "class Colour(enum.Enum):\n"
        "    RED = 1\n"
        "    GREEN = 2\n"
        "    def mixed(self): return 3\n"
        "def f():\n    return Colour.RED\n"
    )
    assert named_difference(sample, text, "GREEN = 2", "GREEN = 5") == ("sample.main:Colour.GREEN",)
    assert named_difference(sample, text, "return 3", "return 4") == ("sample.main:Colour.mixed",)


def test_instances_count_with_their_class_and_what_they_hold(sample):
    text = (
        "import functools\n"
        "class Slotted:\n"
        "    __slots__ = ('callback', 'never')\n"
        "    def __init__(self, callback): self.callback = callback\n"
        "    def __call__(self, x): return self.callback(x)\n"
        "def inner(x): return 1\n"
        "apply = Slotted(inner)\n"
        "def f(x):\n    return apply(x)\n"
    )
    assert named_difference(sample, text, "return 1", "return 2") == ("sample.main:inner",)
    assert named_difference(sample, text, "self.callback(x)", "self.callback(x) + 1") == (
        "sample.main:Slotted.__call__",
    )


def test_wrappers_of_other_packages_are_looked_through(sample, tmp_path, monkeypatch):
    (tmp_path / "foreign.py").write_text(
        "import functools\n"
        "KEPT = {}\n"
        "def plain(function):\n"
        "    def wrapper(*args): return function(*args)\n"
        "    return wrapper\n"
        "class Holder:\n"
        "    def __init__(self, function): self.function, self.depth = function, {1: function}\n"
        "    def __call__(self, *args): return self.function(*args)\n"
        "def named(function):\n"
        "    return functools.wraps(function)(Holder(function))\n"
        "class Slotted:\n"
        "    __slots__ = ('__wrapped__',)\n"
        "    def __init__(self, function): self.__wrapped__ = function\n"
        "    def __call__(self, *args): return self.__wrapped__(*args)\n"
        "EMPTY = Slotted.__new__(Slotted)\n"
    )
    text = (
        "import foreign, functools\n"
        "@foreign.plain\ndef a(): return 1\n"
        "@foreign.Holder\ndef b(): return 2\n"
        "@foreign.named\ndef c(): return 3\n"
        "@functools.singledispatch\ndef d(x): return 4\n"
        "@d.register(int)\ndef e(x): return 5\n"
        "@foreign.Slotted\ndef g(): return 6\n"
        "empty = foreign.EMPTY\n"
        "def f():\n    return a() + b() + c() + d(1) + g() + empty()\n"
    )
    sample.write("main", text)
    for number, name in enumerate("abcdeg", start=1):
        assert sample.table_after("main", f"return {number}\n", f"return {number}0\n") == (f"sample.main:{name}",)


def test_the_arguments_of_somebody_elses_decorator_count_and_so_does_what_it_decorates(sample, tmp_path):
    (tmp_path / "scaling.py").write_text(
        "def scaled(factor):\n"
        "    def decorate(function):\n"
        "        def wrapper(*args): return factor * function(*args)\n"
        "        return wrapper\n"
        "    return decorate\n"
    )
    text = (
        "import scaling\n"
        "def one(): return 1\n"
        "def two(): return 2\n"
        "a, b = scaling.scaled(3)(one), scaling.scaled(3)(two)\n"
        "def f():\n    return a() + 10 * b()\n"
    )
    wrapper = "scaling:scaled.<locals>.decorate.<locals>.wrapper"
    assert named_difference(sample, text, "(3)(one)", "(4)(one)") == (f"{wrapper}[factor]",)
    assert named_difference(sample, text, "a, b =", "b, a =") == (wrapper, f"{wrapper}#2")


def test_a_reached_function_that_states_a_logic_key_counts_by_that_key(sample):
    text = "def keyed(x):\n    'logic-key: 1'\n    return x + 1\ndef f(x):\n    return keyed(x)\n"
    assert named_difference(sample, text, "x + 1", "x + 2") == ()
    assert named_difference(sample, text, "logic-key: 1", "logic-key: 2") == ("sample.main:keyed",)


def test_a_reached_wrapper_that_states_a_logic_key_counts_by_that_key(sample):
    text = (
        "import functools\n"
        "@functools.lru_cache\ndef keyed(x):\n    'logic-key: 1'\n    return x + 1\n"
        "def f(x):\n    return keyed(x)\n"
    )
    assert named_difference(sample, text, "x + 1", "x + 2") == ()
    assert named_difference(sample, text, "logic-key: 1", "logic-key: 2") == ("sample.main:keyed",)


def test_the_function_itself_counts_by_its_code_even_if_it_states_a_logic_key(sample):
    text = "import functools\n@functools.cache\ndef g(x):\n    'logic-key: 1'\n    return g(x - 1)\nf = g.__wrapped__\n"
    assert named_difference(sample, text, "x - 1", "x - 2") == ("sample.main:g",)


def test_methods_partials_and_instances_have_fingerprints_too(sample):
    text = (
        "import functools\n"
        "class Model:\n"
        "    def fit(self, x): return x + 1\n"
        "    def __call__(self, x): return x + 2\n"
        "f = functools.partial(Model().fit, 3)\n"
    )
    assert named_difference(sample, text, "x + 1", "x + 4") == ("sample.main:Model.fit",)
    assert named_difference(sample, text, "x + 2", "x + 5") == ("sample.main:Model.__call__",)


def test_bound_methods_of_built_in_types_count_with_the_value_they_are_bound_to(sample):
    text = (
        "look_up = {'a': 1}.get\nfind = 'abc'.find\ndef f(x):\n    return look_up(x) or find(x) or dict.fromkeys(x)\n"
    )
    assert named_difference(sample, text, "'a': 1", "'a': 2") == ("sample.main:look_up.__self__",)


def test_argument_types_count_as_whole_classes(sample):
    sample.write("main", "class Table:\n    def rows(self): return 1\ndef f(table):\n    return table.rows()\n")
    module = sample.module()
    fingerprinter = make_fingerprinter()
    assert "sample.main:Table.rows" not in fingerprinter.of(module.f).table
    assert "sample.main:Table.rows" in fingerprinter.of(module.f, (module.Table, int)).table


def test_paths_inside_the_package_count_relative_to_it(sample, tmp_path, monkeypatch):
    text = (
        "from pathlib import Path\n"
        "import os\n"
        "DATA = Path(__file__).parent / 'data.csv'\n"
        "HERE = os.path.dirname(__file__)\n"
        "def f():\n    return DATA, HERE, __file__\n"
    )
    before = reached(sample, text)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sample.folder.rename(elsewhere / "sample")
    sample.folder = elsewhere / "sample"
    monkeypatch.syspath_prepend(elsewhere)
    assert sample.fingerprint().table == before.table
    assert before.opaque == ()
    text = text.replace("data.csv", "other.csv")
    assert differences(before.table, reached(sample, text).table) == ("sample.main:DATA",)


def test_namespace_packages_have_a_tree_as_well(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "sample" / "part"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(
        "HERE = __path__[0] if '__path__' in globals() else __file__\ndef f(): return HERE\n"
    )
    made = Sample.__new__(Sample)
    made.folder = folder
    try:
        first = make_fingerprinter().of(made.module("part.main").f)
    finally:
        made.forget()
    assert first.opaque == ()
    assert set(first.table) == {"sample.part.main:HERE", "sample.part.main:f"}


def test_a_lazily_made_global_counts_by_its_first_value_and_is_not_looked_for(sample):
    text = (
        "_model = None\ndef f():\n    global _model\n    if _model is None:\n        _model = [1]\n    return _model\n"
    )
    sample.write("main", text)
    module = sample.module()
    fingerprinter = make_fingerprinter()
    before = fingerprinter.of(module.f)
    module.f()
    assert before.unchanged()
    assert fingerprinter.of(module.f).digest == before.digest
    assert sample.table_after("main", "_model = None\ndef", "_model = 0\ndef") == ("sample.main:_model",)


def test_a_lazily_made_variable_of_a_closure_counts_by_its_first_value_and_is_not_looked_for(sample):
    text = (
        "def make(calls):\n"
        "    def counted():\n"
        "        def count():\n            nonlocal calls\n            calls += 1\n"
        "        count()\n"
        "        return calls\n"
        "    return counted\n"
        "f, g = make(1), make(10)\n"
    )
    sample.write("main", text)
    module = sample.module()
    fingerprinter = make_fingerprinter()
    before = fingerprinter.of(module.f)
    module.f()
    assert before.unchanged()
    assert fingerprinter.of(module.f).digest == before.digest
    assert fingerprinter.of(module.g).digest != before.digest


def test_a_counter_of_somebody_elses_decorator_is_not_looked_for(sample, tmp_path):
    (tmp_path / "counting.py").write_text(
        "def counted(function):\n"
        "    calls = 0\n"
        "    def wrapper(*args):\n        nonlocal calls\n        calls += 1\n        return function(*args)\n"
        "    return wrapper\n"
    )
    sample.write("main", "import counting\n@counting.counted\ndef g(): return 1\ndef f(): return g()\n")
    module = sample.module()
    fingerprinter = make_fingerprinter()
    before = fingerprinter.of(module.f)
    module.f()
    assert before.unchanged()
    assert fingerprinter.of(module.f).digest == before.digest


def test_a_global_that_only_the_code_itself_makes_is_not_looked_for(sample):
    sample.write("main", "def f():\n    global made\n    made = 1\n    return made\n")
    module = sample.module()
    fingerprint = make_fingerprinter().of(module.f)
    module.f()
    assert fingerprint.unchanged()


def test_a_constant_that_is_mutated_in_place_keeps_its_first_digest_in_this_process(sample):
    sample.write("main", "CACHE = {}\ndef f(x):\n    return CACHE.setdefault(x, x)\n")
    module = sample.module()
    fingerprinter = make_fingerprinter()
    before = fingerprinter.of(module.f)
    module.f(1)
    assert fingerprinter.of(module.f).digest == before.digest


def test_unkeyable_constants_count_by_their_type(sample):
    text = "import threading\nGUARD = threading.Lock()\ndef f():\n    return GUARD\n"
    assert named_difference(sample, text, "GUARD = threading.Lock()", "GUARD = object()") == ("sample.main:GUARD",)


def test_objects_that_refuse_to_be_looked_at_are_opaque(sample):
    text = (
        "class Proxy:\n"
        "    @property\n"
        "    def __dict__(self): raise RuntimeError('not bound')\n"
        "    def __getattr__(self, name): raise RuntimeError('not bound')\n"
        "PROXY = Proxy()\n"
        "def f():\n    return PROXY.name\n"
    )
    assert reached(sample, text).opaque == ("sample.main:PROXY",)


def test_an_attribute_behind_a_descriptor_counts_with_the_whole_instance(sample):
    text = (
        "import functools\n"
        "class Config:\n"
        "    @functools.cached_property\n"
        "    def rate(self): return 1\n"
        "CONFIG = Config()\n"
        "def f():\n    return CONFIG.rate\n"
    )
    sample.write("main", text)
    module = sample.module()
    fingerprinter = make_fingerprinter()
    before = fingerprinter.of(module.f)
    assert module.f() == 1
    assert fingerprinter.of(module.f).table == before.table
    assert sample.table_after("main", "return 1", "return 2") == ("sample.main:Config.rate",)


def test_containers_of_every_kind_are_searched_for_functions(sample):
    text = (
        "import collections, types\n"
        "def a(): return 1\n"
        "def b(): return 2\n"
        "def c(): return 3\n"
        "def d(): return 4\n"
        "def e(): return 5\n"
        "HELD = ([a], collections.deque([b]), {c}, types.MappingProxyType({'d': d}), collections.OrderedDict(e=e))\n"
        "HELD[0].append(HELD)\n"
        "def f():\n    return HELD\n"
    )
    sample.write("main", text)
    for number, name in enumerate("abcde", start=1):
        assert sample.table_after("main", f"return {number}\n", f"return {number}0\n") == (f"sample.main:{name}",)


def test_first_party_code_inside_the_containers_of_a_foreign_object_is_reached(sample, tmp_path):
    (tmp_path / "pipelines.py").write_text(
        "class Pipeline:\n    def __init__(self, **settings): self.__dict__.update(settings)\nNESTED = Pipeline()\n"
    )
    text = (
        "import pipelines\n"
        "class Step:\n    def run(self): return 1\n"
        "class Model:\n    def check(self): return 2\n"
        "class Hidden:\n    def run(self): return 3\n"
        "class Wanted:\n    def run(self): return 4\n"
        "class Other:\n    def run(self): return 5\n"
        "behind = pipelines.Pipeline(step=Hidden())\n"
        "steps = {'steps': [('a', Step())], 'kind': list[Model], 'also': Wanted | None, 'other': Other}\n"
        "PIPELINE = pipelines.Pipeline(behind=behind, **steps)\n"
        "def f():\n    return PIPELINE\n"
    )
    assert named_difference(sample, text, "return 1", "return 10") == ("sample.main:Step.run",)
    assert named_difference(sample, text, "return 2", "return 20") == ("sample.main:Model.check",)
    assert named_difference(sample, text, "return 3", "return 30") == ()
    assert named_difference(sample, text, "return 4", "return 40") == ("sample.main:Wanted.run",)
    assert named_difference(sample, text, "return 5", "return 50") == ("sample.main:Other.run",)


def test_somebody_elses_module_inside_a_constant_is_not_searched(sample):
    sample.write("tools", "def run(): return 1\n")
    text = "import sys\nfrom sample import tools\nHELD = [sys, tools]\ndef f():\n    return HELD\n"
    assert set(reached(sample, text).table) == {"sample.main:f", "sample.main:HELD", "sample.tools:run"}


def test_an_attribute_that_its_object_has_not_got_is_no_error(sample):
    assert "sample.main:SIZE" in reached(sample, "SIZE = 3\ndef f(): return SIZE.missing\n").table


def test_closures_not_yet_filled_are_no_error(sample):
    text = (
        "def make():\n"
        "    def inner(n): return n and later(n - 1)\n"
        "    if False:\n"
        "        later = None\n"
        "    return inner\n"
        "f = make()\n"
    )
    assert set(reached(sample, text).table) == {"sample.main:make.<locals>.inner"}


def test_closures_with_other_values_differ_and_are_told_apart_by_name(sample):
    text = (
        "def make(n):\n    return lambda: n\n"
        "one, two = make(1), make(2)\n"
        "def f():\n    return one(), two()\n"
    )  # fmt: skip
    fingerprint = reached(sample, text)
    assert {"sample.main:make.<locals>.<lambda>", "sample.main:make.<locals>.<lambda>#2"} < set(fingerprint.table)
    assert "sample.main:f" in named_difference(sample, text, "return one(), two()", "return two(), one()")


def test_generated_functions_without_a_module_count_under_the_module_they_were_given(sample):
    text = "space = {'LIMIT': 3}\nexec('def f(): return LIMIT', space)\nf = space['f']\nf.__module__ = __name__\n"
    assert named_difference(sample, text, "'LIMIT': 3", "'LIMIT': 4") != ()


def test_a_function_of_the_main_module_is_called_by_the_name_that_others_import():
    def f():
        return SIZE  # noqa: F821

    spec = types.SimpleNamespace(name="p.q")
    renamed = types.FunctionType(f.__code__, {"__name__": "__main__", "__spec__": spec, "SIZE": 1}, "f")
    assert "p.q:SIZE" in make_fingerprinter().of(renamed).table
    assert importable_name("__mp_main__", None) == "__main__"
    assert importable_name("__main__", types.SimpleNamespace(name="mops.__main__")) == "__main__"
    assert importable_name("p.q", None) == "p.q"


# ------------------------------------------------------------------------------------------------ one process, many
PROBE = """\
import json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import importlib.util
import sample.main
sys.modules["__fixture__"] = importlib.util.module_from_spec(
    spec := importlib.util.spec_from_file_location("__fixture__", sys.argv[2]))
spec.loader.exec_module(sys.modules["__fixture__"])
fingerprint = sys.modules["__fixture__"].make_fingerprinter().of(sample.main.f)
print(json.dumps([fingerprint.digest.hex(), dict(fingerprint.table)]))
"""


def test_every_process_and_every_hash_seed_gives_the_same_fingerprint(rich, tmp_path):
    rich.edit("helpers", "class Base:", "import attrs\n@attrs.frozen\nclass Base:")
    rich.edit("main", "return [total", "assert x not in {'a', 'b', 'c', 'd'}\n    return [total")
    here = rich.fingerprint()
    for seed in ("0", "1", "2"):
        answer = subprocess.run(
            [sys.executable, "-c", PROBE, str(tmp_path), sample_code.__file__],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(answer.stdout) == [here.digest.hex(), dict(here.table)]


def test_running_the_function_often_does_not_change_its_fingerprint(rich):
    module = rich.module()
    before = make_fingerprinter().of(module.f)
    for _ in range(200):
        module.f(1)
    assert make_fingerprinter().of(module.f).digest == before.digest


def test_eight_threads_get_the_same_fingerprint(rich):
    module, fingerprinter, found = rich.module(), make_fingerprinter(), []
    barrier = threading.Barrier(8)

    def take() -> None:
        barrier.wait()
        found.append(fingerprinter.of(module.f).digest)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


# ------------------------------------------------------------------------------------------------ rebinding
@pytest.mark.parametrize(
    "rebind",
    [
        pytest.param(lambda m: setattr(m, "SIZE", 4), id="global"),
        pytest.param(lambda m: setattr(m, "SIZE", 3.0), id="equal-global"),
        pytest.param(lambda m: delattr(m, "SIZE"), id="deleted-global"),
        pytest.param(lambda m: setattr(m, "len", max), id="shadowed-builtin"),
        pytest.param(lambda m: setattr(m.helpers, "run", m.second), id="attribute-of-module"),
        pytest.param(lambda m: setattr(m.CONFIG, "rate", 0.75), id="attribute-of-instance"),
        pytest.param(lambda m: setattr(m.Model, "weights", (3,)), id="attribute-of-class"),
        pytest.param(lambda m: setattr(m.Model, "extra", 1), id="new-attribute-of-class"),
        pytest.param(lambda m: delattr(m.Model, "weights"), id="deleted-attribute-of-class"),
        pytest.param(lambda m: setattr(m.second, "__code__", m.other.__code__), id="code"),
        pytest.param(lambda m: setattr(m.f.__wrapped__, "__defaults__", (12,)), id="defaults"),
        pytest.param(lambda m: setattr(m.f.__wrapped__, "__kwdefaults__", {"mode": "odd"}), id="keyword-defaults"),
        pytest.param(lambda m: setattr(m.f.__closure__[1], "cell_contents", 99), id="cell"),
        pytest.param(lambda m: delattr(m.f.__closure__[1], "cell_contents"), id="emptied-cell"),
    ],
)
def test_a_rebinding_of_what_is_reached_is_noticed(rich, rebind):
    module = rich.module()
    fingerprint = make_fingerprinter().of(module.f)
    assert fingerprint.unchanged()
    rebind(module)
    assert not fingerprint.unchanged()


@pytest.mark.parametrize(
    "rebind",
    [
        pytest.param(lambda m: setattr(m, "UNUSED", 5), id="global"),
        pytest.param(lambda m: setattr(m, "new", 5), id="new-global"),
        pytest.param(lambda m: setattr(m.helpers, "unused", m.second), id="attribute-of-module"),
        pytest.param(lambda m: setattr(m.CONFIG, "unread", 2), id="attribute-of-instance"),
        pytest.param(lambda m: setattr(m, "SIZE", m.SIZE), id="the-same-object"),
    ],
)
def test_a_rebinding_of_anything_else_is_not(rich, rebind):
    module = rich.module()
    fingerprint = make_fingerprinter().of(module.f)
    rebind(module)
    assert fingerprint.unchanged()


def test_a_rebound_constant_gives_another_digest_and_back_again(rich):
    module = rich.module()
    fingerprinter = make_fingerprinter()
    before = fingerprinter.of(module.f)
    module.SIZE = 4
    assert differences(before.table, fingerprinter.of(module.f).table) == ("sample.main:SIZE",)
    module.SIZE = 3
    assert fingerprinter.of(module.f).digest == before.digest
