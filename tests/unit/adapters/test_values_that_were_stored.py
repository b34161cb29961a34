"""A value that comes back from a store is the same argument as the one that was computed."""

import copy
import datetime as dt
import decimal
import enum
import pathlib
import pickle
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest

from mops.adapters.serializers.pickling import PicklingSerializer
from mops.api.functions.key_registry import registry
from mops.core.canonical import Encoder

ROWS = pd.DataFrame(
    [("a", 1, 2.0, None), ("b", 2, None, "x")], columns=["text", "number", "float", "missing"]
)  # fmt: skip
MASKED = np.ma.masked_array([1.0, 2.0], mask=[True, False])


class Pair(NamedTuple):
    left: int
    right: list


class Colour(enum.Enum):
    RED = 1


@dataclass
class Data:
    x: int = 1
    y: list = field(default_factory=list)


@attrs.define
class Slotted:
    x: int = 1


class Model(pydantic.BaseModel):
    x: int = 1
    parts: list[str] = []


class Plain:
    def __init__(self):
        self.x, self.y = 1, [2]


def engaged(frame):
    """A frame that was used: caches are filled."""
    frame.columns.get_loc("text")
    frame.text.str.upper()
    frame.describe()
    _ = frame["text"], frame.index.is_unique, frame.columns.is_unique, frame.loc[0]
    return frame


VALUES = {
    "rows": ROWS,
    "used rows": engaged(ROWS.copy()),
    "sorted rows": ROWS.sort_values("number", ascending=False),
    "filtered rows": ROWS[ROWS["number"] > 1],
    "concatenated": pd.concat([ROWS, ROWS], ignore_index=True),
    "categories": ROWS.astype({"text": "category"}),
    "times": pd.DataFrame({"t": pd.date_range("2026-01-01", periods=3, tz="Europe/Berlin")}),
    "levels": ROWS.set_index(["text", "number"]),
    "pivoted": ROWS.pivot_table(index="text", columns="number", values="float", dropna=False),
    "grouped": ROWS.groupby("text").sum(numeric_only=True),
    "series": ROWS["text"],
    "named series": ROWS["number"].rename("n"),
    "index": pd.Index([3, 1, 2], name="i"),
    "used index": engaged(ROWS.copy()).columns,
    "range": pd.RangeIndex(3),
    "intervals": pd.interval_range(0, 3),
    "periods": pd.period_range("2026-01", periods=3),
    "timestamp": pd.Timestamp("2026-01-01T00:00:00.000000001", tz="UTC"),
    "nullable": pd.array([1, None], dtype="Int64"),
    "array": np.arange(6).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "view": np.arange(10)[::2],
    "objects": np.array([1, "a", None], dtype=object),
    "records": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "masked": MASKED,
    "datetimes": np.array(["2026-01-01"], dtype="datetime64[D]"),
    "scalar": np.float32(1.5),
    "dtype": np.dtype([("a", "i4")]),
    "polars": pl.DataFrame({"a": [1, None], "b": ["x", "y"]}),
    "polars series": pl.Series("s", [1.0, 2.0]),
    "arrow": pa.table({"a": [1, 2], "b": ["x", None]}),
    "chunked": pa.chunked_array([[1], [2, 3]]),
    "dict": {"b": 1, "a": [2, {"c"}]},
    "ordered": OrderedDict(b=1, a=2),
    "counter": Counter("abca"),
    "defaults": defaultdict(list, a=[1]),
    "deque": deque([1, 2], maxlen=3),
    "pair": Pair(1, [2]),
    "decimal": decimal.Decimal("1.10"),
    "fraction": Fraction(1, 3),
    "zone": dt.datetime(2026, 3, 29, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "utc": dt.datetime(2026, 3, 29, tzinfo=dt.UTC),
    "uuid": uuid.UUID(int=7),
    "pure path": pathlib.PurePosixPath("a/b"),
    "enum": Colour.RED,
    "dataclass": Data(y=[1]),
    "attrs": Slotted(2),
    "pydantic": Model(x=2, parts=["a"]),
    "plain": Plain(),
    "exception": ValueError("boom", 1),
    "nested": {"frame": ROWS, "arrays": [np.arange(3), (np.eye(2),)], "of": Data()},
}


def key(value):
    return Encoder(registry.hooks()).encode(value, "value")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_that_was_stored_has_the_key_of_the_one_that_was_computed(value):
    before = key(value)
    serializer = PicklingSerializer()
    stored = serializer.loads([bytes(part) for part in serializer.dumps(value).buffers])
    assert key(stored) == before
    assert key(serializer.loads([bytes(part) for part in serializer.dumps(stored).buffers])) == before


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_copy_has_the_key_of_the_original(value):
    assert key(copy.deepcopy(value)) == key(value)
    assert key(pickle.loads(pickle.dumps(value, 2))) == key(value)
