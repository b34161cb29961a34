"""Keys of the values of pandas, polars and Arrow."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mops.api.functions.key_registry import registry
from mops.core.canonical import Encoder
from mops.core.errors import UnkeyableArgumentError


def key(value):
    return Encoder(registry.hooks()).encode(value, "value")


def different(*values):
    assert len({key(value) for value in values}) == len(values)


def frame(**options):
    return pd.DataFrame({"i": [1, 2, 3], "f": [1.5, None, 2.5], "s": ["a", None, "c"]}, **options)


# ------------------------------------------------------------------------------------------------ pandas
def test_block_layout_of_a_frame_does_not_count():
    whole = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5.0, 6.0]})
    grown = pd.DataFrame(index=pd.RangeIndex(2))
    for name in whole.columns:
        grown[name] = whole[name].to_numpy().copy()
    grown.columns = whole.columns.copy()
    assert key(whole) == key(grown)
    assert key(frame()) == key(frame().copy())
    assert key(pd.concat([whole.iloc[:1], whole.iloc[1:]])) == key(whole.set_index(pd.Index([0, 1])))


def test_names_index_dtypes_and_values_of_a_frame_count():
    base = frame()
    attributed = frame()
    attributed.attrs["unit"] = "m"
    different(
        base, base.rename(columns={"i": "j"}), base[["f", "i", "s"]], base.iloc[:2], base.iloc[::-1],
        base.set_axis(pd.Index([0, 1, 2])), base.set_index(pd.Index(["x", "y", "z"])), base.rename_axis("name"),
        base.rename_axis("name", axis=1), base.astype({"i": "int32"}), base.astype({"s": object}),
        base.astype({"s": "category"}),
        base.assign(i=[1, 2, 4]), base.assign(s=["a", None, "d"]), base.assign(f=[1.5, 2.5, None]), attributed,
        base.set_flags(allows_duplicate_labels=False), base["i"], base["i"].to_frame(),
    )  # fmt: skip


def test_a_slice_of_a_frame_counts_as_its_values():
    rows = pd.concat([frame(), frame()], ignore_index=True)
    assert key(rows.iloc[3:].reset_index(drop=True)) == key(frame())
    assert key(rows[["s"]].iloc[3:].reset_index(drop=True)) == key(frame()[["s"]])


def test_values_under_missing_ones_do_not_count():
    mask = np.array([False, True])
    one = pd.arrays.IntegerArray(np.array([1, 2]), mask)
    other = pd.arrays.IntegerArray(np.array([1, 99]), mask)
    assert key(pd.Series(one)) == key(pd.Series(other))
    different(one, pd.array([1, 2]), pd.array([1, 1]), pd.array([1, None], dtype="Int32"), np.array([1, 2]))


def test_every_kind_of_column_is_keyed_by_its_values():
    days = pd.date_range("2020", periods=2)
    columns = {
        "Int64": ([1, None], [1, 2]), "boolean": ([True, None], [True, False]), "Float64": ([1.5, None], [1.5, 2.5]),
        "category": (["a", "b"], ["b", "a"]), "datetime64[ns]": (days, days[::-1]), "timedelta64[ns]": ([1, 2], [2, 1]),
        "datetime64[s]": (days, days[::-1]), "datetime64[us, UTC]": (days.tz_localize("UTC"),
        days[::-1].tz_localize("UTC")), "Sparse[int]": ([0, 1], [1, 0]),
        "period[M]": (days.to_period("M"), days.to_period("M").shift(1)), "string[python]": (["a", None], ["a", "b"]),
        "string[pyarrow]": (["a", None], ["a", "b"]), "int64[pyarrow]": ([1, None], [1, 2]),
        "str": (["a", None], ["a", "b"]),
        "object": (["a", None], ["a", "b"]), "interval[int64, right]": (pd.interval_range(0, 2),
        pd.interval_range(1, 3)),
    }  # fmt: skip
    keys = set()
    for dtype, (one, other) in columns.items():
        series = pd.Series(one, dtype=dtype)
        assert key(series) == key(pd.Series(one, dtype=dtype)), dtype
        keys |= {key(series), key(pd.Series(other, dtype=dtype)), key(series.array)}
    assert len(keys) == 3 * len(columns)


def test_categories_their_order_and_their_rank_count():
    def categorical(categories, ordered=False):
        return pd.Categorical(["a", "b"], categories=categories, ordered=ordered)

    different(
        categorical(["a", "b"]), categorical(["b", "a"]), categorical(["a", "b", "c"]), categorical(["a", "b"], True)
    )
    many = [f"c{index}" for index in range(1000)]
    different(pd.CategoricalDtype(many), pd.CategoricalDtype([*many[:500], "other", *many[501:]]), pd.Int64Dtype())


def test_indexes_count_by_class_names_values_and_frequency():
    days = pd.date_range("2020", periods=3)
    different(
        pd.RangeIndex(3), pd.RangeIndex(4), pd.RangeIndex(3, name="n"), pd.Index([0, 1, 2]), pd.Index([0.0, 1.0, 2.0]),
        days, days[::-1], pd.DatetimeIndex(list(days)), days.tz_localize("UTC"), days.rename("n"), days.to_period("D"),
        pd.Index(["a", "b", "c"]), pd.interval_range(0, 3), pd.CategoricalIndex(["a", "b", "c"]),
        pd.timedelta_range(0, periods=3),
    )  # fmt: skip


def test_a_multi_index_counts_by_its_values_not_by_its_codes():
    whole = pd.MultiIndex.from_tuples([(1, "a"), (2, "b"), (3, "c")], names=["x", "y"])
    part = whole[:2]
    assert key(part) == key(pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["x", "y"]))
    different(whole, part, whole.rename(["x", "z"]), whole.swaplevel())


@pytest.mark.parametrize("names", [[1, 2], [1, None], ["a", 0], [1, 0], [None, None], [0, 0], [2, "b"]])
def test_every_level_of_a_multi_index_counts_whatever_its_names(names):
    def index(*levels):
        return pd.MultiIndex.from_arrays(levels, names=names)

    indexes = [index([1, 2], [3, 4]), index([1, 2], [3, 5]), index([1, 5], [3, 4]), index([3, 4], [1, 2])]
    different(*indexes)
    different(*(pd.DataFrame({"a": [1, 2]}, index=each) for each in indexes))
    different(*(pd.DataFrame([[1, 2]], columns=each) for each in indexes))
    different(*(pd.Series([1, 2], index=each) for each in indexes), index([1, 2], [3, None]))


ZONES = [dt.timezone(dt.timedelta(hours=hours), "X") for hours in (1, 2)]


def test_zones_of_one_name_are_told_apart():
    utc = pd.DatetimeIndex(["2020-01-01", "2020-01-02"], tz="UTC")
    indexes = [utc.tz_convert(zone) for zone in ZONES]
    different(*indexes)
    different(*(index.array for index in indexes))
    different(*(pd.Series(index) for index in indexes))
    different(*(pd.DataFrame({"a": index}) for index in indexes))
    different(*(pd.DataFrame({"a": [1, 2]}, index=index) for index in indexes))
    different(*(pd.IntervalIndex.from_breaks(index) for index in indexes))
    different(*(pd.Categorical(index) for index in indexes))
    different(*(index.dtype for index in indexes), *(pd.IntervalDtype(index.dtype) for index in indexes))
    different(*(pd.SparseDtype(object, fill_value=value) for value in (1, "1")))


def test_the_frequency_of_an_index_counts_with_its_holidays():
    days = pd.DatetimeIndex(["2020-02-03", "2020-02-04"])
    holidays = [pd.offsets.CustomBusinessDay(holidays=[day]) for day in ("2020-01-01", "2020-01-02")]
    different(days, *(pd.DatetimeIndex(days, freq=each) for each in holidays))
    assert key(pd.DatetimeIndex(days, freq=holidays[0])) == key(pd.DatetimeIndex(days, freq=holidays[0]))


class Sample(pd.Series):
    pass


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.DataFrame({"a": [1]}), lambda: pd.Series(["a"]), lambda: Sample(["a"]), lambda: pd.Index([1, 5]),
        lambda: pd.RangeIndex(3), lambda: pd.MultiIndex.from_arrays([[1], [2]]), lambda: pd.DatetimeIndex(["2020"]),
    ],
)  # fmt: skip
def test_attributes_that_users_set_count_and_those_that_pandas_sets_do_not(make):
    one, other, used = make(), make(), make()
    one.origin, other.origin = "here", "there"
    different(make(), one, other)
    if isinstance(used, pd.Index):
        assert used.is_unique
        assert used.get_loc(used[0]) == 0
    elif isinstance(used, pd.Series):
        assert used.str.len().tolist() == [1]
    else:
        assert used["a"].tolist() == [1]
    assert key(used) == key(make())


class Quantity(pd.arrays.NumpyExtensionArray):
    """An array of somebody else's, with an attribute that its dtype does not know of."""


