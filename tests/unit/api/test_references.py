"""Functions by reference, functions by value, and what the latter carry along."""

import functools
import json
import os
import subprocess
import sys
import textwrap
import types

import pytest

from mops.api.functions.references import captured, reference_of, resolve
from mops.core.errors import FunctionNotFoundError
from mops.core.invocation import FunctionReference

MODULE = """
import functools

def plain(x): return x

@functools.lru_cache
def cached(x): return x

class Model:
    def fit(self): return 1
    @staticmethod
    def check(): return 2

def make():
    def inner(): return 3
    return inner

inner = make()
anonymous = lambda: 4
shadowed = plain
def replaced(): return 5
original = replaced
def replaced(): return 6
"""


@pytest.fixture
def sample(tmp_path, monkeypatch):
    (tmp_path / "reference_sample").mkdir()
    (tmp_path / "reference_sample" / "__init__.py").write_text("")
    (tmp_path / "reference_sample" / "tools.py").write_text(MODULE)
    (tmp_path / "reference_sample" / "broken.py").write_text("raise RuntimeError('no device')\n")
    monkeypatch.syspath_prepend(tmp_path)
    import reference_sample.tools

    yield reference_sample.tools
    for name in [name for name in sys.modules if name.startswith("reference_sample")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("find", "qualname"),
    [
        (lambda module: module.plain, "plain"),
        (lambda module: module.cached, "cached"),
        (lambda module: module.cached.__wrapped__, "cached"),
        (lambda module: module.Model.fit, "Model.fit"),
        (lambda module: module.Model.check, "Model.check"),
    ],
)
def test_what_its_module_holds_travels_by_reference(sample, find, qualname):
    function = find(sample)
    assert reference_of(function) == (FunctionReference("reference_sample.tools", qualname), False)
    found = resolve(FunctionReference("reference_sample.tools", qualname))
    assert function in {found, getattr(found, "__wrapped__", None)}


@pytest.mark.parametrize("name", ["inner", "anonymous", "original"])
def test_what_its_module_does_not_hold_under_its_name_travels_by_value(sample, name):
    reference, by_value = reference_of(getattr(sample, name))
    assert by_value
    assert reference.module == "reference_sample.tools"


def test_functions_of_a_module_that_no_other_process_would_find_travel_by_value(tmp_path, sample, monkeypatch):
    made = types.ModuleType("made_up")
    exec("def f(): return 1", made.__dict__)
    assert reference_of(made.f)[1]
    monkeypatch.setitem(sys.modules, "made_up", made)
    assert reference_of(made.f)[1]
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
    sys.path_importer_cache.clear()
    assert reference_of(sample.plain)[1]


def test_functions_of_a_module_that_another_one_hides_travel_by_value(tmp_path, sample, monkeypatch):
    other = tmp_path / "other" / "reference_sample"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "other")
    assert reference_of(sample.plain)[1]


def test_functions_of_a_package_whose_parent_is_gone_travel_by_value(sample, monkeypatch):
    monkeypatch.setattr(sys.modules["reference_sample"], "__path__", None)
    assert reference_of(sample.plain)[1]


def test_a_circle_of_wrappers_is_no_endless_search(sample):
    def other():
        return 0

    other.__wrapped__ = other
    other.__module__, other.__qualname__ = "reference_sample.tools", "plain"
    sample.plain.__wrapped__ = sample.plain
    assert reference_of(other)[1]
    assert captured(other) == {}


def test_a_missing_module_is_named_with_the_path_that_was_searched(sample):
    with pytest.raises(
        FunctionNotFoundError, match=r"no module 'reference_sample\.absent' here; sys\.path is"
    ) as caught:
        resolve(FunctionReference("reference_sample.absent", "f"))
    assert caught.value.function == "reference_sample.absent:f"


def test_a_module_that_fails_while_it_is_imported_is_told_apart(sample):
    with pytest.raises(
        FunctionNotFoundError, match=r"importing reference_sample\.broken raised RuntimeError: no device"
    ):
        resolve(FunctionReference("reference_sample.broken", "f"))


def test_a_missing_attribute_is_named_with_the_file_that_was_searched(sample):
    with pytest.raises(FunctionNotFoundError, match=r"tools.py\) has no Model.absent"):
        resolve(FunctionReference("reference_sample.tools", "Model.absent"))
    with pytest.raises(FunctionNotFoundError, match="which has no file"):
        resolve(FunctionReference("sys", "absent"))


