"""What the copies of one submission run: a manifest, stored before any of them starts.

One line a copy: the folder of its memo and the number of its epoch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mops.core.blob_layout import batch_key, batch_owner
from mops.core.claim import create
from mops.core.effects import Get, Steps
from mops.core.envelope import MANIFEST, seal, unseal
from mops.core.errors import ShellFailed
from mops.core.patience import patiently


class Order(NamedTuple):
    """One epoch that a copy is to serve."""

    folder: str
    epoch: int


def write_manifest(batch: str, orders: Sequence[Order], patience: float) -> Steps[None]:
    """Store what the copies are to run. ``batch`` is an id that nobody used before.

    Raises:
        StoreError: it could not be stored.
    """
    lines = "\n".join(f"{folder} {epoch}" for folder, epoch in orders)
    parts = seal(MANIFEST, owner=batch_owner(batch), slot="batch", segments=(lines.encode(),))
    yield from create(batch_key(batch), parts, patience)


def read_order(batch: str, index: int, patience: float) -> Steps[Order]:
    """What the copy of that number is to run.

    Raises:
        ShellFailed: there is no such copy, or no such batch.
        CorruptBlob: the manifest is not what was written.
        StoreError: it cannot be read.
    """
    data = yield from patiently(Get(batch_key(batch)), patience)
    manifest = [] if data is None else unseal(data, owner=batch_owner(batch), slot="batch").whole
    lines = b"".join(manifest).decode().split("\n") if manifest else []
    if not 0 <= index < len(lines):
        raise ShellFailed(f"batch {batch} has {len(lines)} copies, and none of number {index}")
    folder, _, epoch = lines[index].rpartition(" ")
    return Order(folder, int(epoch))