class Currency(pd.api.extensions.ExtensionDtype):
    type = float
    name = "currency"

    def __init__(self, symbol):
        self.symbol = symbol


def test_arrays_and_dtypes_of_others_count_by_what_they_hold():
    one, other = Quantity(np.array([1.0])), Quantity(np.array([1.0]))
    one.unit, other.unit = "m", "s"
    different(one, other, Quantity(np.array([1.0])), pd.Series(one))
    different(Currency("CHF"), Currency("EUR"))
    assert key(Currency("CHF")) == key(Currency("CHF"))


def test_scalars_of_pandas_are_values():
    different(
        pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01", tz="UTC"), pd.Timestamp("2020-01-01").as_unit("ns"),
        pd.Timestamp("2020-01-01", tz="Europe/Zurich"), dt.date(2020, 1, 1), pd.Timedelta("1s"),
        pd.Timedelta("2s"),
        pd.Period("2020-01", "M"), pd.Period("2020-01-01", "D"), pd.Interval(0, 1), pd.Interval(0, 1, "both"),
        pd.NaT, pd.NA,
        pd.offsets.MonthEnd(1), pd.offsets.MonthEnd(2), pd.StringDtype("python"), pd.StringDtype("pyarrow"),
    )  # fmt: skip


class Measured(pd.DataFrame):
    _metadata = ("unit",)


