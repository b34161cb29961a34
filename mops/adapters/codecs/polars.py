"""Frames of polars as Arrow IPC files: ``polars.read_ipc`` and ``pyarrow.ipc.open_file`` read them without a copy."""

from collections.abc import Callable, Mapping, Sequence
from types import NotImplementedType
from typing import Any, Final

import polars as pl

from mops.core.envelope import INLINE_LIMIT
from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import Codec

_NOT_TOLD: Final = ("Categorical", "Enum", "Object")
"""Dtypes with something that a process holds: threads that bring an Enum back and look at it may even deadlock."""


class FrameCodec(Codec[pl.DataFrame]):
    """Frames over 1 MiB; smaller ones lie in an envelope. Needs pyarrow, as keys of frames do."""

    @property
    def name(self) -> str:
        """``polars``."""
        return "polars"

    def encode(self, value: pl.DataFrame, /) -> Sequence[Buffer] | NotImplementedType:
        """As the port says."""
        table = _arrow_of(value)
        if table is None:
            return NotImplemented
        from mops.adapters.codecs.pyarrow import table_parts

        return table_parts(table)

    def decode(self, buffer: Buffer, /) -> pl.DataFrame:
        """As the port says."""
        from mops.adapters.codecs.pyarrow import table_from

        return frame_from(table_from(buffer))


def frame_from(table: Any) -> pl.DataFrame:
    """The frame of a table. Pickles in stores name this function: it is never renamed."""
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame


def series_from(table: Any) -> pl.Series:
    """The series of a table of one column. Pickles in stores name this function: it is never renamed."""
    return frame_from(table).to_series()


def _reduce_frame(frame: pl.DataFrame) -> Any:
    table = _arrow_of(frame)
    return frame.__reduce_ex__(5) if table is None else (frame_from, (table,))


def _reduce_series(series: pl.Series) -> Any:
    table = _arrow_of(series.to_frame())
    return series.__reduce_ex__(5) if table is None else (series_from, (table,))


def _arrow_of(frame: pl.DataFrame) -> Any:
    """The columns of a large frame as an Arrow table that they share their memory with.

    ``None`` for a small frame, and where Arrow would not give back the same one.
    """
    if frame.estimated_size() <= INLINE_LIMIT or any(word in str(frame.schema) for word in _NOT_TOLD):
        return None
    try:
        table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
        told = frame_from(table.slice(0, 0)).schema
    except Exception:  # noqa: BLE001 - of no common base: pyarrow is missing, or one of the two lacks a type
        return None
    return table if told == frame.schema else None


CODECS: Final = {pl.DataFrame: FrameCodec()}
REDUCTIONS: Final[Mapping[type, Callable[[Any], Any]]] = {pl.DataFrame: _reduce_frame, pl.Series: _reduce_series}
"""How they are pickled, so that their columns need not be copied."""
