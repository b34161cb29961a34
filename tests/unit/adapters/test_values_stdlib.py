"""Keys of the standard library's values."""

import array
import collections
import datetime as dt
import enum
import fractions
import re
import uuid
import zoneinfo
from decimal import Decimal

import pytest

from mops.api.functions.key_registry import registry
from mops.core.canonical import Encoder
from mops.core.errors import UnkeyableArgumentError


def key(value):
    return Encoder(registry.hooks()).encode(value, "value")


class Color(enum.Enum):
    RED = "same"
    BLUE = "other"
    EMPTY = object()


class Paint(enum.Enum):
    RED = "same"


class Number(enum.IntEnum):
    ONE = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Bits(enum.IntFlag):
    READ = 1


class Money(Decimal):
    pass


class Day(dt.date):
    pass


def different(*values):
    assert len({key(value) for value in values}) == len(values)


def test_members_of_enums_count_by_class_name_and_value():
    different(*Color, *Paint, *Number, *Access, Access.READ | Access.WRITE, Bits.READ, 1, "same")
    assert key(Access.READ | Access.WRITE) == key(Access.WRITE | Access.READ)
    assert key({Color.RED: 1}) == key({Color("same"): 1})


def test_decimals_and_fractions_count_by_what_can_be_seen():
    different(Decimal("1.0"), Decimal("1.00"), Decimal(1), Decimal("NaN"), Decimal("sNaN"), Decimal("-0"), Decimal(0))
    different(fractions.Fraction(1), fractions.Fraction(1, 2), Decimal(1), 1)


def test_equal_instants_in_two_zones_differ():
    utc = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
    zurich = utc.astimezone(zoneinfo.ZoneInfo("Europe/Zurich"))
    assert utc == zurich
    fixed = utc.astimezone(dt.timezone(dt.timedelta(hours=1)))
    named = utc.astimezone(dt.timezone(dt.timedelta(hours=1), "CET"))
    different(utc, zurich, fixed, named, utc.replace(tzinfo=None), utc.replace(tzinfo=None, fold=1), utc.date())
    assert key(zurich) == key(utc.astimezone(zoneinfo.ZoneInfo.no_cache("Europe/Zurich")))


def test_a_zone_without_a_key_is_refused():
    with open(zoneinfo.TZPATH[0] + "/Europe/Zurich", "rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file)
    with pytest.raises(UnkeyableArgumentError, match=r"value\[0\].*no key"):
        key([zone])


def test_times_deltas_and_dates_are_told_apart():
    different(dt.time(1), dt.time(1, fold=1), dt.time(2), dt.timedelta(1), dt.timedelta(0, 1), dt.date(2020, 1, 1))


def test_a_subclass_counts_by_class_and_own_state():
    one, marked = Money("1.0"), Money("1.0")
    marked.currency = "CHF"
    different(one, marked, Decimal("1.0"), Money("1.00"), Day(2020, 1, 1), dt.date(2020, 1, 1))
    assert key(one) == key(Money("1.0"))


class Direction(enum.Enum):
    NORTH = 1
    SOUTH = 2


def test_attributes_that_members_of_enums_were_given_count():
    before = key(Direction.NORTH)
    Direction.NORTH.opposite, Direction.SOUTH.opposite = Direction.SOUTH, Direction.NORTH
    different(*Direction)
    opposed = key(Direction.NORTH)
    Direction.NORTH.opposite = None
    assert len({before, opposed, key(Direction.NORTH)}) == 3
    del Direction.NORTH.opposite
    assert key(Direction.NORTH) == before


def test_what_python_remembers_of_combined_flags_does_not_count():
    before = key(Access.READ)
    assert ~Access.READ == Access.WRITE
    assert key(Access.READ) == before


class Votes(collections.Counter):
    pass


@pytest.mark.parametrize("cls", [collections.OrderedDict, collections.Counter, Votes])
def test_attributes_of_dicts_of_the_standard_library_count(cls):
    one, other = cls(a=1), cls(a=1)
    one.unit, other.unit = "m", "s"
    different(one, other, cls(a=1), cls(a=2), cls(), cls(a=0))


def test_an_ordered_dict_keeps_its_order():
    moved = collections.OrderedDict(a=1, b=2)
    moved.move_to_end("a")
    assert key(moved) == key(collections.OrderedDict(b=2, a=1))
    different(moved, collections.OrderedDict(a=1, b=2), {"a": 1, "b": 2})


def test_the_factory_of_a_defaultdict_counts():
    different(
        collections.defaultdict(list, a=1),
        collections.defaultdict(set, a=1),
        collections.defaultdict(None, a=1),
        {"a": 1},
    )


def test_other_containers_count_by_type_and_content():
    different(
        collections.deque([1, 2]), collections.deque([1, 2], 5), collections.deque([2, 1]), array.array("i", [1, 2]),
        array.array("q", [1, 2]), array.array("i", [2, 1]), [1, 2], re.compile("a"), re.compile("a", re.IGNORECASE),
        re.compile(b"a"), uuid.UUID(int=1), uuid.UUID(int=2),
    )  # fmt: skip