def test_subclasses_of_frames_count_by_class_and_metadata():
    one, other = Measured({"a": [1]}), Measured({"a": [1]})
    one.unit, other.unit = "m", "s"
    different(one, other, pd.DataFrame({"a": [1]}))


def test_an_unkeyable_object_in_a_frame_is_named():
    with pytest.raises(UnkeyableArgumentError) as caught:
        key({"frame": pd.DataFrame({"a": [iter([])]})})
    assert caught.value.path.startswith("value['frame']")


# ------------------------------------------------------------------------------------------------ Arrow
ARROW = {
    "int64": (pa.int64(), [1, None, 3], [1, 2, 3]),
    "int8": (pa.int8(), [1, None, 3], [1, None, 4]),
    "bool": (pa.bool_(), [True, None, False], [True, False, None]),
    "double": (pa.float64(), [1.5, None, 2.5], [1.5, 2.5, None]),
    "string": (pa.string(), ["a", None, "bc"], ["ab", None, "c"]),
    "large": (pa.large_string(), ["a", None, "bc"], ["ab", None, "c"]),
    "view": (pa.string_view(), ["a", None, "b" * 40], ["ab", None, "c"]),
    "binary": (pa.binary(), [b"a", None, b""], [b"a", b"", None]),
    "binary view": (pa.binary_view(), [b"a", None, b""], [b"a", b"", None]),
    "fixed": (pa.binary(2), [b"ab", None, b"cd"], [b"ab", b"cd", None]),
    "decimal": (pa.decimal128(5, 2), [1, None, 2], [1, 2, None]),
    "timestamp": (pa.timestamp("us", "UTC"), [1, None, 2], [1, 2, None]),
    "list": (pa.list_(pa.int64()), [[1], None, [2, 3]], [[1, 2], None, [3]]),
    "large list": (pa.large_list(pa.string()), [["a"], [], ["b", "c"]], [["a"], ["b"], ["c"]]),
    "fixed list": (pa.list_(pa.int64(), 2), [[1, 2], None, [3, 4]], [[1, 2], [3, 4], None]),
    "struct": (pa.struct({"a": pa.int64(), "b": pa.string()}),
    [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}], [None, None, None]),
    "map": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], None, []], [[("a", 1)], [], None]),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), ["a", None, "b"], ["b", None, "a"]),
    "null": (pa.null(), [None, None, None], [None]),
    "map of times": (pa.map_(pa.string(), pa.time64("ns")), [[("a", 1)], None, []], [[("a", 2)], None, []]),
    "list view": (pa.list_view(pa.time64("ns")), [[1], None, [2, 3]], [[1], None, [2, 4]]),
    "large list view": (pa.large_list_view(pa.int64()), [[1], None, [2, 3]], [[1], None, [2, 4]]),
    "interval": (pa.month_day_nano_interval(), [(1, 2, 3), None, (1, 2, 4)], [(1, 2, 3), None, (1, 2, 5)]),
    "times": (pa.time64("ns"), [1, None, 2], [1, None, 3]),
}  # fmt: skip


