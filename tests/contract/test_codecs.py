"""Every codec keeps the law of its values: those that come to mind, and those that do not."""

import re
from importlib import import_module
from math import inf, nan

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mops.adapters.codecs.numpy import NpyCodec
from mops.adapters.codecs.plain_json import JsonCodec
from mops.adapters.codecs.polars import FrameCodec
from mops.adapters.codecs.pyarrow import RecordBatchCodec, TableCodec
from mops.adapters.codecs.raw import BytearrayCodec, BytesCodec
from mops.api.codec_registry import BUILT_IN, FAMILIES
from mops.testing.codec_suite import CodecContract, check_change, check_encoding, check_round_trip

ENOUGH = (1 << 20) + 8  # bytes; what is smaller is pickled
MANY = 300_000  # rows of 8 bytes, and more than enough
LARGE = 64 << 20
ALIGNED = np.dtype([("flag", "i1"), ("value", "f8")], align=True)
TEXT = ["", "größe", "\U0001f40d" * 20, None]


def filled(shape, dtype, order="C"):
    """An array of random bits."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(bytearray(np.random.default_rng(1).bytes(count)), dtype).reshape(shape, order=order)


def repeated(values):
    """As many of them as make more than 1 MiB."""
    return values * (MANY // len(values))


class TestNpyCodec(CodecContract):
    name = "npy"

    @pytest.fixture
    def codec(self):
        return NpyCodec()

    @pytest.fixture
    def values(self):
        plain = [filled(ENOUGH, dtype) for dtype in ("<i8", ">i4", "f2", "c16", "g", "M8[25us]", "m8[D]", "u8")]
        shaped = [filled((2, 3, MANY), "f8"), filled((MANY, 2), "f8", "F"), filled((2, MANY), "f8")[:, ::2]]
        texts = [np.full(ENOUGH, b"a"), np.full(ENOUGH, "größe"), filled(ENOUGH, "V7"), filled((ENOUGH, 1), "?")]
        fields = [("a", ">i4"), ("b", "f8", (2,)), ("c", [("d", "S3")])]
        titled = [((("A title", "a")), "i4"), ("b", "f8")]
        return [*plain, *shaped, *texts, filled(ENOUGH // 8, fields), filled(ENOUGH // 8, titled)]

    @pytest.fixture
    def pickled(self):
        read_only = filled(ENOUGH, "i1")
        read_only.flags.writeable = False
        dtypes = [
            ALIGNED,
            np.dtype("i8", metadata={"unit": "m"}),
            np.dtype([("a", np.dtype("i8", metadata={"unit": "m"}))]),
            np.dtype([("a", np.dtype("i4", metadata={"unit": "m"}), (2,))]),
            np.dtype((np.record, [("a", "i8")])),
            np.dtype([("größe €", "i8")]),
            np.dtype([(f"{i:060}", "i1") for i in range(1000)]),
            np.dtype(object),
            np.dtypes.StringDType(),
        ]
        return [np.arange(3), read_only, *(np.zeros(ENOUGH, dtype) for dtype in dtypes)]

    @pytest.fixture
    def change(self):
        return change_array

    @pytest.fixture
    def large(self):
        return np.ones((LARGE // 16, 2), order="F")


def change_array(array):
    bits = array.reshape(-1, order="A").view(np.uint8)
    bits[0] ^= 1


@given(npst.array_dtypes() | npst.scalar_dtypes(), st.sampled_from("CF"), st.data())
def test_any_array_comes_back_or_is_left_to_pickle(dtype, order, data):
    few = data.draw(npst.arrays(dtype, npst.array_shapes(min_side=1, max_dims=3, max_side=3)))
    if not few.nbytes:
        return
    many = np.asarray(np.tile(few, (ENOUGH // few.nbytes + 1, *[1] * (few.ndim - 1))), order=order)
    check(NpyCodec(), many)


def check(codec, value, change=None):
    if check_round_trip(codec, value):
        check_encoding(codec, value)
        check_change(codec, value, change)


def columns():
    return {
        "numbers": pa.array(repeated([1, None, -(2**63)]), pa.int64()),
        "small": pa.array(repeated([1, None]), pa.uint8()),
        "truth": pa.array(repeated([True, False, None])),
        "text": pa.array(repeated(TEXT)),
        "views": pa.array(repeated(TEXT), pa.string_view()),
        "lists": pa.array(repeated([[1, None], [], None])),
        "records": pa.array(repeated([{"x": 1, "y": "a"}, None])),
        "words": pa.array(repeated(["b", "a", None])).dictionary_encode(),
        "ordered": pa.DictionaryArray.from_arrays(pa.array(repeated([0, 1]), pa.int8()), ["b", "a"], ordered=True),
        "instants": pa.array(repeated([1, None]), pa.timestamp("us", "Europe/Berlin")),
        "nothing": pa.nulls(MANY),
    }


METADATA = {b"made by": b"\xff"}


def table_of(names, **metadata):
    parts = columns()
    return pa.table({name: parts[name][:100_000] for name in names}).replace_schema_metadata(metadata)


class TestTableCodec(CodecContract):
    name = "arrow"

    @pytest.fixture
    def codec(self):
        return TableCodec()

    @pytest.fixture
    def values(self):
        every = table_of(columns(), unit="m")
        required = pa.schema([pa.field("n", pa.int64(), nullable=False, metadata=METADATA)], METADATA)
        strict = pa.table([pa.array(range(MANY))], required)
        twice = pa.table([pa.array(range(MANY))] * 2, ["a", "a"])
        chunks = pa.table({"a": pa.chunked_array([[1] * MANY, [2] * MANY]), "b": pa.chunked_array([[0] * 2 * MANY])})
        return [every, every.slice(3, 90_001), strict, twice, chunks, pa.concat_tables([every, every])]

    @pytest.fixture
    def pickled(self):
        own = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1] * 2 * ENOUGH, pa.int8()))
        words = [pa.array(repeated(text)).dictionary_encode() for text in (["a", "b"], ["b", "c"])]
        return [
            pa.table({"a": [1]}),
            pa.table({"a": own}),
            pa.table({"a": pa.array([[1]], pa.list_(pa.int8()))}),
            pa.table({"a": pa.chunked_array(words)}),
        ]

    @pytest.fixture
    def large(self):
        return pa.table({"a": np.ones(LARGE // 16), "b": np.ones(LARGE // 16, np.int64)})


class TestRecordBatchCodec(CodecContract):
    name = "arrow-batch"

    @pytest.fixture
    def codec(self):
        return RecordBatchCodec()

    @pytest.fixture
    def values(self):
        batch = table_of(columns(), unit="m").combine_chunks().to_batches()[0]
        return [batch, batch.slice(5, 90_001)]

    @pytest.fixture
    def pickled(self):
        return [pa.record_batch({"a": [1]})]

    @pytest.fixture
    def large(self):
        return pa.record_batch({"a": np.ones(LARGE // 8)})


SIMPLE = {
    pa.int8(): st.integers(-128, 127),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(),
    pa.large_binary(): st.binary(),
    pa.null(): st.none(),
    pa.date32(): st.dates(),
    pa.decimal128(9, 2): st.decimals(-999, 999, places=2),
}
ARROW_TYPES = st.recursive(
    st.sampled_from(list(SIMPLE)),
    lambda inner: (
        inner.map(pa.list_)
        | inner.map(pa.large_list)
        | st.lists(inner, max_size=2).map(lambda parts: pa.struct([(str(i), part) for i, part in enumerate(parts)]))
    ),
    max_leaves=4,
)


@given(st.lists(ARROW_TYPES, min_size=1, max_size=3), st.data())
def test_any_table_comes_back_or_is_left_to_pickle(types, data):
    few = [pa.array(data.draw(st.lists(values_of(each), min_size=3, max_size=3)), each) for each in types]
    ballast = pa.array([bytes(40_000)] * 60)
    indices = pa.array([i % 3 for i in range(60)])
    batch = pa.record_batch([ballast, *(column.take(indices) for column in few)], list("abcd")[: len(few) + 1])
    check(RecordBatchCodec(), batch)
    check(TableCodec(), pa.table(batch.slice(1, 50)))


def values_of(kind):
    """Values of an Arrow type, missing ones among them."""
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({f.name: values_of(f.type) for f in kind})
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return st.none() | st.lists(values_of(kind.value_type), max_size=3)
    return st.none() | SIMPLE[kind]


class TestFrameCodec(CodecContract):
    name = "polars"

    @pytest.fixture
    def codec(self):
        return FrameCodec()

    @pytest.fixture
    def values(self):
        arrow = pl.from_arrow(table_of([name for name in columns() if name not in {"words", "ordered"}]))
        rich = pl.DataFrame(
            {
                "array": pl.Series(repeated([[1, 2], None]), dtype=pl.Array(pl.Int16, 2)),
                "decimal": pl.Series(repeated(["1.10", None])).str.to_decimal(scale=2),
                "time": pl.Series(repeated([1, None]), dtype=pl.Time),
                "records": pl.Series(repeated([{"x": [1]}, None])),
            }
        )
        return [arrow, rich, rich[7:-1], pl.concat([rich, rich], rechunk=False)]

    @pytest.fixture
    def pickled(self):
        words = pl.Series(repeated(["a", "b"]), dtype=pl.Categorical)
        return [
            pl.DataFrame({"a": [1]}),
            pl.DataFrame({"a": words}),
            pl.DataFrame({"a": words.cast(pl.Enum(["b", "a"]))}),
            pl.DataFrame({"a": pl.Series(range(MANY), dtype=pl.Int128)}),
            pl.DataFrame({"a": words.implode()}).select(pl.struct("a")),
        ]

    @pytest.fixture
    def change(self):
        return lambda frame: frame.insert_column(0, pl.Series("more", [1] * frame.height))

    @pytest.fixture
    def large(self):
        return pl.DataFrame({"a": np.ones(LARGE // 16), "b": np.ones(LARGE // 16, np.int64)})


class TestJsonCodec(CodecContract):
    name = "json"

    @pytest.fixture
    def codec(self):
        return JsonCodec()

    @pytest.fixture
    def values(self):
        deep = []
        for _ in range(98):
            deep = [deep]
        numbers = [0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, 2**200, True, False, None]
        texts = ["", "größe \U0001f40d \0 \u2028", '"\\', "__proto__"]
        return [{}, [], {"b": numbers, "a": {"": texts}}, [{"one": 1}, {"one": 1}], [deep], [1, 1.0, "1"]]

    @pytest.fixture
    def pickled(self):
        class Text(str):
            __slots__ = ()

        once, deep, circle = [1], [], []
        circle.append(circle)
        for _ in range(101):
            deep = [deep]
        odd = [nan, inf, -inf, (1,), {1}, b"", 1j, Text("a"), "\ud800", {1: 2}, {Text("a"): 1}, {None: 1}, 10**5000]
        return [*([each] for each in odd), [once, once], circle, deep, {"a": once, "b": [once]}]

    @pytest.fixture
    def change(self):
        return lambda value: value.append(7) if isinstance(value, list) else value.update(more=7)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(max_size=2),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)


@given(st.lists(PLAIN) | st.dictionaries(st.text(), PLAIN))
def test_any_plain_data_comes_back_or_is_left_to_pickle(value):
    check(JsonCodec(), value)


class TestBytesCodec(CodecContract):
    name = "bytes"

    @pytest.fixture
    def codec(self):
        return BytesCodec()

    @pytest.fixture
    def values(self):
        return [bytes(range(256)) * (ENOUGH // 256 + 1)]

    @pytest.fixture
    def pickled(self):
        return [b"", bytes(1 << 20)]

    @pytest.fixture
    def large(self):
        return b"x" * LARGE


class TestBytearrayCodec(CodecContract):
    name = "bytearray"

    @pytest.fixture
    def codec(self):
        return BytearrayCodec()

    @pytest.fixture
    def values(self):
        return [bytearray(range(256)) * (ENOUGH // 256 + 1)]

    @pytest.fixture
    def pickled(self):
        return [bytearray(), bytearray(1 << 20)]

    @pytest.fixture
    def change(self):
        return lambda value: value.append(7)

    @pytest.fixture
    def large(self):
        return bytearray(b"x") * LARGE


def test_every_codec_that_mops_has_is_under_the_law():
    suites = [cls for cls in CodecContract.__subclasses__() if cls.__module__ == __name__]
    offered = {codec.name: codec for family in FAMILIES.values() for codec in import_module(family).CODECS.values()}

    assert {suite.name for suite in suites} == set(BUILT_IN)
    assert set(offered) == set(BUILT_IN) - {"json"}  # which users register
    for name, home in BUILT_IN.items():
        module, _, qualname = re.fullmatch(r"(.+)(:)(\w+)", home).groups()
        assert getattr(import_module(module), qualname)().name == name
