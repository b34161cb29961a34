"""What remotes printed, read back from beside their epochs. Text and bytes: nothing is unpickled."""

import sys

from mops.api.records.listing import layer_of
from mops.core.blob_layout import Memo, output_slot
from mops.core.claim import key
from mops.core.envelope import Envelope
from mops.core.errors import CorruptBlob, FormatTooNew, StoreError
from mops.core.kept_output import KeptOutput, read_output
from mops.core.ports.blob_store import BlobStore


def stored_output(store: BlobStore, memo: Memo, epoch: int) -> KeptOutput | None:
    """What the remotes of an epoch printed so far, as far as it is kept; ``None`` where nothing is.

    Raises:
        CorruptBlob: it is not what was written.
        StoreError: the store cannot be read.
    """
    data = store.get(key(memo, output_slot(epoch)))
    return None if data is None else read_output(memo, epoch, data)


def replay_logs(store: BlobStore, memo: Memo, result: Envelope) -> None:
    """Print what was printed while a result was computed, on standard error. Losing output never fails a call."""
    try:
        output = stored_output(layer_of(store, memo.folder), memo, int(result.header()["epoch"]))
        if output is not None:
            sys.stderr.write(output.after(0).decode(errors="replace"))
            sys.stderr.flush()
    except (StoreError, CorruptBlob, FormatTooNew, KeyError, TypeError, ValueError, AttributeError, OSError):
        return  # as it is lost where nobody reads it
