"""What no fork may find half done."""

import os
import threading
from typing import Final

UNFORKED: Final = threading.RLock()
"""Held while a thread of ours imports a module, and while this process forks.

A child has none of its parent's other threads: a module that one of them was importing stays locked there, and whoever
needs it waits for ever. Only for imports of what takes no other lock that forks wait for, as logging's: each of the two
threads would wait for the other.
"""

os.register_at_fork(before=UNFORKED.acquire, after_in_parent=UNFORKED.release, after_in_child=UNFORKED.release)
