"""Frames, series, indexes, extension arrays and scalars of pandas: keyed by names, index, dtypes and values.

A frame is keyed column by column, so how its blocks lie in memory does not count; ``attrs``, flags and the
``_metadata`` of subclasses do. Values under a missing one do not count.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from pandas.api.extensions import ExtensionArray

_MASKED = (pd.arrays.BooleanArray, pd.arrays.IntegerArray, pd.arrays.FloatingArray)


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is pandas' affair."""
    for known, structure in _STRUCTURES.items():
        if issubclass(cls, known):
            return structure
    return None


def _frame(frame: pd.DataFrame) -> object:
    columns = [_content(frame.iloc[:, place].array) for place in range(frame.shape[1])]
    return frame.columns, frame.index, columns, _extras(frame)


def _series(series: pd.Series) -> object:
    return series.name, series.index, _content(series.array), _extras(series)


def _extras(value: Any) -> object:
    named = {name: getattr(value, name, None) for name in value._metadata if name != "_name"}  # noqa: SLF001 (documented for subclasses)
    return value.attrs, value.flags.allows_duplicate_labels, named


def _index(index: pd.Index) -> object:
    return index.name, _content(index.array), getattr(index, "freqstr", None)


def _range_index(index: pd.RangeIndex) -> object:
    return index.name, index.start, index.stop, index.step


def _multi_index(index: pd.MultiIndex) -> object:
    return list(index.names), [_content(index.get_level_values(level).array) for level in range(index.nlevels)]


def _content(array: ExtensionArray) -> object:
    """Give the ndarray where there is one, else the array itself, which is keyed by ``_extension_array``."""
    return array.to_numpy() if type(array) is pd.arrays.NumpyExtensionArray else array  # strings are a subclass


def _extension_array(array: ExtensionArray) -> object:
    return _dtype_text(array.dtype), _values(array)


def _dtype(dtype: Any) -> object:
    return (dtype.categories, dtype.ordered) if isinstance(dtype, pd.CategoricalDtype) else _dtype_text(dtype)


def _dtype_text(dtype: Any) -> str:
    return repr(dtype) if isinstance(dtype, pd.StringDtype) else str(dtype)  # the text leaves out where strings are


def _values(array: Any) -> object:
    if isinstance(array, pd.Categorical):
        return array.codes, array.categories, array.ordered
    if isinstance(array, _MASKED):
        missing = array.isna()
        return missing, array.to_numpy(dtype=array.dtype.numpy_dtype, na_value=0)
    if isinstance(array, pd.arrays.DatetimeArray | pd.arrays.TimedeltaArray | pd.arrays.PeriodArray):
        return array.asi8
    if isinstance(array, pd.arrays.IntervalArray):
        return array.left, array.right
    if isinstance(array, pd.arrays.SparseArray):
        return array.to_dense()
    if isinstance(array, pd.arrays.NumpyExtensionArray):
        return array.to_numpy()
    return _arrow(array) if hasattr(array, "__arrow_array__") else list(array)


def _arrow(array: Any) -> object:
    """Give the Arrow form; pandas stores text of one dtype now with short, now with long offsets."""
    from pyarrow import large_string, types  # an array that has this form has loaded it

    values = array.__arrow_array__()
    return values.cast(large_string()) if types.is_string(values.type) else values


def _timestamp(value: pd.Timestamp) -> object:
    return int(value.asm8.view("i8")), value.unit, value.tzinfo, value.fold


_STRUCTURES: dict[type, Callable[[Any], object]] = {
    pd.DataFrame: _frame,
    pd.Series: _series,
    pd.MultiIndex: _multi_index,
    pd.RangeIndex: _range_index,
    pd.Index: _index,
    ExtensionArray: _extension_array,
    type(pd.NaT): str,
    type(pd.NA): str,
    pd.Timestamp: _timestamp,
    pd.Timedelta: lambda value: (int(value.asm8.view("i8")), value.unit),
    pd.Period: lambda value: (value.ordinal, value.freqstr),
    pd.Interval: lambda value: (value.left, value.right, value.closed),
    pd.api.extensions.ExtensionDtype: _dtype,
}
