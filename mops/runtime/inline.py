"""The inline driver: performs every effect on the caller's thread."""

from collections.abc import Callable
from typing import Any, TypeVar

from mops.core.effects import Admit, Effect, Steps, Wait

T = TypeVar("T")


def drive(steps: Steps[T], perform: Callable[[Effect], Any]) -> T:
    """Drive a computation to its end on this thread.

    What ``perform`` raises, and what interrupts this thread, is thrown into the computation, which may yield further
    effects to leave what it holds.
    """
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            if error is None:
                effect = steps.send(answer)
            else:
                thrown, error = error, None
                effect = steps.throw(thrown)
            answer = perform(effect)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except BaseException as raised:
            if steps.gi_frame is None:  # type: ignore[attr-defined] # it has ended with this exception
                raise
            error = raised


def look(steps: Steps[T], perform: Callable[[Effect], Any]) -> T | Effect:
    """Drive a computation on this thread as long as it neither waits nor asks to run something.

    Returns:
        What it came to, or the effect that it waits for now: whoever drives it on answers that one first.
    """
    answer: Any = None
    error: BaseException | None = None
    try:
        while True:
            if error is None:
                effect = steps.send(answer)
            else:
                thrown, error = error, None
                effect = steps.throw(thrown)
            if type(effect) is Admit or type(effect) is Wait:
                return effect
            try:
                answer = perform(effect)
            except Exception as raised:  # noqa: BLE001 - it is for the computation to handle
                error = raised
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
