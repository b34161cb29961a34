"""The canonical encoding: what is equal, what is not, and what is refused."""

import abc
import collections
import copyreg
import datetime as dt
import enum
import functools
import io
import math
import operator
import queue
import random
import re
import socket
import struct
import sys
import threading
import types
import weakref
from dataclasses import InitVar, dataclass, field
from typing import Generic, NamedTuple, TypeVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mops.core.canonical import Encoder, Hooks, Rule, by_reference
from mops.core.canonical import encoder as canonical
from mops.core.canonical.leaves import LIMIT, content_digest
from mops.core.errors import UnkeyableArgumentError

T = TypeVar("T")


def key(value, **hooks):
    encoding = Encoder(Hooks(**hooks)).encode(value, "value")
    assert 0 < len(encoding) <= LIMIT
    return encoding


def refusal(value, **hooks):
    with pytest.raises(UnkeyableArgumentError) as caught:
        key(value, **hooks)
    return caught.value


# ------------------------------------------------------------------------------------------------ scalars
def test_scalars_of_different_types_have_different_keys():
    values = [1, 1.0, True, "1", b"1", bytearray(b"1"), 1 + 0j, None, False, 0, "", b"", ..., NotImplemented, "None"]
    assert len({key(value) for value in values}) == len(values)


@pytest.mark.parametrize("power", [0, 7, 8, 31, 62, 63, 64, 65, 511, 512, 5000])
def test_integers_of_any_width_are_apart(power):
    values = {sign * 2**power + off for sign in (-1, 1) for off in (-1, 0, 1)}
    assert len({key(value) for value in values}) == len(values)


def test_floats_count_bit_by_bit():
    other_nan = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0001))[0]
    assert key(0.0) != key(-0.0)
    assert key(math.nan) == key(float("nan"))
    assert key(math.nan) != key(other_nan)
    assert key([math.nan] * 8) != key([other_nan] * 8)
    assert key(complex(0.0, -0.0)) != key(complex(0.0, 0.0))


def test_equal_strings_have_one_key_whether_one_object_or_two():
    text = "something"
    assert key([text, text]) == key([text, "".join(list(text))])


def test_lone_surrogates_are_keyed_and_apart_from_the_pair_they_would_make():
    assert key("\ud800") != key("\udc00")
    assert key("\ud800\udc00") != key("\U00010000")
    assert key(["\ud800", "\udc00"] * 4) != key(["\ud800\udc00", ""] * 4)


@pytest.mark.parametrize("size", [62, 63, 64, 65, (1 << 16) - 1, 1 << 16, 1 << 20, 9 << 20])
def test_bytes_of_any_size_are_keyed_by_content(size):
    content = random.Random(size).randbytes(size)
    assert key(content) == key(bytes(bytearray(content)))
    assert key(content) != key(content[:-1] + bytes([content[-1] ^ 1]))
    assert key(content) != key(bytearray(content))


def test_a_digest_in_a_value_is_not_taken_for_a_folded_encoding():
    content = b"x" * 100
    assert key(content) != key(b"#" + key(content)[1:])


def test_content_digest_joins_its_parts():
    assert content_digest(b"ab", b"c") == content_digest(b"abc")


# ------------------------------------------------------------------------------------------------ containers
def test_lists_and_tuples_are_apart_and_keep_their_order():
    for size in (0, 1, 7, 8, 9):
        values = list(range(size))
        assert key(values) != key(tuple(values))
    assert key([1, 2]) != key([2, 1])
    assert key([[], [1]]) != key([[1], []])


def test_the_order_of_a_dict_does_not_count():
    for size in (2, 7, 8, 20):
        entries = [(f"k{index}", index) for index in range(size)]
        assert key(dict(entries)) == key(dict(reversed(entries)))
        mixed = [((index, "k"), [index]) for index in range(size)]
        assert key(dict(mixed)) == key(dict(reversed(mixed)))


def test_keys_of_a_dict_count_by_type():
    assert key({1: 0}) != key({True: 0})
    assert key({1: 0, **dict.fromkeys(range(2, 12))}) != key({True: 0, **dict.fromkeys(range(2, 12))})
    assert key({"a": 1}) != key({"a": 1.0})
    assert key({}) != key({None: None})