@pytest.mark.parametrize("name", ARROW)
def test_arrow_arrays_count_by_type_and_values_whatever_the_chunks_and_slices(name):
    kind, values, others = ARROW[name]
    whole = pa.chunked_array([pa.array(values, kind)])
    chunks = pa.chunked_array([pa.array(values[:1], kind), pa.array([], kind), pa.array(values[1:], kind)])
    padded = pa.chunked_array([pa.array([*values, *values], kind).slice(3)])
    assert key(whole) == key(chunks) == key(padded)
    array = pa.array(values, kind)
    assert key(array) == key(pa.array([*others, *values], kind).slice(len(others)))
    different(whole, array, pa.array(others, kind), pa.array(values[:2], kind), values)


def test_arrow_types_are_told_apart():
    different(*(pa.array(values, kind) for kind, values, _ in ARROW.values()))
    different(*(kind for kind, _, _ in ARROW.values()))


def test_values_under_nulls_do_not_count():
    def with_hidden(hidden):
        validity = pa.py_buffer(bytes([0b101]))
        return pa.Array.from_buffers(pa.int64(), 3, [validity, pa.py_buffer(np.array([1, hidden, 3]).tobytes())])

    assert with_hidden(5).to_pylist() == [1, None, 3]
    assert key(with_hidden(5)) == key(with_hidden(6)) == key(pa.array([1, None, 3]))


def test_an_ordered_dictionary_counts_by_its_categories():
    def ordered(categories):
        indices = [categories.index(value) for value in ("a", "b")]
        return pa.DictionaryArray.from_arrays(indices, categories, ordered=True)

    different(ordered(["a", "b"]), ordered(["b", "a"]), pa.DictionaryArray.from_arrays([0, 1], ["a", "b"]))


def test_tables_batches_schemas_and_scalars_are_values():
    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    batch = table.to_batches()[0]
    assert key(table) == key(pa.concat_tables([table.slice(0, 1), table.slice(1)]))
    different(
        table, batch, table.schema, table.rename_columns(["a", "c"]), table.select(["b", "a"]), table.slice(0, 1),
        table.replace_schema_metadata({"k": "v"}), table.select([]), table.schema.field("a"), pa.scalar(1),
        pa.scalar(2),
        pa.scalar(None, pa.int64()), pa.scalar("1"), pa.field("a", pa.int64(), nullable=False), pa.int64(),
    )  # fmt: skip


def test_unions_and_runs_count_by_what_each_row_is():
    def union(codes, *children):
        return pa.UnionArray.from_dense(pa.array(codes, pa.int8()), pa.array([0, 1], pa.int32()), list(children))

    times, others = pa.array([1, 2], pa.time64("ns")), pa.array([1, 3], pa.time64("ns"))
    different(union([0, 0], times, times), union([0, 0], others, times), union([0, 1], times, times))
    different(union([0, 0], times, times)[0], union([0, 0], times, times)[1])
    ends = [pa.RunEndEncodedArray.from_arrays([2, 3], values) for values in ([1, None], [1, 2])]
    different(*ends, pa.array([1, 1, None]))
    assert key(ends[0]) == key(pa.RunEndEncodedArray.from_arrays([1, 2, 3], [1, 1, None]))


def test_scalars_of_arrow_count_to_the_nanosecond():
    kinds = [pa.time64("ns"), pa.timestamp("ns"), pa.duration("ns"), pa.list_(pa.time64("ns"))]
    different(*(pa.scalar([value] if pa.types.is_list(kind) else value, kind) for kind in kinds for value in (1, 2)))
    different(*pa.array(["a", "b"]).dictionary_encode(), pa.scalar(None), pa.scalar(None, pa.int64()))


