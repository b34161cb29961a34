"""Arrow tables and record batches as Arrow IPC files: ``pyarrow.ipc.open_file`` and others read them without a copy."""

from collections.abc import Callable, Iterator, Sequence
from types import NotImplementedType
from typing import Any, Final

import pyarrow as pa

from mops.core.envelope import INLINE_LIMIT
from mops.core.ports.blob_store import Buffer
from mops.core.ports.codec import Codec


class TableCodec(Codec[Any]):
    """Tables over 1 MiB; smaller ones lie in an envelope."""

    @property
    def name(self) -> str:
        """``arrow``."""
        return "arrow"

    def encode(self, value: Any, /) -> Sequence[Buffer] | NotImplementedType:
        """As the port says. Chunks stay as they are, where all columns have the same ones."""
        return _encode(value, lambda writer: writer.write_table(value))

    def decode(self, buffer: Buffer, /) -> Any:
        """As the port says."""
        return table_from(buffer)


class RecordBatchCodec(Codec[Any]):
    """Record batches over 1 MiB: files of one batch."""

    @property
    def name(self) -> str:
        """``arrow-batch``."""
        return "arrow-batch"

    def encode(self, value: Any, /) -> Sequence[Buffer] | NotImplementedType:
        """As the port says."""
        return _encode(value, lambda writer: writer.write_batch(value))

    def decode(self, buffer: Buffer, /) -> Any:
        """As the port says."""
        return pa.ipc.open_file(pa.py_buffer(buffer)).get_batch(0)


def table_parts(table: Any) -> Sequence[Buffer]:
    """The bytes of a table, without a copy of its columns.

    Raises:
        pyarrow.ArrowException: the format cannot hold it.
    """
    return _written(table.schema, lambda writer: writer.write_table(table))


def table_from(buffer: Buffer) -> Any:
    """The table in a buffer, whose memory it uses."""
    return pa.ipc.open_file(pa.py_buffer(buffer)).read_all()


def _encode(value: Any, write: Callable[[Any], None]) -> Sequence[Buffer] | NotImplementedType:
    if value.nbytes <= INLINE_LIMIT or any(map(_is_registered, _types(value.schema))):
        return NotImplemented
    try:
        return _written(value.schema, write)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # such as chunks with a dictionary each
        return NotImplemented


def _written(schema: Any, write: Callable[[Any], None]) -> Sequence[Buffer]:
    sink = _Pieces()
    with pa.ipc.new_file(pa.PythonFile(sink, mode="w"), schema) as writer:
        write(writer)
    return sink.pieces


def _types(schema: Any) -> Iterator[Any]:
    pending = list(schema.types)
    while pending:
        each = pending.pop()
        yield each
        pending += [each.field(index).type for index in range(each.num_fields)]
        pending += [each.value_type] if pa.types.is_dictionary(each) else []


def _is_registered(data_type: Any) -> bool:
    """Whether a process reads another type where nobody has registered this one."""
    return isinstance(data_type, pa.BaseExtensionType)


class _Pieces:
    """A file that keeps what is written to it, and joins only what is small."""

    closed = False

    def __init__(self) -> None:
        self.pieces: list[bytes | memoryview] = []
        self._size = 0

    def write(self, data: Any) -> int:
        piece = data if isinstance(data, bytes) else memoryview(data).cast("B")
        if len(piece) <= _SMALL and self.pieces and isinstance(self.pieces[-1], bytes):
            self.pieces[-1] += bytes(piece)
        else:
            self.pieces.append(bytes(piece) if len(piece) <= _SMALL else piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


_SMALL: Final = 1 << 12

CODECS: Final = {pa.Table: TableCodec(), pa.RecordBatch: RecordBatchCodec()}
