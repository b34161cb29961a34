"""Pieces of a large blob, several on their way at once."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

PIECE: Final = 2 << 20
"""Bytes of a piece: large enough for its request, and small enough that all on their way take little memory."""

_AT_ONCE: Final = 8


def in_order(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
    """Work on all pieces, several at once, and yield the results in the order of the pieces.

    A piece is taken when there is room for it, and a result is given away before the next one is taken: so no more
    than these few are ever held. The first error ends it, when what was under way has ended.
    """
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mops-azure")
    under_way: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            under_way.append(pool.submit(work, piece))
            del piece
            if len(under_way) == _AT_ONCE:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