def test_the_order_of_a_set_does_not_count():
    for members in (
        ["a", "b"],
        [f"m{index}" for index in range(50)],
        list(range(50)),
        [b"%d" % index for index in range(9)],
    ):
        backwards = members[::-1]
        assert key(set(members)) == key(set(backwards))
        assert key(set(members)) != key(frozenset(members))
        assert key(frozenset(members)) == key(frozenset(backwards))
        assert key(set(members)) != key({*members, "more"})
    assert key({1.5, "a", (1, 2)}) == key({(1, 2), "a", 1.5})
    assert key({index / 2 for index in range(20)}) == key({index / 2 for index in reversed(range(20))})


def test_equals_and_hash_of_a_value_are_never_called():
    hashed = []

    @attrs.define(eq=False)
    class Stubborn:
        x: int

        def __eq__(self, other):
            raise AssertionError

        def __hash__(self):
            hashed.append(self)
            return self.x

    values = [Stubborn(index) for index in range(20)]
    container = {"list": values, "dict": dict.fromkeys(values), "set": set(values), "frozenset": frozenset(values)}
    hashed.clear()
    assert key(container, reference_class=lambda cls: cls.__qualname__)
    assert hashed == []


def test_members_that_look_alike_count_each():
    @attrs.define(eq=False)
    class Twin:
        x: int

    hooks = {"reference_class": lambda cls: cls.__qualname__}
    assert key({Twin(1), Twin(1)}, **hooks) != key({Twin(1)}, **hooks)
    one, two = {Twin(1): "a", Twin(1): "b"}, {Twin(1): "b", Twin(1): "a"}
    assert key(one, **hooks) == key(two, **hooks)


def test_sharing_does_not_count():
    part = ["x", {"y": 1}]
    for size in (2, 8, 9):
        assert key([part] * size) == key([["x", {"y": 1}] for _ in range(size)])
        assert key([part[1]] * size) == key([{"y": 1} for _ in range(size)])


def test_nested_sharing_stays_linear():
    for grow in (
        lambda node: [node, node],
        lambda node: [node] * 20,
        lambda node: {"a": node, "b": node},
        lambda node: [{"a": node, "b": node}] * 9,
        lambda node: {str(index): node for index in range(9)},
        lambda node: ([node] * 8, node),
    ):
        node = ["leaf"]
        for _ in range(60):
            node = grow(node)
        assert key(node) == key(node)


def test_one_encoder_encodes_several_values_that_share():
    shared, encoder = ["x"] * 3, Encoder(Hooks())
    assert encoder.encode(shared, "a") == encoder.encode(shared, "b") == key(["x"] * 3)
    assert encoder.encode([shared], "c") == key([["x"] * 3])


# ------------------------------------------------------------------------------------------------ depth and cycles
def nested(levels, wrap):
    value = 1
    for _ in range(levels):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    "wrap", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}, lambda v: [v] * 8, lambda v: {1: [v]}]
)
def test_ten_thousand_levels_are_keyed(wrap):
    deep = nested(10_000, wrap)
    assert key(deep) == key(nested(10_000, wrap))
    assert key(deep) != key(nested(10_001, wrap))


def test_deep_values_are_keyed_close_to_the_recursion_limit():
    deep = nested(10_000, lambda v: [v])
    expected = key(deep)

    def dive(levels):
        return key(deep) if not levels else dive(levels - 1)

    frame, used = sys._getframe(), 0
    while frame is not None:
        frame, used = frame.f_back, used + 1
    assert dive(sys.getrecursionlimit() - used - 40) == expected


class Unending:
    def __reduce__(self):
        return Unending, (Unending(),)


def test_an_object_that_unfolds_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(canonical, "MAX_DEPTH", 1000)
    assert "nested more than 1,000 levels deep" in str(refusal(Unending()))


def test_cycles_are_refused_by_their_path():
    loop = [0, {"k": []}]
    loop[1]["k"].append(loop)
    error = refusal({"loop": loop})
    assert error.path == "value['loop'][1]['k'][0]"
    assert "contains it" in str(error)


def test_cycles_through_columns_are_refused():
    row = {}
    row["self"] = row
    assert refusal([row] * 8).path == "value[0]['self']"
    rows = []
    rows += [{"all": rows} for _ in range(8)]
    assert refusal(rows).path == "value[0]['all']"
    plain = Plain(1)
    plain.x = [plain] * 8
    assert refusal(plain).path == "value.x[0]"


