"""How the rule of a class is found."""

import gc
import subprocess
import sys
import threading
import weakref

import pytest

import mops
from mops.api.functions.key_registry import FAMILIES, KeyRegistry, key_for, registry
from mops.core.canonical import Encoder, by_reference
from mops.core.errors import ConfigurationError


class Connection:
    def __init__(self, host):
        self.host = host
        self.lock = threading.Lock()


class Pooled(Connection):
    pass


class Stated:
    def __init__(self, x):
        self.x = x
        self.lock = threading.Lock()

    def __mops_key__(self):
        return self.x


class StatedBelow(Stated):
    pass


def encode(rules, value):
    return Encoder(rules.hooks()).encode(value, "value")


def test_a_registered_class_is_keyed_by_what_its_author_says():
    rules = KeyRegistry()
    rules.register(Connection, lambda value: value.host)
    assert encode(rules, Connection("a")) == encode(rules, Connection("a"))
    assert encode(rules, Connection("a")) != encode(rules, Connection("b"))


def test_a_subclass_is_keyed_by_the_rule_of_its_base_and_by_its_own_class():
    rules = KeyRegistry()
    rules.register(Connection, lambda value: value.host)
    assert encode(rules, Pooled("a")) == encode(rules, Pooled("a"))
    assert encode(rules, Pooled("a")) != encode(rules, Connection("a"))


def test_the_nearest_and_latest_registration_holds():
    rules = KeyRegistry()
    rules.register(Connection, lambda value: value.host)
    one = encode(rules, Pooled("a"))
    rules.register(Pooled, lambda value: 0)
    assert encode(rules, Pooled("a")) == encode(rules, Pooled("b")) != one
    rules.register(Pooled, lambda value: 1)
    assert encode(rules, Pooled("a")) != one


def test_a_method_of_the_class_says_what_it_is_keyed_by():
    rules = KeyRegistry()
    assert encode(rules, Stated(1)) == encode(rules, Stated(1))
    assert len({encode(rules, value) for value in (Stated(1), Stated(2), StatedBelow(1))}) == 3
    rules.register(StatedBelow, lambda value: 0)
    assert encode(rules, StatedBelow(1)) == encode(rules, StatedBelow(2))


def test_the_users_word_precedes_what_mops_knows_of_a_library():
    import pathlib

    class Folder(pathlib.PurePosixPath):
        __slots__ = ()

        def __mops_key__(self):
            return "folder"

    rules = KeyRegistry()
    assert rules.rule_for(Folder).by_author
    assert not rules.rule_for(pathlib.PurePosixPath).by_author


def test_built_ins_cannot_be_registered():
    for cls in (int, str, list, dict, type(None), object, type):
        with pytest.raises(ConfigurationError, match="is fixed"):
            KeyRegistry().register(cls, repr)


def test_the_decorator_registers_for_the_process_and_leaves_the_function_as_it_is():
    class Local:
        pass

    @key_for(Local)
    def key(value):
        return 1

    assert key(None) == 1
    assert registry.rule_for(Local) == (key, True)
    assert mops.key_for is key_for


def test_a_class_is_not_kept_alive():
    rules = KeyRegistry()
    local = type("Local", (), {})
    rules.register(local, repr)
    assert rules.rule_for(local) is not None
    gone = weakref.ref(local)
    del local
    gc.collect()
    assert gone() is None


def test_an_unknown_class_has_no_rule():
    class Unknown:
        pass

    assert registry.rule_for(Unknown) is None
    assert KeyRegistry({}).rule_for(type(sys.implementation)) is None


def test_every_family_can_be_loaded_and_leaves_foreign_classes_alone():
    for module in set(FAMILIES.values()) - {FAMILIES["pathlib"]}:
        __import__(module)
        assert sys.modules[module].structure_for(Connection) is None


def test_hooks_take_the_references_of_the_caller():
    hooks = registry.hooks(lambda cls: "C", lambda function: "F")
    assert (hooks.reference_class(int), hooks.reference_function(len)) == ("C", "F")
    assert registry.hooks().reference_class is by_reference


def test_libraries_are_not_loaded_for_keys_that_need_none_of_them():
    script = """
import sys
before = set(sys.modules)  # a coverage run loads some of them
from mops.api.functions.key_registry import registry
from mops.core.canonical import Encoder
import pathlib, enum
class Color(enum.Enum): RED = 1
class Plain: pass
Encoder(registry.hooks()).encode([1, Color.RED, Plain(), pathlib.PurePath("a")], "v")
libraries = {"numpy", "pandas", "polars", "pyarrow", "pydantic", "decimal", "zoneinfo", "uuid", "dataclasses"}
print(sorted(libraries & (set(sys.modules) - before)))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
