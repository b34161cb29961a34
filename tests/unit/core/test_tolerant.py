"""Encodings of constants, in which parts without a meaning as a value are holes."""

import sys
import threading
from types import MappingProxyType

import pytest

from mops.core.canonical import Encoder, Hooks
from mops.core.canonical.tolerant import encode_tolerantly


class Own:
    """A class of the author's."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Foreign:
    """A class of somebody else's."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Refusing(Own):
    def __reduce_ex__(self, protocol):
        raise RuntimeError("not bound")


HOOKS = Hooks(reference_class=lambda cls: cls.__qualname__, reference_function=lambda function: function.__qualname__)


def encode(value):
    return encode_tolerantly(value, HOOKS, lambda cls: cls in (Own, Refusing))


def test_a_value_without_holes_is_encoded_as_an_argument_is():
    value = {"a": [1, 2, 3], "b": Own(x=1), "c": Foreign(x=1)}
    assert encode(value) == (Encoder(HOOKS).encode(value, ""), ())


LOCK = threading.Lock


@pytest.mark.parametrize(
    ("make", "holes"),
    [
        (lambda n: {"n": n, "lock": LOCK()}, ("['lock']",)),
        (lambda n: Own(n=n, lock=LOCK()), (".lock",)),
        (lambda n: [Own(inner=Own(lock=LOCK()), n=n)] * 2, ("[0].inner.lock",)),
        (lambda n: (n, {"module": sys, "rows": iter([1])}), ("[1]['module']", "[1]['rows']")),
        (lambda n: {"table": MappingProxyType({"n": n, "lock": LOCK()})}, ("['table'].lock",)),
        (lambda n: [LOCK()] * 10 + [n], ("[0]",)),
        (lambda n: {"foreign": Foreign(n=n), "lock": LOCK()}, ("['lock']",)),
        (lambda n: [Refusing(), n], ("[0]",)),
        (lambda n: {"call": lambda: None, "lock": LOCK(), "bound": Own(n=n).__init__}, ("['lock']",)),
    ],
)
def test_one_hole_hides_nothing_else(make, holes):
    assert encode(make(1))[1] == holes
    assert encode(make(1))[0] == encode(make(1))[0] != encode(make(2))[0]


def test_a_hole_counts_by_its_type_or_by_the_name_of_the_module():
    found = {encode([part])[0] for part in (LOCK(), threading.RLock(), sys, threading, object())}
    assert len(found) == 5
    assert encode([LOCK()]) == encode([LOCK()])
    assert encode(LOCK())[1] == ("",)


def test_a_read_only_dict_counts_by_its_entries_and_is_no_plain_one():
    one, two = MappingProxyType({"a": 1}), MappingProxyType({"a": 2})
    assert encode(one)[1] == ()
    assert len({encode(each)[0] for each in (one, two, {"a": 1})}) == 3


def test_an_object_of_somebody_elses_counts_as_a_whole_or_by_its_type():
    assert encode([LOCK(), Foreign(n=1)])[0] != encode([LOCK(), Foreign(n=2)])[0]
    assert encode(Foreign(n=1, lock=LOCK())) == encode(Foreign(n=2, lock=LOCK()))


def test_what_refers_back_to_itself_is_a_hole():
    value = Own(n=1)
    value.me = [value]
    other = Own(n=2)
    other.me = [other]
    assert encode(value)[1] == (".me[0]",)
    assert encode(value)[0] != encode(other)[0]
