"""Looking at what is stored of many calls, several at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

AT_ONCE: Final = 16
"""Looks at once, each of which makes one request at a time: so no store sees more connections."""
_AHEAD: Final = 8 * AT_ONCE
"""Inputs that are read ahead, so that no thread waits for one slow answer in front."""


def each(peek: Callable[[tuple[object, ...]], T], inputs: Iterable[tuple[object, ...]]) -> Iterator[T]:
    """What ``peek`` says of each of the inputs, in their order; they are read as it goes.

    What it raises is raised at its place, and is the end.
    """
    pending: deque[Future[T]] = deque()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mops-peek") as pool:
        try:
            for args in inputs:
                pending.append(pool.submit(peek, args))
                if len(pending) == _AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for look in pending:
                look.cancel()
