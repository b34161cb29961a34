"""The terminal of this process, as what transfers are shown on: nothing is imported for it where there is none."""

import sys
from contextlib import AbstractContextManager
from typing import Final, final

from mops.adapters.following import FOLLOWERS
from mops.core.ports.transfers import Advance, Transfers
from mops.runtime.transfers import UNTOLD


@final
class _Terminal(Transfers):
    def begin(self, name: str, total: int | None, /) -> AbstractContextManager[Advance | None]:
        if sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
            return UNTOLD
        from mops.api.display.transfers import LINE

        return LINE.begin(name, total)


def wipe_out() -> None:
    """Leave the terminal clean: an exception is about to be told of while transfers go on in other threads."""
    screens = sys.modules.get("mops.api.display.screens")
    if screens is not None:
        screens.leave_line()


def somebody_listens() -> bool:
    """Whether a line of level INFO would be seen. What nobody imported has no handlers, and costs 10 ms to import."""
    logging = sys.modules.get("logging")
    return logging is not None and logging.getLogger("mops").isEnabledFor(logging.INFO)


TERMINAL: Final = _Terminal()
"""Shows transfers that take longer than a second, where people look at this process."""

FOLLOWERS.append(TERMINAL)
