"""Arrays, scalars and dtypes of numpy: keyed by dtype, shape and values.

Memory order, strides, padding, flags and the file behind a ``memmap`` do not count; byte order, which the dtype shows,
does. The bytes of an array are digested in C order, so the digest is also the name of its content. Python objects
within arrays are keyed one by one. A dtype that is itself the value counts with its layout, too.
"""

import sys
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from mops.core.canonical.instances import Layout
from mops.core.canonical.leaves import content_digest, digest_of_blocks
from mops.core.errors import UnkeyableArgumentError

_EXTENDED = "gG"  # long doubles, real and complex
_PADDED_BITS = 63  # mantissa of the x87 format, which fills 10 of its 16 bytes and leaves the others undefined
_BLOCK = 4 << 20
_OWN_OF_MAPS = frozenset({"_mmap", "filename", "mode", "offset"})
_OWN_OF_MASKED = frozenset(
    {"_basedict", "_baseclass", "_fill_value", "_hardmask", "_isfield", "_mask", "_optinfo", "_sharedmask"}
)


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is numpy's affair."""
    if issubclass(cls, np.ma.MaskedArray):
        return _with_attributes(cls, _masked, _OWN_OF_MASKED)
    if cls is np.ndarray:
        return _array
    if issubclass(cls, np.ndarray):
        own = _OWN_OF_MAPS if issubclass(cls, np.memmap) else ()
        return _with_attributes(cls, lambda array: _array(array.view(np.ndarray)), own)
    if issubclass(cls, np.generic):
        return _scalar if cls.__module__.startswith("numpy") else _with_attributes(cls, _scalar)
    if issubclass(cls, np.dtype):
        return _whole_dtype
    return _ufunc if cls is np.ufunc else None


def _with_attributes(
    cls: type, structure: Callable[[Any], object], own: Collection[str] = ()
) -> Callable[[Any], object]:
    """Add what an instance of a subclass holds beside numpy's own attributes."""
    state = Layout(cls).state
    return lambda value: (
        structure(value),
        {name: each for name, each in state(value).items() if name not in own},
    )


def _scalar(value: np.generic) -> object:
    return _array(np.asarray(value))


def _array(array: np.ndarray[Any, Any]) -> object:
    return _dtype(array.dtype), array.shape, _values(array)


def _masked(array: np.ma.MaskedArray[Any, Any]) -> object:
    data = _array(np.asarray(array.data)), np.ma.getmaskarray(array), array.fill_value, array.hardmask
    return data if array.baseclass is np.ndarray else (*data, array.data)


def _values(array: np.ndarray[Any, Any]) -> object:
    if array.dtype.names is not None:  # field by field, so that padding between them has no part in it
        return [_values(array[name]) for name in array.dtype.names]
    if array.dtype.hasobject or array.dtype.kind == "T":
        return array.ravel().tolist()
    if array.dtype.char in _EXTENDED and np.finfo(np.longdouble).nmant == _PADDED_BITS:
        return content_digest(_bytes_of(array).reshape(-1, 16)[:, :10].tobytes())
    return digest_of_blocks((_bytes_of(block).data for block in _blocks(array)), array.nbytes)


def _blocks(array: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """The array in C order, in parts that take little memory to be brought into it."""
    if array.flags.c_contiguous or array.nbytes <= _BLOCK:
        yield array
        return
    rows = max(1, _BLOCK * len(array) // array.nbytes)
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        yield from _blocks(part[0] if rows == 1 else part)


def _bytes_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not array.nbytes:
        return np.empty(0, np.uint8)
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _dtype(dtype: np.dtype[Any]) -> object:
    """Give what of a dtype counts for the arrays that have it: all but the layout of fields."""
    structure = _plain_dtype(dtype)
    if dtype.metadata is None and (dtype.names is None or dtype.type is np.void):
        return structure
    return structure, dtype.type, dict(dtype.metadata or {})


def _plain_dtype(dtype: np.dtype[Any]) -> object:
    if dtype.subdtype is not None:
        return _dtype(dtype.subdtype[0]), dtype.subdtype[1]
    if dtype.names is not None:
        return [(name, _dtype(field[0]), field[2:]) for name, field in _fields(dtype)]
    if dtype.kind == "T":
        text: Any = dtype  # numpy 1 has no such class
        return repr(text), text.coerce, [text.na_object] if hasattr(text, "na_object") else []
    return dtype.str, dtype.name


def _whole_dtype(dtype: np.dtype[Any]) -> object:
    layout = [(field[1], _whole_dtype(field[0])) for _, field in _fields(dtype)]
    if dtype.subdtype is not None:
        layout = [(0, _whole_dtype(dtype.subdtype[0]))]
    return _dtype(dtype), dtype.itemsize, dtype.alignment, dtype.isalignedstruct, layout


def _fields(dtype: np.dtype[Any]) -> list[tuple[str, Any]]:
    return [(name, dtype.fields[name]) for name in dtype.names or () if dtype.fields is not None]


def _ufunc(value: np.ufunc) -> object:
    """Name a ufunc that can be imported; those of ``frompyfunc`` have a name, too, but it says nothing."""
    for module in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(module), value.__name__, None) is value:
            return module, value.__name__
    raise UnkeyableArgumentError(f"the ufunc {value.__name__} cannot be imported from numpy or scipy.special")
