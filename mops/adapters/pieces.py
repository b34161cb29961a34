"""Work on the pieces of something large, several at once."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def in_order(work: Callable[[Piece], Result], pieces: Iterable[Piece], at_once: int) -> Iterator[Result]:
    """Work on all pieces, ``at_once`` of them in threads, and yield the results in the order of the pieces.

    A piece is taken when there is room for it, and a result is given away before the next one is taken: so no more
    than these few are ever held. The first error ends it, when what was under way has ended.
    """
    under_way: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            under_way.append(_begun(work, piece))
            del piece
            if len(under_way) == at_once:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for begun in under_way:
            begun.exception()


def _begun(work: Callable[[Piece], Result], piece: Piece) -> Future[Result]:
    # No pool: those of the standard library take nothing any more when the main thread has ended, and others go on.
    begun: Future[Result] = Future()
    try:
        threading.Thread(target=_run, args=(work, piece, begun), name="mops-piece", daemon=True).start()
    except RuntimeError:  # there are no more threads to be had
        _run(work, piece, begun)
    return begun


def _run(work: Callable[[Piece], Result], piece: Piece, begun: Future[Result]) -> None:
    try:
        result = work(piece)
    except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
        begun.set_exception(error)
        del begun  # which knows the error, whose traceback knows this frame
    else:
        begun.set_result(result)