# ------------------------------------------------------------------------------------------------ columns
def test_rows_of_equal_keys_in_any_order_have_one_key():
    rows = [{"a": index, "b": str(index)} for index in range(20)]
    assert key(rows) == key([dict(reversed(row.items())) for row in rows])
    assert key(rows) != key(rows[:-1])
    assert key(rows) != key(list(reversed(rows)))


def test_ragged_rows_are_told_apart():
    def rows(*places):
        return [({"a": 1} if index in places else {"b": 1}) for index in range(10)]

    assert len({key(rows(place)) for place in range(10)}) == 10
    longer = [{"a": 1, "b": 2} if index % 2 else {"a": 1} for index in range(10)]
    assert key(longer) == key([dict(reversed(row.items())) for row in longer])
    assert key([{"a": 1}] * 8 + [{}]) != key([{"a": 1}] * 7 + [{}, {"a": 1}])


def test_a_str_subclass_among_keys_or_elements_is_not_conflated():
    class Text(str):
        __slots__ = ()

    hooks = {"reference_class": lambda cls: cls.__qualname__}
    plain, odd = [{"a": 1} for _ in range(9)], [{"a": 1} for _ in range(8)] + [{Text("a"): 1}]
    assert key(plain, **hooks) != key(odd, **hooks)
    assert key(["a"] * 9, **hooks) != key(["a"] * 8 + [Text("a")], **hooks)
    assert key({**dict.fromkeys("bcdefghi"), "a": 1}, **hooks) != key(
        {**dict.fromkeys("bcdefghi"), Text("a"): 1}, **hooks
    )


def test_elements_of_several_types_are_told_apart():
    values = [1, 1.0, True, "1", b"1", None, (1,), [1], {"a": 1}, {1}, (), [], {}]
    keys = set()
    for start in range(len(values)):
        keys.add(key([values[start]] * 8))
        keys.add(key(tuple([values[start]] * 8)))
        keys.add(key(values[start:] + values[:start]))
    assert len(keys) == 3 * len(values)


def test_short_lists_within_a_list_are_told_apart():
    flat = list(range(16))
    shapes = [[flat[:8], flat[8:]], [flat[:1], flat[1:]], [flat, []], [[], flat]]
    assert len({key([*shape, [], [], [], [], [], []]) for shape in shapes}) == 4
    assert key([[1]] * 8) != key([(1,)] * 8)
    assert key([[1]] * 8) != key([[True]] * 8)
    assert key([[[1]]] * 8) != key([[1]] * 8)
    assert key([list(range(20)) for _ in range(9)]) == key([list(range(20))] * 9)


def test_integers_beyond_64_bits_within_a_column_are_told_apart():
    assert key([2**64] * 8) != key([2**65] * 8)
    assert key([2**64, *range(8)]) != key([2**64 + 1, *range(8)])
    assert key([0] * 8) != key([False] * 8)


def test_columns_deeper_than_three_are_keyed_by_row():
    def rows(leaf, depth):
        value = leaf
        for _ in range(depth):
            value = {"k": value, "l": [value]}
        return [dict(value) for _ in range(9)]

    for depth in (1, 2, 3, 4, 5, 6):
        assert key(rows(1, depth)) == key(rows(1, depth))
        assert key(rows(1, depth)) != key(rows(2, depth))
        assert key(rows([1, "a", 1, "a", 1, "a", 1, "a", 1], depth)) != key(rows([1, "a"] * 4 + ["a"], depth))
        assert key(rows([[1], [[1]], []] * 3, depth)) != key(rows([[1], [[2]], []] * 3, depth))
        assert key(rows([[[1]]] * 8, depth)) != key(rows([[[2]]] * 8, depth))


def test_wide_rows_are_keyed_row_by_row():
    rows = [{f"k{index}": index for index in range(100)} for _ in range(9)]
    assert key(rows) == key([dict(rows[0])] * 9)
    rows[8]["k0"] = 1
    assert key(rows) != key([rows[0]] * 9)


