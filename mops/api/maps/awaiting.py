"""The next call of a map, awaited in an event loop: no thread waits for it, and a cancelled task loses none."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from mops.api.maps.course import TICK, Course, MappedCall

_AHEAD: Final = 64
"""Inputs that are read at a time, since each time takes another thread."""


async def next_call(
    course: Course, take_now: Callable[[], MappedCall | None], is_over: Callable[[], bool]
) -> MappedCall | None:
    """What is handed out next; ``None`` after the last. Inputs are read in another thread: that may block.

    Raises:
        Exception: as ``is_over``.
    """
    while True:
        if course.is_low():
            await asyncio.shield(asyncio.to_thread(course.feed, ahead=_AHEAD))
        call = take_now()
        if call is not None:
            return call
        if is_over():
            return None
        await _news(course)


async def _news(course: Course) -> None:
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(event.set)

    course.listen(tell)
    try:
        await asyncio.wait_for(event.wait(), TICK)
    except TimeoutError:
        pass
    finally:
        course.listen_no_more(tell)
