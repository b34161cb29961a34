"""Arrays, scalars and dtypes of numpy: keyed by dtype, shape and values.

Memory order, strides, padding and the file behind a ``memmap`` do not count; byte order, which the dtype shows, does.
The bytes of an array are digested in C order, so the digest is also the name of its content. Python objects within
arrays are keyed one by one.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from mops.core.canonical.leaves import content_digest
from mops.core.errors import UnkeyableArgumentError

_EXTENDED = "gG"  # long doubles, real and complex
_PADDED_BITS = 63  # mantissa of the x87 format, which fills 10 of its 16 bytes and leaves the others undefined


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is numpy's affair."""
    if issubclass(cls, np.ma.MaskedArray):
        return _masked
    if issubclass(cls, np.ndarray):
        return _array if cls is np.ndarray else _array_with_attributes
    if issubclass(cls, np.generic):
        return lambda value: _array(np.asarray(value))
    if issubclass(cls, np.dtype):
        return _dtype
    return _ufunc if cls is np.ufunc else None


def _array(array: np.ndarray[Any, Any]) -> object:
    return _dtype(array.dtype), array.shape, _values(array)


def _array_with_attributes(array: np.ndarray[Any, Any]) -> object:
    return _array(array.view(np.ndarray)), {} if isinstance(array, np.memmap) else getattr(array, "__dict__", {})


def _masked(array: np.ma.MaskedArray[Any, Any]) -> object:
    return _array(np.asarray(array.data)), np.ma.getmaskarray(array), array.fill_value, array.hardmask


def _values(array: np.ndarray[Any, Any]) -> object:
    if array.dtype.names is not None:  # field by field, so that padding between them has no part in it
        return [_values(array[name]) for name in array.dtype.names]
    if array.dtype.hasobject or array.dtype.kind == "T":
        return array.ravel().tolist()
    if array.dtype.char in _EXTENDED and np.finfo(np.longdouble).nmant == _PADDED_BITS:
        return content_digest(_bytes_of(array).reshape(-1, 16)[:, :10].tobytes())
    return content_digest(_bytes_of(array).data)


def _bytes_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not array.nbytes:
        return np.empty(0, np.uint8)
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _dtype(dtype: np.dtype[Any]) -> object:
    if dtype.subdtype is not None:
        return _dtype(dtype.subdtype[0]), dtype.subdtype[1]
    if dtype.fields is None:
        return repr(dtype) if dtype.kind == "T" else (dtype.str, dtype.name)
    return [(name, _dtype(field[0]), field[2:]) for name, field in dtype.fields.items() if name in (dtype.names or ())]


def _ufunc(value: np.ufunc) -> object:
    """Name a ufunc that can be imported; those of ``frompyfunc`` have a name, too, but it says nothing."""
    for module in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(module), value.__name__, None) is value:
            return module, value.__name__
    raise UnkeyableArgumentError(f"the ufunc {value.__name__} cannot be imported from numpy or scipy.special")
