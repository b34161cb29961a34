"""What the end of a container means: its error, or nothing where it came to an outcome. Pure."""

import re
from typing import Final, NamedTuple

from mops.core.errors import MopsError, RemoteCrashed, SetupError, ShellFailed
from mops.core.remote_output import crashed, starved

_KEPT: Final = re.compile(r"the result was computed and is kept in (\S+\.result) on the machine that ran it")
_ABSENT: Final = re.compile(r"\[FATAL tini \(\d+\)\] exec (.*) failed: (.*)")
"""What the engine's init says of a program that it cannot start."""
_KILLED: Final = 137
_TOLD_TO_STOP: Final = 143


class Ending(NamedTuple):
    """How a container ended.

    Attributes:
        exit_code: of its first process.
        short_of_memory: the system killed a process of it for lack of memory.
        error: why the engine could not run it at all; mostly empty.
        is_gone: it was removed before anybody here could look at it.
        daemon_lost: the engine was away in the meantime.
    """

    exit_code: int
    short_of_memory: bool = False
    error: str = ""
    is_gone: bool = False
    daemon_lost: bool = False


def failure_of(ending: Ending, container: str, memory: int | None, last_words: str) -> MopsError | None:
    """The error of a command that has ended so; ``None`` where its outcome is in the store."""
    if ending.exit_code == 0:
        return None
    if ending.short_of_memory:
        return starved(f"container {container}", ending.exit_code, memory, last_words)
    if ending.daemon_lost:
        return interrupted(
            f"the Docker daemon went away while container {container} ran, and ended it", ending.exit_code
        )
    if ending.is_gone:
        return interrupted(f"container {container} was removed from outside", ending.exit_code)
    if ending.exit_code == _KILLED:
        return interrupted(f"container {container} was killed from outside", ending.exit_code)
    if ending.exit_code == _TOLD_TO_STOP:
        return interrupted(f"container {container} was stopped from outside", ending.exit_code)
    absent = _ABSENT.search(last_words)
    if absent:
        return SetupError(
            f"the image cannot run {absent[1]}: {absent[2]}",
            advice="name the Python inside: DockerShell(image, command=['/path/to/python'])",
        )
    return crashed(ending.exit_code, "\n".join(filter(None, (last_words, ending.error))))


def interrupted(message: str, exit_code: int = _KILLED) -> ShellFailed:
    """Somebody else stopped it."""
    failure = RemoteCrashed(
        message, exit_code=exit_code, advice="call again, or have that done: Retries(interrupted=...)"
    )
    failure.kind = "interrupted"
    return failure


def spooled(last_words: str) -> str:
    """Where a result is kept that no store took; empty where there is none."""
    found = _KEPT.search(last_words)
    return found[1] if found else ""
