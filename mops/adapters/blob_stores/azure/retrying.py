"""When a request is sent again, and after how long.

The SDK's own policy waits 15 s before it sends a request again for the first time, and takes 429 for an answer. Blobs
that coordinate are asked for again soon, and no call keeps its caller longer than a first look may take.
"""

import random
import time
from itertools import count
from typing import Any, Final

from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob import ExponentialRetry

CONNECTING: Final = 10.0  # seconds until there is a connection, and for sending what is sent at once
READING: Final = 20.0  # seconds until the next bytes of an answer

_PATIENCE: Final = 25.0
"""Seconds after which a request is not sent again. The last attempt may take until its own end: 55 s in all."""
_DEADLINE: Final = "mops_deadline"
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 8.0
_MANY: Final = 1000
_THROTTLED: Final = 429


class Retrying(ExponentialRetry):
    """Sends a request again until it was answered, or patience ends. Safe for any number of threads."""

    def __init__(self) -> None:
        super().__init__(retry_total=_MANY, retry_connect=_MANY, retry_read=_MANY, retry_status=_MANY)

    def configure_retries(self, request: Any) -> dict[str, Any]:
        """See the SDK."""
        return {**super().configure_retries(request), "deadline": request.context[_DEADLINE]}

    def increment(self, settings: dict[str, Any], request: Any, response: Any = None, error: Any = None) -> bool:
        """See the SDK; who has no credentials gets none by asking again."""
        if isinstance(error, ClientAuthenticationError) or time.monotonic() > settings["deadline"]:
            return False
        again = super().increment(settings, request, response, error)
        if again and response is not None:
            response.internal_response.close()  # nobody reads it any more
        return again

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """See the SDK."""
        history = settings["history"]  # which has no answer whose content broke off
        pause = _pause(settings["count"], history[-1].http_response if history else None)
        return min(pause, _left(settings["deadline"]))

    def send(self, request: Any) -> Any:
        """See the SDK; what was throttled is sent again, too."""
        deadline = request.context[_DEADLINE] = time.monotonic() + _PATIENCE
        for attempt in count(1):
            answer = super().send(request)  # type: ignore[no-untyped-call]
            if answer.http_response.status_code != _THROTTLED or time.monotonic() > deadline:
                return answer
            answer.http_response.internal_response.close()
            time.sleep(min(_pause(attempt, answer.http_response), _left(deadline)))
        raise AssertionError


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _pause(attempt: int, response: Any) -> float:
    """Seconds to wait before the next attempt: growing, by chance, and no less than the service asks for."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    most = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)
    wanted = min(float(asked), _PATIENCE) if asked.isdecimal() else 0.0
    return wanted + random.uniform(0.25, 1.0) * most  # noqa: S311 - no secret