def test_rows_without_common_kind_of_keys_are_keyed():
    for odd in ({1: "a"}, {(1,): "a"}, {b"b": "a"}, {}):
        rows = [{"a": 1} for _ in range(8)] + [odd]
        assert key(rows) == key([dict(row) for row in rows])
        assert key(rows) != key([*rows[:-1], {"a": 2}])
    assert key([{1: "a"}] * 8) != key([{"1": "a"}] * 8)
    assert key([{}] * 8) != key([{}] * 9)
    assert key([{b"b": 1}] * 8) != key([{b"b": 2}] * 8)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
)
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.lists(inner, max_size=12).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=10)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=10)
    ),
    max_leaves=20,
)


def spelled(value):
    """The observable state of built-in data as text, by the slow and obvious way."""
    kind = type(value).__name__
    if isinstance(value, float):
        return f"float {struct.pack('<d', value).hex()}"
    if isinstance(value, list | tuple):
        return f"{kind}[{', '.join(map(spelled, value))}]"
    if isinstance(value, dict):
        return f"dict{{{', '.join(sorted(f'{spelled(k)}: {spelled(v)}' for k, v in value.items()))}}}"
    if isinstance(value, set | frozenset):
        return f"{kind}{{{', '.join(sorted(map(spelled, value)))}}}"
    return f"{kind} {value!r}"


def shuffled(value, seed):
    """An equal value: other objects, other insertion orders."""
    if isinstance(value, list | tuple):
        return type(value)(shuffled(item, seed) for item in value)
    if isinstance(value, dict):
        items = [(k, shuffled(v, seed)) for k, v in value.items()]
        random.Random(seed).shuffle(items)
        return dict(items)
    if isinstance(value, set | frozenset):
        members = list(value)
        random.Random(seed).shuffle(members)
        return type(value)(members)
    return value


@given(values, values)
def test_keys_are_equal_exactly_if_the_observable_states_are(one, other):
    assert (key(one) == key(other)) == (spelled(one) == spelled(other))
    assert (key([one] * 9) == key([other] * 9)) == (spelled(one) == spelled(other))


@given(st.lists(values, min_size=8, max_size=10), st.integers())
@settings(max_examples=50)
def test_other_insertion_orders_and_other_objects_make_no_other_key(value, seed):
    assert key(value) == key(shuffled(value, seed))
    assert key([value] * 8) == key([shuffled(value, seed + index) for index in range(8)])


@given(st.lists(values, min_size=2, max_size=8, unique_by=spelled))
def test_different_values_never_share_a_key(candidates):
    assert len({key(candidate) for candidate in candidates}) == len(candidates)


# ------------------------------------------------------------------------------------------------ instances
class Plain:
    def __init__(self, x):
        self.x = x


class Other(Plain):
    pass


@dataclass
class Data:
    x: int
    y: object = field(default=2, compare=False)


@dataclass(frozen=True, slots=True)
class SlottedData:
    x: int
    y: object = 2


@attrs.define
class Attrs:
    x: int
    y: object = attrs.field(default=2, eq=False)


@attrs.frozen(slots=False, cache_hash=True)
class DictAttrs:
    x: int
    y: object = 2


class Slotted:
    __slots__ = ("__private", "x", "y")

    def __init__(self, x, private=0):
        self.x = x
        self.__private = private


class Point(NamedTuple):
    x: object
    y: object


CLASSES = [Data, SlottedData, Attrs, DictAttrs, Point]


@pytest.mark.parametrize("size", [1, 8])
def test_instances_with_the_same_fields_have_one_key_and_those_of_another_class_another(size):
    keys = [key([cls(1, "a") for _ in range(size)]) for cls in CLASSES]
    assert keys == [key([cls(1, "a") for _ in range(size)]) for cls in CLASSES]
    assert len({*keys, key([(1, "a")] * size), key([{"x": 1, "y": "a"}] * size)}) == len(CLASSES) + 2
    assert key([Plain(1)] * size) != key([Other(1)] * size)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_counts_those_left_out_of_comparison_included(cls):
    assert key(cls(1, 2)) != key(cls(1, 3))
    assert key([cls(1, 2)] * 8) != key([cls(1, 2)] * 7 + [cls(1, 3)])


