"""What the tests of local copies start: a process that asks for copies as it is told, one line at a time."""

import os
import sys
import time
from pathlib import Path

from blake3 import blake3

from mops.adapters.local_copies.fallback import FallbackCopies

FOLDER = Path(sys.argv[1])
LIMIT = int(sys.argv[2])

copies = FallbackCopies(str(FOLDER / "cache"), lambda: LIMIT, lambda text: say("warning", text))


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def content_of(name, size):
    return (name.encode() * (size // len(name) + 1))[:size]


def ask(verb, name, size):
    """A copy of the file that is called like that; every fill is written down."""
    data = content_of(name, int(size))

    def fill(path):
        with (FOLDER / "fills").open("a") as log:
            log.write(f"{name}\n")
        with open(path, "wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            if verb == "hang":
                say("half-way")
                time.sleep(600)
            if verb == "fork":
                say("child", fork_sleeper())
                time.sleep(600)
            time.sleep(0.05)
            file.write(data[len(data) // 2 :])
        return True

    if verb == "content":
        return bytes(copies.content(blake3(data).digest(), len(data), fill)) == data
    return copies.file(blake3(data).digest(), len(data), name, fill)


def fork_sleeper():
    child = os.fork()
    if not child:
        time.sleep(600)
        os._exit(0)
    return child


def main():
    say("ready")
    for line in sys.stdin:
        verb, *arguments = line.split()
        if verb == "leave":  # what it was given, to a child
            say(fork_sleeper())
        elif verb == "child":  # asks for a copy itself, and stays
            child = os.fork()
            if not child:
                say(ask("file", *arguments))
                time.sleep(600)
                os._exit(0)
            say(child)
        elif verb == "many":
            prefix, count, size = arguments
            say(all(ask("content", f"{prefix}-{number}", size) for number in range(int(count))))
        else:
            say(ask(verb, *arguments))


if __name__ == "__main__":
    main()
