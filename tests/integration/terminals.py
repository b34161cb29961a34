"""What a terminal shows in the end of what was written to it."""

import re
import select
import time
from os import read


def screen(said, width):
    """The lines that a terminal of that width shows."""
    lines, column = [""], 0
    for part in re.findall(r"\x1b\[K|[\r\n]|.", said):
        if part in "\r\n":
            lines += [""] if part == "\n" else []
            column = 0
        elif part == "\x1b[K":
            lines[-1] = lines[-1][:column]
        else:
            assert column < width
            lines[-1] = lines[-1][:column] + part + lines[-1][column + 1 :]
            column += 1
    return lines


def read_until(descriptor, *texts):
    """What is written to a terminal, until all of the texts stand in one line, or one that was written over."""
    said, deadline = b"", time.monotonic() + 60  # what draws without end is not to be waited for without end
    while not any(all(text in line for text in texts) for line in said.split(b"\r\x1b[K")):
        ready, _, _ = select.select([descriptor], [], [], 60)
        assert ready and time.monotonic() < deadline, said  # noqa: PT018 - either way, it was not written
        said += read(descriptor, 65536)
    return said