def test_slots_count_with_private_ones_and_unset_ones():
    assert key(Slotted(1)) == key(Slotted(1))
    assert key(Slotted(1)) != key(Slotted(1, private=1))
    complete = Slotted(1)
    complete.y = None
    assert key(complete) != key(Slotted(1))
    assert key([complete] * 8) != key([complete] * 7 + [Slotted(1)])
    assert key([Slotted(1)] * 8) != key([Slotted(1)] * 7 + [Slotted(2)])


def test_a_hash_that_attrs_remembers_does_not_count():
    fresh, used = DictAttrs(1), DictAttrs(1)
    hash(used)
    assert key(fresh) == key(used)
    assert key([fresh] * 8) == key([used] * 8)


class Cached(Plain):
    @functools.cached_property
    def double(self):
        return 2 * self.x


@attrs.define
class CachedAttrs:
    x: int

    @functools.cached_property
    def double(self):
        return 2 * self.x


@pytest.mark.parametrize("cls", [Cached, CachedAttrs])
def test_a_cached_property_counts_once_it_has_a_value(cls):
    used, set_by_hand = cls(1), cls(1)
    assert used.double == 2
    set_by_hand.double = 99
    assert len({key(cls(1)), key(used), key(set_by_hand), key(cls(2))}) == 4
    assert len({key([cls(1)] * 8), key([used] * 8), key([set_by_hand] * 8)}) == 3
    again = cls(1)
    assert again.double == 2
    assert key(again) == key(used)
    assert (
        key(used, cached_properties=False)
        == key(cls(1), cached_properties=False)
        != key(cls(2), cached_properties=False)
    )
    assert key([used] * 8, cached_properties=False) == key([cls(1)] * 8, cached_properties=False)


@dataclass
class Seeded:
    x: int
    seed: InitVar[int] = 0
    fixed: int = field(default=3, init=False)

    def __post_init__(self, seed):
        self.state = seed * 2


def test_state_beside_the_fields_counts():
    assert key(Seeded(1, seed=1)) != key(Seeded(1, seed=2))
    assert key([Seeded(1, seed=1)] * 8) != key([Seeded(1, seed=2)] * 8)


def test_a_field_that_only_the_class_holds_counts_as_if_it_were_set():
    by_class, by_instance = Seeded(1), Seeded(1)
    by_instance.fixed = 3
    assert key(by_class) == key(by_instance)
    assert key([by_class] * 8) == key([by_instance] * 8)


class Int(int):
    pass


class Float(float):
    pass


class Complex(complex):
    pass


class Text(str):
    __slots__ = ()


class Bytes(bytes):
    pass


class ByteArray(bytearray):
    pass


class List(list):
    pass


class Tuple(tuple):
    __slots__ = ()


class Marked(tuple):  # noqa: SLOT001 (its instances have state)
    pass


class Dict(dict):
    pass


class Set(set):
    pass


class FrozenSet(frozenset):
    pass


BUILT_IN = [
    (Int, 1, 2), (Float, 1.0, 2.0), (Complex, 1j, 2j), (Text, "a", "b"), (Bytes, b"a", b"b"),
    (ByteArray, b"a", b"b"), (List, [1], [2]), (Tuple, (1,), (2,)), (Dict, {1: 2}, {1: 3}), (Set, {1}, {2}),
    (FrozenSet, {1}, {2}),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "one", "other"), BUILT_IN)
def test_subclasses_of_built_ins_count_by_class_content_and_state(cls, one, other):
    assert key(cls(one)) == key(cls(one))
    assert len({key(cls(one)), key(cls(other)), key(cls.__mro__[1](one))}) == 3
    if "__slots__" not in vars(cls):
        marked = cls(one)
        marked.mark = 1
        assert key(marked) != key(cls(one))


@pytest.mark.parametrize("size", [1, 20])
@pytest.mark.parametrize("mark", [True, False])
def test_tuple_subclasses_within_a_list_are_told_apart(size, mark):
    def rows(last):
        found = [Marked([0] * size) for _ in range(9)]
        if mark:
            found[-1].mark = last
        else:
            found[-1] = Marked([*range(size - 1), last])
        return found if mark else list(map(Tuple, found))

    assert key(rows(1)) == key(rows(1))
    assert len({key(rows(1)), key(rows(2)), key(list(map(tuple, rows(1))))}) == 3


def test_a_dict_subclass_ignores_order_and_a_counter_counts_zeros():
    assert key(Dict(a=1, b=2)) == key(Dict(b=2, a=1))
    assert key(collections.Counter()) != key(collections.Counter(a=0))
    assert key(collections.Counter("ab")) == key(collections.Counter("ba"))


