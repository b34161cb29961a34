"""Keys of numpy's values."""

import numpy as np
import pytest

from mops.api.functions.key_registry import registry
from mops.core.canonical import Encoder
from mops.core.canonical.leaves import content_digest
from mops.core.errors import UnkeyableArgumentError


def key(value):
    return Encoder(registry.hooks()).encode(value, "value")


def different(*values):
    assert len({key(value) for value in values}) == len(values)


BASE = np.arange(24, dtype=np.int32).reshape(4, 6)


def test_memory_order_and_views_do_not_count():
    wide = np.zeros((8, 12), np.int32)
    wide[::2, ::2] = BASE
    for array in (np.asfortranarray(BASE), wide[::2, ::2], BASE[::-1][::-1], BASE.T.copy().T, BASE.copy()):
        assert key(array) == key(BASE)


@pytest.mark.parametrize(
    "shape", [(3, 2_000_001), (2_000_001, 3), (5_000_000,), (2, 1, 1_500_000, 2), (2, 700, 1000, 2)]
)
def test_the_order_of_large_arrays_does_not_count(shape):
    array = np.random.default_rng(1).random(shape)
    for order in ("F", "C"):
        assert key(np.asarray(array, order=order)) == key(array)
    for turned in (array.T, array[::-1], array[..., ::2]):
        assert key(turned) == key(turned.copy())


def test_dtype_shape_and_values_count():
    changed = BASE.copy()
    changed[3, 5] += 1
    different(
        BASE, BASE.T, BASE.ravel(), BASE.astype(np.int64), BASE.astype(np.float32), BASE.astype(">i4"),
        changed, BASE.tolist(),
        BASE.astype("U3"), BASE.astype("S3"), BASE.astype("M8[s]"), BASE.astype("M8[ns]"), BASE.astype("m8[s]"),
        BASE.astype(bool), BASE.astype(object),
    )  # fmt: skip


def test_empty_and_zero_dimensional_arrays_are_keyed():
    different(
        np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(0, "U"), np.array(1), np.array([1]),
        np.zeros(3, "U0"),
        np.array(None, object),
    )  # fmt: skip
    assert key(np.array(1)) == key(np.array(1))


def test_floats_count_bit_by_bit():
    different(np.array([0.0]), np.array([-0.0]), np.array([np.nan]), np.array([-np.nan]))
    assert key(np.array([np.nan])) == key(np.array([np.nan]))


def test_scalars_are_neither_python_numbers_nor_arrays():
    different(np.float64(1), 1.0, np.float32(1), np.int64(1), 1, np.array(1.0), np.bool_(True), True, np.str_("1"), "1")
    different(
        np.datetime64("2020-01-01"), np.datetime64("2020-01-01", "s"), np.datetime64("NaT"), np.timedelta64(1, "s")
    )
    assert key(np.float64(1)) == key(np.float64(1))
    assert key([np.float64(1)] * 10) == key([np.float64(1) for _ in range(10)])


def test_objects_within_arrays_are_keyed_one_by_one():
    def array(*values):
        found = np.empty(len(values), object)
        found[:] = values
        return found

    assert key(array("a", [1], None)) == key(array("a", [1], None))
    different(array("a", [1], None), array("a", [2], None), array("a", (1,), None), array(1), array(True), array(1.0))
    with pytest.raises(UnkeyableArgumentError) as caught:
        key({"k": array(1, iter([]))})
    assert caught.value.path == "value['k'][1]"


def test_padding_of_structures_does_not_count_but_names_and_types_do():
    aligned = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    aligned.view(np.uint8)[1] = 7  # in the padding behind the first `a`
    clean = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    assert key(aligned) == key(clean)
    assert key(clean) == key(np.zeros(3, [("a", "i1"), ("b", "f8")]))
    values = clean.copy()
    values["b"][1] = 1
    different(
        clean, values, np.zeros(3, [("a", "i1"), ("c", "f8")]), np.zeros(3, [("b", "f8"), ("a", "i1")]),
        np.zeros(3, [("a", "u1"), ("b", "f8")]), np.zeros(3, [("a", "i1"), ("b", "f8", (2,))]), clean[0],
        np.zeros(3, [("a", "i1"), ("b", [("c", "f8")])]), np.zeros(3, [("a", object), ("b", "f8")]),
    )  # fmt: skip


def test_undefined_bytes_of_long_doubles_do_not_count():
    one, other = np.ones(2, np.longdouble), np.ones(2, np.longdouble)
    if np.finfo(np.longdouble).nmant == 63:
        other.view(np.uint8).reshape(-1, 16)[:, 10:] = 9
    assert np.array_equal(one, other)
    assert key(one) == key(other)
    assert key(one) != key(np.array([1, 2], np.longdouble))
    assert key(one * 1j) != key(one * 2j)


def test_masked_arrays_count_by_data_mask_and_fill_value():
    def masked(data, mask, **options):
        return np.ma.array(data, mask=mask, **options)

    assert key(masked([1, 2], [0, 1])) == key(masked([1, 2], [False, True]))
    assert key(masked([1, 2], False)) == key(masked([1, 2], [0, 0]))
    different(
        masked([1, 2], [0, 1]), masked([1, 2], [1, 1]), masked([1, 3], [0, 0]), masked([1, 2], [0, 1], fill_value=5),
        masked([1, 2], [0, 1], hard_mask=True), np.array([1, 2]),
    )  # fmt: skip


