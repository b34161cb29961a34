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
    feeding: asyncio.Task[None] | None = None
    while True:
        call = take_now()
        if call is not None:
            return call
        if is_over():
            return None
        if (feeding is None or feeding.done()) and course.is_low():
            feeding = asyncio.create_task(asyncio.to_thread(course.feed, ahead=_AHEAD, blocking=True))
        await _news(course, feeding)


async def _news(course: Course, feeding: "asyncio.Task[None] | None") -> None:
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: object = None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(event.set)

    feeds = feeding is not None and not feeding.done()
    if feeding is not None:
        feeding.add_done_callback(tell)
    course.listen(tell, feeds=feeds)
    try:
        await asyncio.wait_for(event.wait(), TICK)
    except TimeoutError:
        pass
    finally:
        course.listen_no_more(tell)
