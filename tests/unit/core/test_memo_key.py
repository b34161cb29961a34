"""Which calls are the same call, and what is said of their arguments."""

import functools
import random
import threading

import pytest

from mops.core.canonical import Hooks
from mops.core.canonical.descriptions import LONGEST, describe
from mops.core.canonical.leaves import Encoded
from mops.core.errors import DecorationError, UnkeyableArgumentError
from mops.core.invocation import FunctionReference, compile_binder
from mops.core.memo_key import ArgumentKeyer, MemoKey

REFERENCE = FunctionReference("module", "function")


class Call:
    """One function, ready to be digested."""

    def __init__(self, function, *, reference=REFERENCE, logic_key=None, ignore=()):
        self.binder = compile_binder(function)
        self.keyer = ArgumentKeyer(reference, logic_key, self.binder, Hooks(), ignore)

    def digest(self, *args, captured=None, **kwargs):
        digest, _ = self.keyer.digest(self.binder.bind(*args, **kwargs), captured)
        assert len(digest) == 32
        return digest

    def notes(self, *args, captured=None, **kwargs):
        return self.keyer.notes(self.binder.bind(*args, **kwargs), captured)


def function(a, b=2, *rest, c=3, **options):
    return a, b, rest, c, options


def one(x):
    return x


def two(x, y):
    return x, y


def test_positional_keyword_default_and_partial_are_one_call():
    call = Call(function)
    expected = call.digest(1)
    assert call.digest(a=1) == call.digest(1, 2) == call.digest(1, b=2, c=3) == expected
    partial = Call(functools.partial(function, 1, c=3))
    assert partial.digest() == partial.digest(b=2) == expected


def test_order_of_keyword_arguments_does_not_count():
    assert Call(function).digest(1, x=1, y=2) == Call(function).digest(1, y=2, x=1)


def test_every_argument_counts_by_type_and_place():
    call = Call(function)
    digests = [
        call.digest(1), call.digest(2), call.digest(1.0), call.digest(True), call.digest("1"), call.digest(b"1"),
        call.digest([1]), call.digest((1,)), call.digest(1, 3), call.digest(1, 2, 3), call.digest(1, c=4),
        call.digest(1, x=1), call.digest(1, 2, (3,)), call.digest(1, 2, 3, x=1),
    ]  # fmt: skip
    assert len(set(digests)) == len(digests)


def test_neighbouring_arguments_do_not_run_together():
    call = Call(two)
    pairs = [
        ("a", "b"),
        ("ab", ""),
        ("", "ab"),
        ("a", b"b"),
        (["a"], "b"),
        ("a", ["b"]),
        ("x" * 100, "a"),
        ("a", "x" * 100),
    ]
    assert len({call.digest(*pair) for pair in pairs}) == len(pairs)


def test_function_logic_key_and_names_of_parameters_count():
    def renamed(y):
        return y

    calls = [
        Call(one), Call(renamed), Call(one, logic_key=""), Call(one, logic_key="2"), Call(two, ignore=["y"]),
        Call(one, reference=FunctionReference("module", "other")),
        Call(one, reference=FunctionReference("other", "function")),
        Call(lambda *x: x), Call(lambda **x: x),
    ]  # fmt: skip
    digests = [call.digest(x=1) for call in calls[:1]] + [call.digest(1) for call in calls[1:4]]
    digests += [calls[4].digest(1, 2), calls[5].digest(1), calls[6].digest(1), calls[7].digest(1), calls[8].digest(x=1)]
    assert len(set(digests)) == len(digests) - 1  # one(x) and two(x, y) without y are the same but for the code
    assert digests[0] == digests[4]


def test_ignored_arguments_do_not_count():
    call = Call(two, ignore=["y"])
    assert call.digest(1, 2) == call.digest(1, threading.Lock())
    assert call.digest(1, 2) != call.digest(2, 2)
    options = Call(function, ignore=["rest", "verbose"])
    assert options.digest(1, 2, 3, verbose=True, x=1) == options.digest(1, 2, x=1)
    assert options.digest(1, x=1) != options.digest(1, x=2)
    assert Call(function, ignore=["options"]).digest(1, x=1) == Call(function, ignore=["options"]).digest(1)


def test_ignoring_what_the_function_does_not_take_is_an_error():
    with pytest.raises(DecorationError, match="module:function does not take: y, z"):
        Call(one, ignore=["x", "z", "y"])
    with pytest.raises(DecorationError, match="verbose"):
        Call(function, ignore=["options", "verbose"])


def test_captured_values_count():
    call = Call(one)
    digests = [
        call.digest(1),
        call.digest(1, captured={}),
        call.digest(1, captured={"n": 1}),
        call.digest(1, captured={"n": 2}),
    ]
    assert len(set(digests)) == 4
    assert call.digest([1], captured={"a": 1, "b": 2}) == call.digest([1], captured={"b": 2, "a": 1})


