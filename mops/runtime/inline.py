"""The inline driver: performs every effect on the caller's thread."""

from collections.abc import Callable
from typing import Any, TypeVar

from mops.core.effects import Effect, Steps

T = TypeVar("T")


def drive(steps: Steps[T], perform: Callable[[Effect], Any]) -> T:
    """Drive a computation to its end on this thread.

    What ``perform`` raises, and what interrupts this thread, is thrown into the computation, which may yield further
    effects
    to leave what it holds.
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
