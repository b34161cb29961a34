"""Frames and series of polars: keyed by names, dtypes and values, whatever the chunks. The values go through Arrow."""

from collections.abc import Callable
from typing import Any

import polars as pl

from mops.core.canonical.instances import Layout
from mops.core.errors import UnkeyableArgumentError

_OWN = frozenset({"_df", "_s"})  # where polars keeps what is keyed by its values


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is polars' affair."""
    if issubclass(cls, pl.DataFrame):
        return _with_attributes(cls, lambda frame: (frame.height, list(map(_series, frame.get_columns()))))
    if issubclass(cls, pl.Series):
        return _with_attributes(cls, _series)
    if issubclass(cls, pl.LazyFrame):
        return _refuse
    return None


def _with_attributes(cls: type, structure: Callable[[Any], object]) -> Callable[[Any], object]:
    state = Layout(cls).state
    return lambda value: (structure(value), {name: each for name, each in state(value).items() if name not in _OWN})


def _series(series: pl.Series) -> object:
    return series.name, repr(series.dtype), _values(series)


def _values(series: pl.Series) -> object:
    dtype = series.dtype
    if dtype == pl.Object:
        return series.to_list()
    if dtype == pl.Categorical:  # the codes depend on what else the process has seen
        series = series.cast(pl.String)
    try:
        return series.to_arrow()
    except ImportError as error:
        raise UnkeyableArgumentError("keys of polars need pyarrow", advice="pip install pyarrow") from error
    except Exception as error:
        raise UnkeyableArgumentError(f"Arrow has no {dtype}: {error}", advice="cast it to another type") from error


def _refuse(_: pl.LazyFrame) -> object:
    raise UnkeyableArgumentError("a LazyFrame is a plan, and what it reads may change", advice="pass frame.collect()")