def test_a_subclass_cannot_hide_its_content():
    class Lying(list):
        def __iter__(self):
            return iter(())

        def __len__(self):
            return 0

    hooks = {"reference_class": lambda cls: cls.__qualname__}
    assert key(Lying([1]), **hooks) != key(Lying([2]), **hooks)


@dataclass
class Dice(random.Random):
    sides: int = 6

    __hash__ = random.Random.__hash__


@dataclass
class Stream(io.BytesIO):
    name: str = "stream"


@dataclass(eq=False)
class Mishap(Exception):
    place: int = 0


@attrs.define(eq=False)
class Accident(Exception):
    place: int = 0


def seeded(seed, sides=6):
    dice = Dice(sides)
    dice.seed(seed)
    return dice


def written(content, name="stream"):
    stream = Stream(name)
    stream.write(content)
    return stream


def raised(kind, args, place=0):
    error = kind(place)
    error.args = args
    return error


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (seeded, [(1,), (2,), (1, 20)]),
        (written, [(b"a",), (b"b",), (b"a", "other")]),
        (functools.partial(raised, Mishap), [(("a",),), (("b",),), (("a",), 1)]),
        (functools.partial(raised, Accident), [(("a",),), (("b",),), (("a",), 1)]),
    ],
)
def test_fields_over_a_base_in_c_count_and_so_does_what_the_base_holds(make, arguments):
    assert len({key(make(*each)) for each in arguments}) == len(arguments)
    assert [key(make(*each)) for each in arguments] == [key(make(*each)) for each in arguments]
    assert key([make(*arguments[0])] * 8) != key([make(*arguments[0])] * 7 + [make(*arguments[1])])


@dataclass
class Waiting(queue.SimpleQueue):
    name: str = "queue"


@dataclass
class PerThread(threading.local):
    name: str = "local"


@pytest.mark.parametrize("cls", [Waiting, PerThread])
def test_fields_over_a_base_in_c_that_does_not_say_what_it_holds_are_refused(cls):
    assert "cannot pickle" in str(refusal(cls()))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Referable:
    x: int


class Marker(abc.ABC, Generic[T]):
    """Adds nothing that an instance would hold."""


@dataclass
class Several(Marker[int]):
    x: int
    y: int = 0


def test_slots_weak_references_and_abstract_bases_hide_no_state():
    for cls in (Referable, Several):
        assert key(cls(1)) == key(cls(1)) != key(cls(2))


def test_cause_and_context_of_an_exception_count():
    def error(cause=None, context=None):
        found = ValueError("a")
        found.__cause__, found.__context__, found.__suppress_context__ = cause, context, cause is not None
        return found

    errors = [error(), error(KeyError("a")), error(KeyError("b")), error(None, KeyError("a")), ValueError("b")]
    assert len({key(each) for each in errors}) == len(errors)
    suppressed = error(None, KeyError("a"))
    suppressed.__suppress_context__ = True
    assert key(suppressed) != key(errors[3])
    assert key(error(KeyError("a"))) == key(errors[1])


def test_attributes_of_built_in_exceptions_count():
    errors = [AttributeError("a"), AttributeError("a", name="b", obj=1), AttributeError("a", name="b", obj=2)]
    errors += [AttributeError("a", name="c", obj=1), NameError("a", name="b"), NameError("a", name="c")]
    assert len({key(each) for each in errors}) == len(errors)
    assert key(NameError("a", name="b")) == key(errors[4])


class Reduced:
    def __init__(self, x):
        self.x = x

    def __reduce__(self):
        return operator.add, (self.x, 1), {"state": self.x}, iter([self.x]), iter([(self.x, 1), (0, 1)])


class Stateful(Plain):
    def __getstate__(self):
        return {"x": self.x}


class Remade(Plain):
    def __getnewargs__(self):
        return (self.x,)


class RemadeByName(Plain):
    def __getnewargs_ex__(self):
        return (), {"x": self.x}


@pytest.mark.parametrize("cls", [Reduced, Stateful, Remade, RemadeByName])
def test_other_classes_count_by_what_pickle_would_store(cls):
    assert key(cls(1)) == key(cls(1))
    assert key(cls(1)) != key(cls(2))
    assert key([cls(1)] * 8) == key([cls(1) for _ in range(8)])


