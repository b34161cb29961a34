"""Who this process is for Microsoft Entra."""

import threading
import time
from typing import Any, Final

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError

from mops.adapters.blob_stores.azure.retrying import CONNECTING, READING
from mops.adapters.unforked import UNFORKED

_PROGRAM: Final = 30  # seconds that a program may take which is started for a token


class Identity:
    """``DefaultAzureCredential``, made when the first token is needed, and asked by one thread at a time.

    A token may come from a program that is started for it, ``az``, and several of these at once time out: threads that
    need one meanwhile are given the same answer. Where none comes any more, the last one serves as long as it is valid;
    behind that, who once had one is not told that he is a stranger, but that there is no answer: calls that are under
    way wait for the end of an outage.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._credential: Any = None
        self._tokens: dict[Any, AccessToken] = {}
        self._answers: dict[Any, tuple[float, AccessToken | str]] = {}

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """See the SDK.

        Raises:
            ClientAuthenticationError: this process is nobody.
            ServiceRequestError: it was somebody before.
        """
        wanted, since = (scopes, tuple(sorted(options.items()))), time.monotonic()
        with self._lock:
            answered, answer = self._answers.get(wanted, (since, ""))
            if answered <= since:
                answer = self._ask(wanted, scopes, options)
                self._answers[wanted] = time.monotonic(), answer
        if isinstance(answer, AccessToken):
            return answer
        raise (ServiceRequestError if self._tokens else ClientAuthenticationError)(answer)

    def _ask(self, wanted: Any, scopes: tuple[str, ...], options: dict[str, Any]) -> AccessToken | str:
        try:
            token: AccessToken = self._made().get_token(*scopes, **options)
        except AzureError as error:
            last = self._tokens.get(wanted)
            return last if last is not None and last.expires_on > time.time() else str(error)
        self._tokens[wanted] = token
        return token

    def _made(self) -> Any:
        if self._credential is None:
            with UNFORKED:
                from azure.identity import DefaultAzureCredential  # takes half a second, which keys need not wait for

            self._credential = DefaultAzureCredential(
                connection_timeout=CONNECTING, read_timeout=READING, process_timeout=_PROGRAM
            )
        return self._credential