# ------------------------------------------------------------------------------------------------ other processes
SCRIPT = """
import functools, json
from mops.api.functions.references import captured, reference_of

LIMIT, UNUSED, TABLE = 3, 4, {"a": 1}

@functools.cache
def helper(x): return x + TABLE["a"]

def f(x): return helper(x) + LIMIT + len(x)

if __name__ == "__main__":
    reference, by_value = reference_of(f)
    print(json.dumps([str(reference), by_value, captured(f) if by_value else {}]))
"""
SPAWNING = """
import json, multiprocessing
from mops.api.functions.references import reference_of

def f(x): return x

def ask(_): return [str(reference_of(f)[0]), reference_of(f)[1]]

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(json.dumps([ask(0), pool.apply(ask, (0,))]))
"""


def run(folder, *arguments: str) -> object:
    environment = {"PYTHONPATH": os.pathsep.join(["src", *sys.path[1:]])}
    answer = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(answer.stdout)


@pytest.fixture
def folder(tmp_path):
    package = tmp_path / "src" / "p"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "q.py").write_text(SCRIPT)
    (package / "__main__.py").write_text(SCRIPT)
    (package / "spawning.py").write_text(SPAWNING)
    return tmp_path


def test_functions_of_a_script_travel_by_value_and_carry_the_globals_that_they_name(folder):
    carried = {"__main__:LIMIT": 3, "__main__:TABLE": {"a": 1}}
    assert run(folder, "src/p/q.py") == ["__main__:f", True, carried]


def test_functions_of_a_module_that_is_run_are_functions_of_that_module(folder):
    assert run(folder, "-m", "p.q") == ["p.q:f", False, {}]
    assert run(folder, "-m", "p") == ["p.__main__:f", False, {}]


def test_a_spawned_process_calls_the_functions_of_main_as_its_parent_does(folder):
    assert run(folder, "src/p/spawning.py") == [["__main__:f", True]] * 2
    assert run(folder, "-m", "p.spawning") == [["p.spawning:f", False]] * 2


# ------------------------------------------------------------------------------------------------ captured values
def test_a_closure_carries_its_values_by_variable_and_no_code(sample):
    def make(scale, tool, module, kind):
        return lambda x: (scale, tool, module, kind, x)

    function = make([2], sample.plain, json, dict)
    assert captured(function) == {
        "test_a_closure_carries_its_values_by_variable_and_no_code.<locals>.make.<locals>.<lambda>[scale]": [2]
    }


def test_closures_inside_a_closure_carry_theirs():
    def make(amount):
        def add(x):
            return x + amount

        return add

    one, two = make(1), make(2)
    partial = functools.partial(make(3), 5)

    def both(x):
        return one(x) + two(x) + partial()

    name, outer = make(0).__qualname__, both.__qualname__
    assert captured(both) == {
        f"{name}[amount]": 1,
        f"{name}[amount]#2": 2,
        f"{name}[amount]#3": 3,
        f"{outer}[partial].args": (5,),
    }


def test_a_wrapper_carries_what_its_function_carries():
    amount = 7

    @functools.lru_cache
    def cached(x):
        return x + amount

    def f(x):
        return cached(x)

    assert list(captured(f).values()) == [amount]


def test_a_recursive_closure_carries_its_values_once_and_an_empty_variable_is_no_value():
    limit = 3

    def f(x):
        return f(x - 1) if x > limit else later

    assert list(captured(f).values()) == [limit]
    later = 1
    assert len(captured(f)) == 2


def test_methods_of_a_class_that_is_captured_are_code():
    class Local:
        def method(self):
            return 1

    def f():
        return Local, Local.method, len

    assert captured(f) == {}


def test_a_bound_method_carries_its_instance():
    class Local:
        def method(self):
            return 1

    instance = Local()
    method = instance.method

    def f():
        return method()

    assert list(captured(f).values()) == [instance]


def test_a_bound_method_of_a_built_in_type_carries_its_value():
    look_up = {"a": 1}.get

    def f():
        return look_up("a")

    assert list(captured(f).values()) == [{"a": 1}]


def test_a_decorated_function_carries_what_its_decorator_holds():
    def scaled(factor):
        def decorate(function):
            @functools.wraps(function)
            def wrapper(x):
                return factor * function(x)

            return wrapper

        return decorate

    offset = 8

    @scaled(9)
    def f(x, also=lambda: offset):
        return x + offset

    assert list(captured(f).values()) == [9, 8, 8]


def test_a_callable_without_code_carries_nothing():
    assert captured(len) == {}


def test_names_from_textwrap_keep_the_builtins_of_a_main_function_out():
    scope = {"__name__": "__main__", "__spec__": None, "HELD": 1}
    exec(textwrap.dedent("def f():\n    return len(HELD)\n"), scope)
    assert captured(scope["f"]) == {"__main__:HELD": 1}
