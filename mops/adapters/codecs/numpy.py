"""Arrays as ``.npy``: ``numpy.load`` reads them, and a map of the file is an array without a copy.

The format puts the data on a multiple of 64. What it does not tell is pickled: objects, read-only arrays, subclasses,
metadata, aligned structures and dtypes of other libraries.
"""

import io
from collections.abc import Sequence
from types import NotImplementedType
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy

from mops.core.envelope import INLINE_LIMIT
from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import Codec

_LONGEST_HEADER: Final = 1 << 16  # of version 1.0 of the format; two bytes say how long it is
_VERSION: Final = (1, 0)

Array = np.ndarray[Any, Any]


class NpyCodec(Codec[Array]):
    """Arrays over 1 MiB; smaller ones lie in an envelope, where a pickle is faster."""

    @property
    def name(self) -> str:
        """``npy``."""
        return "npy"

    def encode(self, value: Array, /) -> Sequence[Buffer] | NotImplementedType:
        """As the port says. Copies an array that is contiguous in neither order."""
        if value.nbytes <= INLINE_LIMIT or not value.flags.writeable or not _is_told(value.dtype):
            return NotImplemented
        ordered = value if value.flags.forc else np.ascontiguousarray(value)
        header = io.BytesIO()
        try:
            npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(ordered))
        except ValueError:  # it is too long, or has names that are not Latin-1
            return NotImplemented
        return [header.getvalue(), ordered.reshape(-1, order="A").view(np.uint8).data]

    def decode(self, buffer: Buffer, /) -> Array:
        """As the port says."""
        content = memoryview(buffer)
        start = io.BytesIO(content[: 2 * _LONGEST_HEADER])
        if npy.read_magic(start) != _VERSION:
            raise ValueError("not an array in version 1.0 of the npy format")
        shape, is_fortran, dtype = npy.read_array_header_1_0(start, max_header_size=_LONGEST_HEADER)
        order: Any = "F" if is_fortran else "C"
        array: Array = np.ndarray(shape, dtype, content, start.tell(), order=order)
        return array.copy(order) if content.readonly else array


def _is_told(dtype: np.dtype[Any]) -> bool:
    """Whether the format gives back the dtype exactly."""
    if dtype.hasobject or _has_metadata(dtype):
        return False
    told = npy.descr_to_dtype(npy.dtype_to_descr(dtype))
    return told == dtype and told.type is dtype.type and repr(told) == repr(dtype)


def _has_metadata(dtype: np.dtype[Any]) -> bool:
    if dtype.subdtype is not None:
        return _has_metadata(dtype.subdtype[0])
    return bool(dtype.metadata) or any(_has_metadata(dtype[name]) for name in dtype.names or ())


CODECS: Final = {np.ndarray: NpyCodec()}
