"""Frames, series, indexes, extension arrays and scalars of pandas: keyed by names, index, dtypes and values.

A frame is keyed column by column, so how its blocks lie in memory does not count; ``attrs``, flags and whatever else an
object holds beside pandas' own attributes do. Values under a missing one, and levels of a ``MultiIndex`` that none of
its rows uses, do not count.
"""

from collections.abc import Callable, Collection
from typing import Any

import pandas as pd
from pandas.api.extensions import ExtensionArray

from mops.core.canonical.instances import Layout

_MASKED = (pd.arrays.BooleanArray, pd.arrays.IntegerArray, pd.arrays.FloatingArray)
_SAMPLES = pd.DataFrame(), pd.Series(dtype=object), pd.Index([]), pd.RangeIndex(0), pd.DatetimeIndex([])
_OPEN = {pd.DataFrame, pd.Series, pd.MultiIndex, pd.RangeIndex, pd.Index}  # to attributes that users set
_OWN = frozenset(
    {"_cache", "_codes", "_freq", "_levels", "_names", "_typ", "sortorder"}.union(
        pd.DataFrame._internal_names,  # noqa: SLF001 (documented for subclasses)
        *map(vars, _SAMPLES),
    )
)
"""Attributes that pandas gives its own objects."""


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is pandas' affair."""
    for known, structure in _STRUCTURES.items():
        if issubclass(cls, known):
            if known in _OPEN:
                return _with_attributes(cls, structure, _OWN)
            return structure if cls.__module__.partition(".")[0] == "pandas" else _with_attributes(cls, structure)
    return None


def _with_attributes(
    cls: type, structure: Callable[[Any], object], own: Collection[str] = ()
) -> Callable[[Any], object]:
    """Add what an instance holds that pandas has not put there."""
    state = Layout(cls).state
    accessors: Collection[str] = getattr(cls, "_accessors", ())  # ``series.str`` and the like, once they were asked for

    def extended(value: Any) -> object:
        held = {name: each for name, each in state(value).items() if name not in own and name not in accessors}
        return structure(value), held

    return extended


def _frame(frame: pd.DataFrame) -> object:
    columns = [_content(frame.iloc[:, place].array) for place in range(frame.shape[1])]
    return frame.columns, frame.index, columns, _extras(frame)


def _series(series: pd.Series) -> object:
    return series.name, series.index, _content(series.array), _extras(series)


def _extras(value: Any) -> object:
    named = {name: getattr(value, name, None) for name in value._metadata if name != "_name"}  # noqa: SLF001 (documented for subclasses)
    return value.attrs, value.flags.allows_duplicate_labels, named


def _index(index: pd.Index) -> object:
    return index.name, _content(index.array), getattr(index, "freq", None)


def _range_index(index: pd.RangeIndex) -> object:
    return index.name, index.start, index.stop, index.step


def _multi_index(index: pd.MultiIndex) -> object:
    unnamed = index.set_names([None] * index.nlevels)  # a level is looked for by its name first, and names may be ints
    return list(index.names), [_content(unnamed.get_level_values(level).array) for level in range(index.nlevels)]


def _content(array: ExtensionArray) -> object:
    """Give the ndarray where there is one, else the array itself, which is keyed by ``_extension_array``."""
    return array.to_numpy() if type(array) is pd.arrays.NumpyExtensionArray else array  # strings are a subclass


def _extension_array(array: ExtensionArray) -> object:
    return array.dtype, _values(array)


def _dtype(dtype: Any) -> object:
    """Give the text of a dtype, which need not tell it from all others, and the attributes that do."""
    return str(dtype), {name: getattr(dtype, name) for name in dtype._metadata}  # noqa: SLF001 (documented for authors of dtypes)


def _values(array: Any) -> object:
    if isinstance(array, pd.Categorical):
        return array.codes
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
    pd.Period: lambda value: (value.ordinal, value.freq),
    pd.Interval: lambda value: (value.left, value.right, value.closed),
    pd.api.extensions.ExtensionDtype: _dtype,
}
