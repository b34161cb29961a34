"""Arrow arrays, tables and schemas: keyed by type and values, whatever the chunks, slices and bytes under nulls.

A column is taken as its chunks. Each gives its validity and its valid values alone, and what they give is digested as
if it were one, without a copy of values that are all valid.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mops.core.canonical.leaves import content_digest
from mops.core.errors import UnkeyableArgumentError

Chunks = Sequence[Any]


def structure_for(cls: type) -> Callable[[Any], object] | None:
    """Give the function that makes the structure of an instance of a class, if the class is Arrow's affair."""
    if issubclass(cls, pa.Array):
        return lambda array: (_type(array.type), _column([array]))
    if issubclass(cls, pa.ChunkedArray):
        return lambda array: (_type(array.type), _column(array.chunks))
    if issubclass(cls, pa.Table | pa.RecordBatch):
        return _table
    if issubclass(cls, pa.Schema):
        return _schema
    if issubclass(cls, pa.Field):
        return _field
    if issubclass(cls, pa.DataType):
        return _type
    if issubclass(cls, pa.Scalar):
        return lambda scalar: (_type(scalar.type), _column([pa.repeat(scalar, 1)]))
    return None


def _table(table: Any) -> object:
    columns = [column.chunks if isinstance(column, pa.ChunkedArray) else [column] for column in table.columns]
    return _schema(table.schema), table.num_rows, list(map(_column, columns))


def _schema(schema: Any) -> object:
    return [_field(field) for field in schema], schema.metadata


def _field(field: Any) -> object:
    return field.name, _type(field.type), field.nullable, field.metadata


def _type(data_type: Any) -> object:
    structure = str(data_type), [_field(data_type.field(index)) for index in range(data_type.num_fields)]
    if isinstance(data_type, pa.BaseExtensionType):  # the text leaves out its parameters
        serialized = pa.schema([pa.field("", data_type)]).serialize().to_pybytes()
        return structure, type(data_type), serialized, dict(getattr(data_type, "__dict__", {}))
    return (structure, _type(data_type.value_type)) if pa.types.is_dictionary(data_type) else structure


def _column(chunks: Chunks) -> object:
    """Give the structure of one column: number of rows, which of them are valid, and the valid values."""
    chunks = [_without_views(chunk) for chunk in chunks if len(chunk)]
    rows = sum(map(len, chunks))
    if not rows:
        return 0
    if not any(chunk.null_count for chunk in chunks):
        return rows, None, _values(chunks[0].type, chunks)
    validity = content_digest(*(_fixed_width(chunk.is_valid().cast(pa.int8())) for chunk in chunks))
    return rows, validity, _values(chunks[0].type, [chunk.drop_null() for chunk in chunks])


def _without_views(chunk: Any) -> Any:
    """Give an array of short views of text as one of text: Arrow has few functions for the former."""
    if pa.types.is_string_view(chunk.type):
        return chunk.cast(pa.large_string())
    return chunk.cast(pa.large_binary()) if pa.types.is_binary_view(chunk.type) else chunk


def _values(kind: Any, chunks: Chunks) -> object:
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _column([chunk.storage for chunk in chunks])
    if types.is_dictionary(kind):  # as what it stands for, unless it says that the order of its values matters
        order = _column([chunks[0].dictionary]) if kind.ordered else None
        return order, _column([chunk.dictionary_decode() for chunk in chunks])
    if types.is_boolean(kind):
        return content_digest(*(_fixed_width(chunk.cast(pa.int8())) for chunk in chunks))
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return _variable_width(chunks)
    if types.is_struct(kind):
        return list(map(_column, zip(*(chunk.flatten() for chunk in chunks), strict=True)))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        lengths = [chunk.value_lengths().cast(pa.int64()) for chunk in chunks]
        return _column(lengths), _column([chunk.flatten() for chunk in chunks])
    if _has_fixed_width(kind):
        return content_digest(*map(_fixed_width, chunks))
    return None if types.is_null(kind) else _rare_values(kind, chunks)


def _rare_values(kind: Any, chunks: Chunks) -> object:
    """Give the values of types that have to be turned into others first; never into Python's, which hold less."""
    types = pa.types
    if types.is_map(kind):
        entries = pa.list_(pa.struct([kind.key_field, kind.item_field]))
        return _column([chunk.cast(entries) for chunk in chunks])
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        return [scalar.values for chunk in chunks for scalar in chunk]
    if types.is_run_end_encoded(kind):
        return _column(list(map(pc.run_end_decode, chunks)))
    if types.is_union(kind):
        return [(scalar.type_code, scalar.value) for chunk in chunks for scalar in chunk]
    raise UnkeyableArgumentError(f"Arrow's {kind} has no key yet", advice="cast it to another type")


def _has_fixed_width(kind: Any) -> bool:
    return bool(pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_fixed_size_binary(kind))


def _fixed_width(array: Any) -> memoryview:
    """View the values of an array without nulls, in the slice that it is of its buffer."""
    width = array.type.bit_width // 8
    return memoryview(array.buffers()[1])[array.offset * width : (array.offset + len(array)) * width].cast("B")


def _variable_width(chunks: Chunks) -> object:
    lengths = content_digest(*(_fixed_width(pc.binary_length(chunk).cast(pa.int64())) for chunk in chunks))
    return lengths, content_digest(*map(_characters, chunks))


def _characters(array: Any) -> memoryview:
    _, offsets, content = array.buffers()
    is_large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    bounds = memoryview(offsets).cast("B").cast("q" if is_large else "i")
    start, stop = bounds[array.offset], bounds[array.offset + len(array)]
    return memoryview(content)[start:stop].cast("B") if stop > start else memoryview(b"")
