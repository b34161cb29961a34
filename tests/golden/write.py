"""Writes the golden store of the present format: ``python -m tests.golden.write FOLDER``. Run once for each format."""

import contextlib
import sys

from mops.core.claim import void
from mops.runtime.inline import drive
from tests.golden import functions

RECORD = {"int": 1, "float": 0.5, "text": "naïve", "bytes": b"\x00\xff", "none": None, "list": [1, 2, 3], "flag": True}
SIZE = 2 << 20


def write(folder: str) -> None:
    """Make one memo of each kind: a value, plain data, a payload under ``blob/``, a failure, a voided generation."""
    functions.root = lambda: folder
    functions.add(2, 3)
    functions.describe(RECORD)
    functions.large(SIZE)
    with contextlib.suppress(ValueError):
        functions.fail("on purpose")
    functions.add(4, 5)
    invocation = functions._runner.invocation(functions.add.__mops_declaration__, (4, 5), {})
    drive(void(invocation.memo, 0, 1.0), invocation.world.perform)
    functions.add(4, 5)


if __name__ == "__main__":
    write(sys.argv[1])

__all__ = ["RECORD", "SIZE", "write"]