class Registered:
    def __init__(self, x):
        self.x = x


def test_reducers_registered_with_copyreg_count(monkeypatch):
    monkeypatch.setitem(copyreg.dispatch_table, Registered, lambda value: (Registered, (value.x % 2,)))
    assert key(Registered(1)) == key(Registered(3))
    assert key(Registered(1)) != key(Registered(2))


class Global:
    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return self.name


def test_objects_that_reduce_to_a_name_count_by_it():
    assert key(Global("A")) == key(Global("A"))
    assert key(Global("A")) != key(Global("B"))
    wrapping = Global("A")
    wrapping.__wrapped__ = one_function
    assert key(wrapping) == key(Global("A"))
    assert "cannot be imported" in str(refusal(Global("f.<locals>.x")))


def test_standard_values_that_reduce_well_are_keyed():
    pairs = [
        (range(3), range(4)), (slice(1, 2), slice(1, 3)), (list[int], list[str]), (int | str, int | bytes),
        (ValueError("a"), ValueError("b")), (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
        (functools.partial(print, 1), functools.partial(print, 2)), (io.BytesIO(b"a"), io.BytesIO(b"b")),
        (random.Random(1), random.Random(2)), ("a".upper, "b".upper), (str.upper, str.lower), (len, abs),
    ]  # fmt: skip
    for one, other in pairs:
        assert key(one) == key(one)
        assert key(one) != key(other)


# ------------------------------------------------------------------------------------------------ functions, classes
def one_function():
    return 1


def other_function():
    return 2


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    def method(self):
        return self


def test_functions_and_classes_count_by_reference():
    definitions = [one_function, other_function, Plain, Other, WithMeta, int, type, len, Plain.__init__]
    assert len({key(definition) for definition in definitions}) == len(definitions)
    assert key(one_function) != key(f"{__name__}:one_function")


@functools.lru_cache
def remembered(x):
    return x


@functools.lru_cache
def remembered_too(x):
    return x


def test_a_function_behind_a_cache_counts_as_hooks_say_of_functions():
    assert key(remembered) != key(remembered_too)
    assert key([remembered], reference_function=lambda function: function.__wrapped__.__code__.co_argcount) == key(
        [remembered_too], reference_function=lambda function: function.__wrapped__.__code__.co_argcount
    )


def test_a_bound_method_counts_with_its_self():
    assert key(Plain(1).__init__) == key(Plain(1).__init__)
    assert key(Plain(1).__init__) != key(Plain(2).__init__)
    assert key([].append) != key([1].append)


def test_what_cannot_be_imported_is_refused_by_default():
    class Local:
        pass

    assert "cannot be imported" in str(refusal(lambda: 0))
    assert refusal({"x": Local()}).path == "value['x']"
    assert refusal([Local]).path == "value[0]"


def test_the_main_module_has_one_name():
    def function():
        pass

    function.__qualname__ = "function"
    function.__module__ = "__mp_main__"
    assert by_reference(function) == "__main__:function"


def test_paths_are_at_home_in_pathlib_in_every_python():
    moved = key([Plain(1), Plain], reference_class=lambda cls: f"pathlib._local:{cls.__name__}")
    assert moved == key([Plain(1), Plain], reference_class=lambda cls: f"pathlib:{cls.__name__}")


def test_hooks_say_what_stands_for_classes_and_functions():
    class Local:
        pass

    def structure(definition):
        return ["by value", definition.__name__]

    local = Local()
    assert key([local, Local, local], reference_class=structure) == key(
        [Local(), Local, Local()], reference_class=structure
    )
    assert key(lambda: 0, reference_function=structure) == key(lambda: 1, reference_function=structure)


def test_rules_replace_what_an_instance_consists_of():
    by_author, known = Rule(lambda value: value.x % 2, by_author=True), Rule(lambda value: value.x % 2, by_author=False)

    def ruled(rule):
        return {"rule_for": lambda cls: rule if cls in {Plain, Other} else None}

    assert key(Plain(1), **ruled(by_author)) == key(Plain(3), **ruled(by_author))
    assert key(Plain(1), **ruled(by_author)) != key(Other(1), **ruled(by_author))
    assert key(Plain(1), **ruled(by_author)) != key(Plain(1), **ruled(known))
    assert key([Plain(1)] * 8, **ruled(known)) == key([Plain(3)] * 8, **ruled(known))


# ------------------------------------------------------------------------------------------------ refusals
class Holder:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def holding(value):
    return Holder(client=Holder(_lock=value))


def null_device():
    return open("/dev/null")


REFUSED = [
    threading.Lock, threading.RLock, threading.Event, threading.Thread, socket.socket, object,
    lambda: iter([1]), lambda: (x for x in ()), null_device, lambda: weakref.ref(Plain), lambda: sys,
    lambda: map(abs, [1]), lambda: types.MappingProxyType({}), lambda: memoryview(b"a"), sys._getframe,
]  # fmt: skip


@pytest.mark.parametrize("make", REFUSED)
def test_what_has_no_meaning_as_a_value_is_refused_with_its_path(make):
    value = make()
    try:
        error = refusal(holding(value))
        assert error.path.startswith("value.client._lock")
        assert str(error).startswith(error.path)
        assert error.advice
        assert refusal([holding(value)] * 9).path.startswith("value[0].client._lock")
    finally:
        if hasattr(value, "close"):
            value.close()


def test_paths_read_as_python_would():
    lock = threading.Lock()
    cases = {
        "value[3]['k'].x": [0, 0, 0, {"k": Plain(lock)}],
        "value[8].x": [Plain(0)] * 8 + [Plain(lock)],
        "value['k8']": {f"k{index}": (lock if index == 8 else index) for index in range(9)},
        "value[1][0]": {1: (lock,), 2: 0},
        "value.y": SlottedData(1, lock),
        "value[0].y.x": [Attrs(1, Plain(lock))] * 9,
        "value[1]": Point(1, lock),
        "value.mark": marked(List([1]), lock),
        "value.__self__.x": Plain(lock).__init__,
        "value.x": Stateful(lock),
        "value[0]": Reducing(lock),
        "value['k']": Mapping(lock),
        "value.keys()[0]": {lock: 1},
        "value{...}": {lock},
    }
    assert {path: refusal(value).path for path, value in cases.items()} == {path: path for path in cases}
    assert refusal(lock).path == "value"


def marked(value, mark):
    value.mark = mark
    return value


class Reducing(Plain):
    def __reduce__(self):
        return Plain, (1,), None, iter([self.x])


class Mapping(Plain):
    def __reduce__(self):
        return Plain, (1,), None, None, iter([("k", self.x)])


def test_a_long_path_is_shortened_in_the_middle():
    path = refusal(nested(1000, lambda v: [v] if v != 1 else threading.Lock())).path
    assert path.startswith("value[0][0]")
    assert path.endswith("[0][0]")
    assert len(path) < 420


def test_an_error_in_a_reducer_is_the_cause():
    class Angry:
        def __reduce__(self):
            raise RuntimeError("no")

    error = refusal([Angry()], reference_class=lambda cls: cls.__qualname__)
    assert isinstance(error.__cause__, RuntimeError)
    assert "no" in str(error)


def test_a_refusal_that_does_not_repeat_keeps_its_message():
    calls = []

    def structure(value):
        calls.append(value)
        if len(calls) == 1:
            raise UnkeyableArgumentError("just once", advice="try again")
        return 1

    error = refusal([Plain(1)], rule_for=lambda cls: Rule(structure, by_author=True) if cls is Plain else None)
    assert (error.path, error.advice) == ("value", "try again")
    assert "just once" in str(error)


def test_an_object_with_its_own_attribute_access_is_keyed_by_its_state():
    class Dynamic:
        __slots__ = ("x",)

        def __getattr__(self, name):
            return 0

    hooks = {"reference_class": lambda cls: cls.__qualname__}
    empty, full = Dynamic(), Dynamic()
    full.x = 0
    assert key([full] * 8, **hooks) != key([empty] * 8, **hooks)


def test_more_kinds_of_values_do_not_collide():
    class Color(enum.Enum):
        RED = 1

    values = [re.compile("a"), dt.date(2020, 1, 1), collections.OrderedDict(a=1), {"a": 1}, Dict(a=1)]
    assert len({key(value) for value in values}) == len(values)