class Unit(pa.ExtensionType):
    def __init__(self, symbol, note=None):
        self.symbol, self.note = symbol, note
        super().__init__(pa.float64(), "test.unit")

    def __arrow_ext_serialize__(self):
        return self.symbol.encode()


def test_parameters_of_extension_types_count():
    units = [Unit("m"), Unit("s"), Unit("m", "note")]
    assert len(set(map(str, units))) == 1
    different(*units)
    different(*(pa.ExtensionArray.from_storage(unit, pa.array([1.0])) for unit in units[:2]))
    different(*(pa.list_(unit) for unit in units[:2]), *(pa.dictionary(pa.int8(), unit) for unit in units[:2]))
    different(pa.fixed_shape_tensor(pa.int8(), [2, 3]), pa.fixed_shape_tensor(pa.int8(), [2, 3], permutation=[1, 0]))
    different(pa.ExtensionArray.from_storage(units[0], pa.array([1.0]))[0], pa.scalar(1.0))


class Celsius(pa.ExtensionType):
    def __init__(self):
        super().__init__(pa.float64(), "test.celsius")

    def __arrow_ext_serialize__(self):
        return b""


def test_extension_types_count_by_their_storage():
    storage = pa.array([1.5, None])
    array = pa.ExtensionArray.from_storage(Celsius(), storage)
    assert key(array) == key(pa.ExtensionArray.from_storage(Celsius(), pa.array([1.5, None])))
    different(array, storage)


# ------------------------------------------------------------------------------------------------ polars
def test_polars_frames_count_by_names_dtypes_and_values_not_by_chunks():
    base = pl.DataFrame({"i": [1, None, 3], "s": ["a", None, "c"], "l": [[1], [], None], "b": [True, None, False]})
    chunked = pl.concat([base[:1], base[1:]], rechunk=False)
    assert chunked.n_chunks() == 2
    assert key(chunked) == key(base) == key(pl.concat([base, base])[3:])
    different(
        base, base[:2], base[::-1], base.rename({"i": "j"}), base.select("s", "i", "l", "b"), base["i"], base["s"],
        base.cast({"i": pl.Int32}), base.with_columns(i=pl.Series([1, None, 4])), base["i"].alias("x"), pl.DataFrame(),
        base.clear(), base.to_arrow(),
    )  # fmt: skip


def test_categories_of_polars_count_by_text_not_by_code():
    pl.Series(["something", "else"], dtype=pl.Categorical)
    one = pl.Series(["a", "b", None], dtype=pl.Categorical)
    pl.Series(["b", "a"], dtype=pl.Categorical)
    other = pl.concat([pl.Series(["b", "a"], dtype=pl.Categorical), one])[2:]
    assert key(one) == key(other)
    different(one, one.cast(pl.String), one.cast(pl.Enum(["a", "b"])), one.cast(pl.Enum(["b", "a"])))


def test_objects_in_polars_are_keyed_one_by_one_and_plans_are_refused():
    different(pl.Series([{1}, {2}], dtype=pl.Object), pl.Series([{1}, {3}], dtype=pl.Object))
    with pytest.raises(UnkeyableArgumentError, match="LazyFrame"):
        key([pl.LazyFrame({"a": [1]})])
    different(pl.Int64(), pl.String(), pl.Datetime("us"), pl.Datetime("ms"))


@pytest.mark.parametrize("make", [lambda: pl.DataFrame({"a": [1]}), lambda: pl.Series([1])])
def test_attributes_of_polars_objects_count(make):
    one, other = make(), make()
    one.origin, other.origin = "here", "there"
    different(make(), one, other)


def test_what_polars_cannot_hand_to_arrow_is_refused():
    with pytest.raises(UnkeyableArgumentError, match="Int128"):
        key(pl.Series([1], dtype=pl.Int128))


def test_polars_without_arrow_says_what_is_missing(monkeypatch):
    def missing(_):
        raise ModuleNotFoundError("pyarrow")

    monkeypatch.setattr(pl.Series, "to_arrow", missing)
    with pytest.raises(UnkeyableArgumentError, match="pyarrow"):
        key(pl.DataFrame({"a": [1]}))