class Tagged(np.ndarray):
    pass


def test_subclasses_count_by_class_and_attributes():
    plain = BASE.view(Tagged)
    tagged = BASE.copy().view(Tagged)
    tagged.unit = "m"
    different(plain, tagged, BASE, BASE.view(np.recarray))
    assert key(plain) == key(BASE.copy().view(Tagged))


class TaggedMasked(np.ma.MaskedArray):
    pass


class TaggedMap(np.memmap):
    pass


class TaggedNumber(np.float64):
    pass


def test_attributes_of_every_kind_of_subclass_count(tmp_path):
    np.zeros(2, np.int32).tofile(tmp_path / "file")
    makers = [
        lambda: TaggedMasked([1, 2]),
        lambda: np.ma.array([1, 2]),
        lambda: TaggedMap(tmp_path / "file", np.int32, "r"),
        lambda: TaggedNumber(1),
    ]
    for make in makers:
        plain, one, other = make(), make(), make()
        one.unit, other.unit = "m", "s"
        different(plain, one, other)
        assert key(plain) == key(make())


def test_the_kind_of_array_under_a_mask_counts():
    tagged = BASE.copy().view(Tagged)
    tagged.unit = "m"
    different(np.ma.array(BASE), np.ma.array(BASE.view(Tagged)), np.ma.array(tagged))


def test_a_memory_map_counts_by_its_content(tmp_path):
    maps = []
    for name in ("one", "two"):
        maps.append(np.memmap(tmp_path / name, np.int32, "w+", shape=BASE.shape))
        maps[-1][:] = BASE
    assert key(maps[0]) == key(maps[1])
    assert key(maps[0]) != key(BASE)


def test_dtypes_and_ufuncs_are_values():
    different(
        np.dtype("f8"), np.dtype("f4"), np.dtype(">f8"), np.float64, np.dtype([("a", "f8")]), np.dtype(("f8", (2,)))
    )
    different(np.add, np.subtract)
    with pytest.raises(UnkeyableArgumentError, match="cannot be imported"):
        key(np.frompyfunc(lambda x: x, 1, 1))


class Row(np.record):
    pass


def test_a_dtype_as_a_value_counts_with_its_layout():
    fields = {"names": ["a", "b"], "formats": ["i1", "f8"]}
    different(
        np.dtype(fields), np.dtype(fields, align=True), np.dtype({**fields, "offsets": [0, 8]}),
        np.dtype({**fields, "offsets": [8, 0]}), np.dtype({**fields, "itemsize": 32}),
        np.dtype({**fields, "titles": ["x", "y"]}), np.dtype((np.record, fields)), np.dtype((Row, fields)),
        np.dtype([("a", np.dtype(fields))]), np.dtype([("a", np.dtype(fields, align=True))]),
        np.dtype((np.dtype(fields), (2,))), np.dtype((np.dtype(fields, align=True), (2,))),
        np.dtype(("i4", (2,))), np.dtype(("i4", (2, 1))), np.dtype("V8"), np.dtype("V9"),
        np.dtype("i4"), np.dtype("i4", metadata={"a": 1}), np.dtype("i4", metadata={"a": 2}),
    )  # fmt: skip
    assert key(np.dtype(fields)) == key(np.dtype([("a", "i1"), ("b", "f8")]))


def test_metadata_and_class_of_elements_count_for_arrays_too():
    rows = np.zeros(2, [("a", "i4")])
    different(
        rows, rows.view((np.record, rows.dtype)), rows.view((Row, rows.dtype)), np.zeros(2, "i4"),
        np.zeros(2, np.dtype("i4", metadata={"unit": "m"})), np.zeros(2, np.dtype("i4", metadata={"unit": "s"})),
        np.zeros(2, [("a", np.dtype("i4", metadata={"unit": "m"}))]),
    )  # fmt: skip


class Missing:
    def __init__(self, reason):
        self.reason = reason

    def __repr__(self):
        return "missing"


def test_the_missing_value_of_a_string_dtype_counts_by_its_value():
    different(*(np.dtypes.StringDType(na_object=missing) for missing in (Missing("a"), Missing("b"), None, np.nan)))
    different(np.dtypes.StringDType(), np.dtypes.StringDType(coerce=False))


def test_variable_width_strings_are_keyed_by_value():
    strings = np.array(["a", "b" * 40], np.dtypes.StringDType())
    assert key(strings) == key(strings.copy())
    different(strings, strings[::-1], strings.astype("U40"), strings.astype(np.dtypes.StringDType(na_object=None)))


def test_a_large_array_is_known_by_the_digest_of_its_bytes():
    large = np.arange(2_000_000, dtype=np.float64)
    digest = content_digest(large.tobytes())
    assert digest == content_digest(memoryview(large).cast("B"))
    assert key(large) == key(np.asfortranarray(large))
    large[-1] = -1
    assert key(large) != key(np.arange(2_000_000, dtype=np.float64))
