"""Who observes the calls of this process, and how news of them become events.

While nobody observes, news cost the check whether ``OBSERVERS`` is empty.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from mops.core.effects import Tell
from mops.core.envelope import Envelope
from mops.core.errors import CorruptBlob
from mops.core.failure import FailureRecord
from mops.core.payload import files_in
from mops.runtime.strangers import NO_WAY_OUT, among_strangers

if TYPE_CHECKING:
    from mops.core.events import Event


@final
class Observer:
    """Somebody who is told.

    Attributes:
        callback: is given each event.
        raised: it did so before, and that was reported.
    """

    __slots__ = ("callback", "raised")

    def __init__(self, callback: Callable[["Event"], object]) -> None:
        self.callback = callback
        self.raised = False


OBSERVERS: Final[list[Observer]] = []
"""Told in order, by the thread that has the news."""


def deliver(news: Tell, root: str, utc: float) -> None:
    """Make the event, and give it to everybody who observes. What an observer raises is reported, once for each."""
    event = _event(news, root, utc)
    for observer in tuple(OBSERVERS):
        try:
            with among_strangers():
                observer.callback(event)
        except (Exception, *NO_WAY_OUT) as error:  # noqa: BLE001 - it is not the call's
            _report_once(observer, error)


def _event(news: Tell, root: str, utc: float) -> "Event":
    from mops.core import events  # attrs: nobody who does not observe should pay for it
    from mops.core.blob_layout import describe_folder

    call: dict[str, Any] = {
        "function": describe_folder(news.folder)[1],
        "memo_uri": f"{root}/{news.folder}",
        "utc": utc,
    }
    if news.what == "hit":
        elapsed, size = _facts(news.about)
        return events.Hit(**call, saved=elapsed, bytes=size)
    if news.what == "published":
        elapsed, size = _facts(news.about)
        return events.Published(**call, epoch=news.epoch, elapsed=elapsed, bytes=size)
    if news.what == "failed":
        error, message = _failure(news.about)
        return events.Failed(**call, epoch=news.epoch or None, error=error, message=message)
    kinds = {
        "claimed": events.Claimed,
        "started": events.Started,
        "adopted": events.Adopted,
        "waiting": events.Waiting,
    }
    return kinds[news.what](**call, epoch=news.epoch)


def _facts(about: Any) -> tuple[float | None, int]:
    """How long the function ran, and the bytes of its value: from a run of this process, or from what is stored."""
    if not isinstance(about, Envelope):
        return (None, 0) if about is None else (about.elapsed, about.size)
    try:
        header = about.header()
        elapsed = header.get("elapsed")
        size = about.size + sum(file.size for file in files_in(header))
        return (float(elapsed) if isinstance(elapsed, int | float) else None), size
    except CorruptBlob:
        return None, 0


def _failure(about: Any) -> tuple[str, str]:
    if isinstance(about, FailureRecord):
        return about.type_name, about.message
    error: BaseException = about.exception
    kind = type(error)
    return f"{kind.__module__}:{kind.__qualname__}", str(error)


def _report_once(observer: Observer, error: BaseException) -> None:
    if observer.raised:
        return
    observer.raised = True
    import logging

    text = "%r was told of a call, and raised; the call goes on"
    logging.getLogger("mops").error(text, observer.callback, exc_info=error)