def test_captured_values_that_are_encoded_already_count_by_their_encoding():
    def captured(last, source):
        return {f"name {n}": Encoded(b"u%d" % n, source) for n in range(9)} | {"last": Encoded(last, source)}

    call = Call(one)
    assert call.digest(1, captured=captured(b"u1", [1])) == call.digest(1, captured=captured(b"u1", threading.Lock()))
    assert call.digest(1, captured=captured(b"u1", [1])) != call.digest(1, captured=captured(b"u2", [1]))
    assert call.notes(1, captured={"rows": Encoded(b"u1", [1])})[1].description == "list of 1"


def test_what_to_do_about_a_captured_value_is_not_what_to_do_about_an_argument():
    for captured, advice in ((threading.Lock(), "make it inside of the function"), (iter([1]), "pass a list")):
        with pytest.raises(UnkeyableArgumentError) as caught:
            Call(one).digest(1, captured={"value": captured})
        assert caught.value.advice.startswith(advice)


def test_a_sentinel_counts_as_the_default_that_it_is():
    missing, other = object(), object()

    def optional(x=missing):
        return x

    call = Call(optional)
    assert call.digest() == call.digest(missing) == call.digest(x=missing)
    assert call.digest() != call.digest(None)
    with pytest.raises(UnkeyableArgumentError, match="x: object"):
        call.digest(other)


def test_an_unkeyable_argument_is_named_with_its_path():
    class Config:
        pass

    for call, path in (
        (lambda lock: Call(function).digest(lock), "a"),
        (lambda lock: Call(function).digest(1, 2, [lock]), "rest[0][0]"),
        (lambda lock: Call(function).digest(1, x={"k": lock}), "options['x']['k']"),
        (lambda lock: Call(one).digest(1, captured={"lock": lock}), "captured['lock']"),
    ):
        with pytest.raises(UnkeyableArgumentError) as caught:
            call(threading.Lock())
        assert caught.value.path == path


def test_notes_name_digest_and_describe_each_argument():
    call = Call(function, ignore=["c"])
    notes = call.notes(1, [1, 2], 3, x="text")
    assert [note.name for note in notes] == ["a", "b", "*rest", "**options"]
    assert [note.description for note in notes] == ["1", "list of 2", "tuple of 1", "dict of 1"]
    assert all(len(bytes.fromhex(note.digest)) == 8 for note in notes)
    again = call.notes(2, [1, 2], 3, x="text", c=9)
    assert [note.digest == other.digest for note, other in zip(notes, again, strict=True)] == [False, True, True, True]


def test_notes_tell_captured_values():
    notes = Call(one).notes(1, captured={"n": 5, "rows": [1]})
    assert [(note.name, note.description) for note in notes] == [
        ("x", "1"),
        ("captured n", "5"),
        ("captured rows", "list of 1"),
    ]


def test_a_memo_key_is_a_value():
    digest = Call(one).digest(1)
    assert MemoKey("main", REFERENCE, None, None, digest) == MemoKey("main", REFERENCE, None, None, digest)
    assert MemoKey("main", REFERENCE, None, None, digest) != MemoKey("main", REFERENCE, "1", None, digest)


def test_threads_share_a_keyer():
    call, digests = Call(one), []
    values = [{"k": list(range(index))} for index in range(50)]
    threads = [
        threading.Thread(target=lambda: digests.append([call.digest(value) for value in values])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [digests[0]] * 4


# ------------------------------------------------------------------------------------------------ descriptions
class Hostile:
    def __repr__(self):
        raise AssertionError

    def __getattribute__(self, name):
        raise AssertionError

    __len__ = __str__ = __format__ = __repr__


class HostileMeta(type):
    def __getattribute__(cls, name):
        raise AssertionError


class HostileClass(metaclass=HostileMeta):
    pass


def test_descriptions_are_short_and_run_no_code_of_the_value():
    values = [
        1, 2**199, -(10**5000), 1.5, None, "it's", b"ab", "x" * 1000, "\n" * 60, {"a": 1}, bytearray(2000), len, one,
        int, Hostile(), HostileClass, HostileClass(), random.Random(1),
    ]  # fmt: skip
    descriptions = list(map(describe, values))
    assert descriptions == [
        "1", str(2**199), "int of 16,610 bits", "1.5", "None", '"it\'s"', "b'ab'", f"'{'x' * 68}... (1,000)",
        "'" + "\\n" * 35 + "\\... (60)", "dict of 1", "bytearray of 2,000", "function len", "function one", "class int",
        "Hostile", "class HostileClass", "HostileClass", "Random",
    ]  # fmt: skip
    assert max(map(len, descriptions)) <= LONGEST


def test_a_long_name_is_described_by_its_end():
    cls = type("X" * 200 + "End", (), {})
    assert len(describe(cls())) == LONGEST
    assert describe(cls()).endswith("XEnd")


def test_a_path_is_described_by_its_final_name(tmp_path):
    assert describe(tmp_path / "sales_036.csv") == f"{type(tmp_path).__name__} 'sales_036.csv'"


@pytest.mark.parametrize(("function", "args"), [(one, (1,)), (one, ([1, "two"],)), (function, (1, [2], 3))])
def test_notes_from_the_encodings_of_the_digest_are_the_same(function, args):
    call = Call(function)
    bound = call.binder.bind(*args)
    _, encodings = call.keyer.digest(bound)
    assert call.keyer.notes(bound, None, encodings) == call.keyer.notes(bound)
