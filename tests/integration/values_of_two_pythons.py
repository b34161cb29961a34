"""Values of many types, and the memo URI of one call with each: a module that two Pythons import."""

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import pathlib
import re
import sys
import uuid
import zoneinfo

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic

import mops


def f(value: object) -> None:
    """function-logic-key: 1"""


class Color(enum.Enum):
    RED = 1


class Flags(enum.Flag):
    A = 1
    B = 2


Point = collections.namedtuple("Point", ["x", "y"])  # noqa: PYI024


@dataclasses.dataclass
class Data:
    a: int
    b: list[str] = dataclasses.field(default_factory=list, compare=False)


@dataclasses.dataclass(slots=True)
class Slotted:
    a: int


@attrs.frozen
class Attrs:
    a: int
    b: dict[str, float]


class Model(pydantic.BaseModel):
    a: int
    tags: set[str] = set()


class Plain:
    def __init__(self, a: int) -> None:
        self.a = a


random = np.random.default_rng(1)
records = np.zeros(3, np.dtype([("a", "<i2"), ("b", "<f8")], align=True))
frame = pd.DataFrame(
    {
        "i": [3, 1, 2],
        "f": [0.5, float("nan"), -0.0],
        "s": ["a", "bb", None],
        "when": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"], utc=True),
        "kind": pd.Categorical(["x", "y", "x"]),
    },
    index=pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")], names=["n", "l"]),
)
table = {"i": [1, 2, 3], "s": ["a", None, "c"], "l": [[1], [], [2, 3]]}

VALUES = {
    "none": None,
    "booleans": [True, False],
    "integers": [0, -1, 2**31, -(2**63), 2**200],
    "floats": [0.0, -0.0, 1.5, float("inf"), float("nan")],
    "complex": complex(1, -0.0),
    "text": ["", "ä€😀", "\ud800", "long" * 100],
    "bytes": [b"", b"x" * 100, bytearray(b"x")],
    "column": list(range(1000)),
    "dicts": [{"a": i, "b": str(i)} for i in range(100)],
    "ragged dicts": [{"a": i, f"b{i % 7}": 1.0} for i in range(100)],
    "dict": {"b": 1, "a": (2, 3), 4: None, (5, 6): "x"},
    "set": {"a", "b", 1, 2.5, (1, 2)},
    "frozenset": frozenset(map(str, range(50))),
    "nested": {"a": [{"b": ({"c"}, [1, [2, [3]]])}]},
    "ordered dict": collections.OrderedDict(b=1, a=2),
    "counter": collections.Counter("hello"),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "deque": collections.deque([1, 2], maxlen=3),
    "range and slice": [range(1, 10, 3), slice(None, 5)],
    "decimal": [decimal.Decimal("1.0"), decimal.Decimal("1.00"), decimal.Decimal("NaN")],
    "fraction": fractions.Fraction(1, 3),
    "date": dt.date(2026, 1, 2),
    "datetime": dt.datetime(2026, 1, 2, 3, 4, 5, 6, fold=1),  # noqa: DTZ001
    "utc": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    "zone": dt.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Lisbon")),
    "timedelta": dt.timedelta(days=-1, microseconds=1),
    "uuid": uuid.UUID(int=5),
    "pattern": re.compile(r"a+\d", re.IGNORECASE),
    "array": array.array("d", [1.0, 2.0]),
    "path": pathlib.PurePosixPath("a/b"),
    "enum": [Color.RED, Flags.A | Flags.B],
    "namedtuple": Point(1, 2),
    "dataclasses": [Data(1, ["x"]), Slotted(2)],
    "attrs": [Attrs(i, {"x": i / 3}) for i in range(20)],
    "pydantic": Model(a=1, tags={"x", "y"}),
    "plain object": Plain(3),
    "class": Plain,
    "function": f,
    "numpy": [random.random((5, 4)), np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(10)[::3], records],
    "numpy scalars": [np.float64(1), np.int8(1), np.datetime64("2026-01-01", "D"), np.str_("a")],
    "numpy objects": np.array([1, "a", None], dtype=object),
    "numpy text": np.array(["a", "bcd"]),
    "pandas": [frame, frame["f"], frame.index, pd.Timestamp("2026-01-01", tz="UTC"), pd.NA, pd.NaT],
    "polars": [pl.DataFrame(table), pl.Series("x", [1.0, None])],
    "arrow": pa.table(table),
}


def uri_of(value: object) -> str:
    """Where the call with this value is remembered, or why it cannot be keyed."""
    runner = mops.MemoizingPicklingRunner(mops.InThreadShell(), "memory://two", on_code_change="ignore")
    try:
        return mops.use_runner(runner)(f).memo_uri(value)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Print all as JSON, and by which Python."""
    json.dump({"python": sys.version_info[:2], **{name: uri_of(value) for name, value in VALUES.items()}}, sys.stdout)
