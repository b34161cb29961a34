"""What the last words of a command mean, in every Shell alike."""

from typing import Final

from mops.core.errors import RemoteCrashed

TAIL_LINES: Final = 50
"""How many of its last lines an error quotes."""

_MEANINGS: Final = (
    ("No module named mops.__main__", "another package named mops is installed there; the distribution is mops-run"),
    ("cannot be directly executed", "another package named mops is installed there; the distribution is mops-run"),
    ("No module named mops", "mops is not installed there: pip install mops-run"),
    ("No module named 'mops", "mops, or a part of it, is not installed there: pip install mops-run"),
    ("No space left on device", "the disk is full there"),
)


def advice_for(output: str) -> str:
    """What to do about a command that ended with these last words; empty where they say nothing that we know."""
    return next((meaning for words, meaning in _MEANINGS if words in output), "")


def describe_exit(exit_code: int) -> str:
    """An exit status in words, as ``subprocess`` reports it: negative numbers are signals."""
    if exit_code >= 0:
        return f"exit status {exit_code}"
    return f"signal {-exit_code} ({_SIGNALS.get(-exit_code, 'unknown')})"


def crashed(exit_code: int, last_words: str) -> RemoteCrashed:
    """The error of a command that ended with another exit status than 0."""
    message = f"the command ended with {describe_exit(exit_code)}"
    if last_words:
        message += f"; its last words:\n{last_words}"
    return RemoteCrashed(message, exit_code=exit_code, advice=advice_for(last_words))


def starved(who: str, exit_code: int, limit: int | None, last_words: str = "") -> RemoteCrashed:
    """The error of a process that the system killed for lack of memory.

    Args:
        who: names it.
        exit_code: of it.
        limit: bytes that it might have; ``None`` where that was all that its machine has.
        last_words: the end of its output.
    """
    message = f"{who} was killed for lack of memory"
    message += "" if limit is None else f": its limit is {limit / 1024**2:,.0f} MiB"
    message += f"; its last words:\n{last_words}" if last_words else ""
    advice = "give it more: memory= of the Shell, or have retries do so: Retries(out_of_memory=Grow(...))"
    failure = RemoteCrashed(message, exit_code=exit_code, advice=advice)
    failure.kind = "out_of_memory"
    return failure


_SIGNALS: Final = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL, often for lack of memory", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU",
}  # fmt: skip
