"""What stands between a client and the emulator: it passes on what it is not told to answer otherwise."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.services.azurite import ACCOUNT, KEY


class Request(NamedTuple):
    """A request.

    Attributes:
        method: of HTTP.
        path: with the query.
        headers: of the request.
        forward: passes it on, and gives the answer.
    """

    method: str
    path: str
    headers: dict[str, str]
    forward: Callable[[], "Answer"]


class Answer(NamedTuple):
    """An answer; one without a status is none: the connection ends."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


LOST = Answer(0)


def failure(status: int, code: str = "", **headers: str) -> Answer:
    """An answer of the service that something failed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = f"<Error><Code>{code}</Code><Message>for a test</Message></Error>".encode() if code else b"nothing here"
    kind = {"Content-Type": "application/xml", "x-ms-error-code": code} if code else {"Content-Type": "text/plain"}
    return Answer(status, {**kind, **named}, body)


class Front:
    """A running front.

    Attributes:
        requests: what was asked, in order, as method and path.
        rule: says how a request is answered; ``None``: as the emulator does.
    """

    def __init__(self, back: str) -> None:
        self.requests: list[tuple[str, str]] = []
        self.rule: Callable[[Request], Answer | None] = lambda _request: None
        self._back = urlsplit(back)
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = dict(self.headers.items())
                request = Request(self.command, self.path, headers, lambda: front.ask(self, headers, body))
                front.requests.append((self.command, self.path))
                given = front.rule(request) or request.forward()
                if not given.status:
                    self.close_connection = True
                    return
                self.send_response_only(given.status)
                length = {} if self.command == "HEAD" else {"Content-Length": str(len(given.body))}
                for name, value in {**given.headers, **length}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(given.body)

            do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815 - as the base class has it

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/{ACCOUNT}"
        self.environment = {
            "AZURE_STORAGE_CONNECTION_STRING": f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.url};"
        }

    def ask(self, handler: BaseHTTPRequestHandler, headers: dict[str, str], body: bytes) -> Answer:
        """Pass a request on."""
        connection = HTTPConnection(self._back.netloc, timeout=60)
        try:
            connection.request(handler.command, handler.path, body, headers)
            answer = connection.getresponse()
            given = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_A_CONNECTION}
            if handler.command == "HEAD":
                given["Content-Length"] = answer.getheader("Content-Length") or "0"
            return Answer(answer.status, given, answer.read())
        finally:
            connection.close()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


_OF_A_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}


@contextmanager
def front_of(back: str) -> Iterator[Front]:
    """Put a front before an emulator."""
    front = Front(back)
    try:
        yield front
    finally:
        front.close()


def first(number: int, answer: Answer, method: str = "") -> Callable[[Request], Answer | None]:
    """Answer so many requests with this, those of one method alone if it is given."""
    left = [answer] * number
    return lambda request: left.pop() if left and request.method.startswith(method) else None
