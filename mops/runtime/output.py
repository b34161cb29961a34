"""What a remote prints, on its way to the store: written at a beat where there is news, and before its outcome is seen.

Losing output never fails a call: a store that does not take it is asked again at the next beat, and not before.
"""

from collections.abc import Callable
from typing import Any, Final

from mops.core.blob_layout import Memo, output_slot
from mops.core.claim import Adoption, Epoch, Unreadable, key
from mops.core.effects import Effect, Get, Issue, Put
from mops.core.errors import CorruptBlob, FormatTooNew, StoreError
from mops.core.kept_output import KeptOutput, read_output

_ANOTHER: Final = b"\n[another remote goes on from here]\n"


class OutputKeeper:
    """Keeps what the remote of one epoch prints. What the remotes before it printed stays in front of it.

    Where nothing is printed, the store is not asked for anything.
    """

    def __init__(self, memo: Memo, epoch: Epoch, perform: Callable[[Effect], Any]) -> None:
        self._memo = memo
        self._epoch = epoch.number
        self._perform = perform
        self._kept = KeptOutput()
        self._stored = 0
        self._follows = sum(isinstance(record, Adoption | Unreadable) for record in epoch.log) > 1

    def add(self, data: bytes) -> None:
        """Note what was printed."""
        self._kept.add(data)

    def last_lines(self, count: int) -> bytes:
        """The end of what was printed."""
        return self._kept.last_lines(count)

    def store(self) -> None:
        """Write what was printed, if there is news. Tried once; what the store does not take is left for next time."""
        if self._kept.printed == self._stored:
            return
        slot = key(self._memo, output_slot(self._epoch))
        try:
            if self._follows:
                self._go_on_after(self._perform(Get(slot)))
            self._perform(Put(slot, self._kept.parts(self._memo, self._epoch, self._perform(Issue()).utc)))
            self._stored = self._kept.printed
        except StoreError:
            pass  # losing output never fails a call

    def _go_on_after(self, stored: Any) -> None:
        """Put what an earlier remote of this epoch printed in front of it."""
        before = KeptOutput()
        if stored is not None:
            try:
                before = read_output(self._memo, self._epoch, stored)
                before.add(_ANOTHER)
            except (CorruptBlob, FormatTooNew):
                pass  # it is lost already
        before.add(self._kept.after(0))
        self._kept = before
        self._follows = False
