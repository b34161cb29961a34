"""A network of the tests' own: a TCP proxy before a service, which does to a request what it is told to.

It takes requests of HTTP apart as far as it must know where they end, changes nothing in them, and passes each on by a
connection of its own. A *fault* is what befalls one request.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

Fault = Callable[["Exchange"], None]
"""What befalls a request; the connection ends behind it, unless it was answered as a whole."""
_RESET = struct.pack("ii", 1, 0)  # what is closed so is not ended, but broken off
_LONGEST_WAIT = 60.0  # seconds: a fault that waits for what never happens is a test that fails


class Request(NamedTuple):
    """What begins a request.

    Attributes:
        method: of HTTP.
        target: path and query.
        head: all bytes before its content.
    """

    method: str
    target: str
    head: bytes


class Exchange:
    """A request and the connection on which its answer is waited for.

    Attributes:
        request: the request.
        size: bytes of its content.
        again: set when the same was asked again, and answered.
        over: set when nothing more comes of it.
        whole: the answer went out as a whole, so the connection goes on.
    """

    def __init__(
        self, request: Request, size: int, client: socket.socket, stream: BinaryIO, back: tuple[str, int]
    ) -> None:
        self.request = request
        self.size = size
        self.again = threading.Event()
        self.over = threading.Event()
        self.whole = False
        self._client = client
        self._stream = stream
        self._back = back
        self._content: bytes | None = None

    def read(self, size: int) -> bytes:
        """The next bytes of the content."""
        return self._stream.read(size)

    def content(self) -> bytes:
        """All bytes of the content."""
        if self._content is None:
            self._content = self.read(self.size)
        return self._content

    def forward(self) -> bytes:
        """Have the service do what is asked; the bytes of its answer."""
        asked = self.request.head + self.content()
        with socket.create_connection(self._back) as connection, connection.makefile("rb") as stream:
            connection.sendall(asked)
            return _answer(stream, self.request.method)

    def answer(self, answer: bytes) -> None:
        """Answer so, or end an answer so."""
        self.content()
        self.send(answer)
        self.whole = True

    def send(self, part: bytes) -> None:
        """Send a part of an answer."""
        self._client.sendall(part)

    def until_given_up(self) -> None:
        """Wait until the client has closed the connection."""
        self._client.settimeout(_LONGEST_WAIT)
        while self._client.recv(1 << 16):
            pass

    def until_asked_again(self) -> None:
        """Wait until the client has asked the same again, and was answered; or the proxy settles."""
        self.content()
        self.again.wait(_LONGEST_WAIT)

    def reset(self) -> None:
        """Break the connection off."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


class Proxy:
    """A running proxy. All requests pass, but for those that ``befall`` has a fault for.

    Attributes:
        requests: all that have arrived as a whole, in order.
        befall: by a name: asked for each request whose target has that name in it; ``None``: it passes.
        outage: what befalls all requests, if anything does.
        met: how many requests the outage has met.
    """

    def __init__(self, back: str) -> None:
        address = urlsplit(back)
        self._back = (str(address.hostname), int(address.port or 80))
        self.requests: list[Request] = []
        self.befall: dict[str, Callable[[Request], Fault | None]] = {}
        self.outage: Fault | None = None
        self.met = 0
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{address.path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def settle(self, name: str) -> None:
        """Delay nothing any more, and wait until nothing more comes of any request that has the name in its target."""
        with self._lock:
            exchanges = [exchange for exchange in self._exchanges if name in exchange.request.target]
            self._exchanges = [exchange for exchange in self._exchanges if name not in exchange.request.target]
        for exchange in exchanges:
            exchange.again.set()
        for exchange in exchanges:
            assert exchange.over.wait(_LONGEST_WAIT), exchange.request

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, client.makefile("rb") as stream:
            while head := _head(stream):
                method, target, _ = head.first.split(" ", 2)
                request = Request(method, target, head.raw)
                exchange = Exchange(request, int(head.headers.get("content-length", 0)), client, stream, self._back)
                fault = self._fault_of(exchange)
                try:
                    fault(exchange)
                finally:
                    exchange.over.set()
                if not exchange.whole:
                    return
                self._was_answered(exchange)

    def _fault_of(self, exchange: Exchange) -> Fault:
        with self._lock:
            if self.outage is not None:
                self.met += 1
                return self.outage
            self.requests.append(exchange.request)
            self._exchanges.append(exchange)
            asked = [befall for name, befall in self.befall.items() if name in exchange.request.target]
            return (asked[0](exchange.request) if asked else None) or passes

    def _was_answered(self, answered: Exchange) -> None:
        with self._lock:
            for other in self._exchanges:
                if other is not answered and other.request[:2] == answered.request[:2]:
                    other.again.set()


@contextmanager
def proxy_before(back: str) -> Iterator[Proxy]:
    """Put a proxy before a service."""
    proxy = Proxy(back)
    try:
        yield proxy
    finally:
        proxy.close()


# ------------------------------------------------------------------------------------------------------------ faults
def passes(exchange: Exchange) -> None:
    """Nothing befalls it."""
    exchange.answer(exchange.forward())


def request_is_lost(exchange: Exchange) -> None:
    """Nobody hears of the request, and nothing is ever heard of it."""
    exchange.until_given_up()


def answer_is_lost(exchange: Exchange) -> None:
    """The service does what is asked, and nothing is ever heard of it."""
    exchange.forward()
    exchange.until_given_up()


def request_is_delayed(exchange: Exchange) -> None:
    """The service hears of the request when the client has given it up, asked again, and was answered."""
    exchange.until_asked_again()
    exchange.forward()


def answer_is_delayed(exchange: Exchange) -> None:
    """The client is told when it does not listen any more."""
    answer = exchange.forward()
    exchange.until_asked_again()
    exchange.answer(answer)


def answer_comes_in_bits(exchange: Exchange) -> None:
    """The answer comes one byte after the other in the beginning, and then the rest."""
    answer = exchange.forward()
    for at in range(40):
        exchange.send(answer[at : at + 1])
    exchange.answer(answer[40:])


def request_is_duplicated(exchange: Exchange) -> None:
    """The service hears of the request twice; the client hears the second answer."""
    exchange.forward()
    exchange.answer(exchange.forward())


def connection_ends_before_it(exchange: Exchange) -> None:
    """The connection ends as it may where it was not used for a while."""


def connection_is_reset_in_the_request(exchange: Exchange) -> None:
    """Half of the request is read, and the connection is reset."""
    exchange.read(exchange.size // 2)
    exchange.reset()


def connection_is_reset_behind_it(exchange: Exchange) -> None:
    """The service does what is asked, and the connection is reset."""
    exchange.forward()
    exchange.reset()


def connection_is_reset_in_the_answer(exchange: Exchange) -> None:
    """The service does what is asked; half of its answer arrives."""
    answer = exchange.forward()
    exchange.send(answer[: len(answer) // 2])
    exchange.reset()


def answer_ends_early(exchange: Exchange) -> None:
    """As before, but the connection is closed in good order behind all but the last byte."""
    exchange.send(exchange.forward()[:-1])


def answered(status: int, code: str = "", **headers: str) -> Fault:
    """The service refuses the request, in the words of Azure and of S3."""
    body = f"<Error><Code>{code}</Code><Message>for a test</Message></Error>".encode() if code else b""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if code:
        named |= {"x-ms-error-code": code, "Content-Type": "application/xml"}
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in named.items())]

    def answer(exchange: Exchange) -> None:
        content = b"" if exchange.request.method == "HEAD" else body
        length = [f"Content-Length: {len(content)}"]
        exchange.answer("\r\n".join([*lines, *length, "", ""]).encode() + content)

    return answer


# ------------------------------------------------------------------------------------------------------------- bytes
class _Head(NamedTuple):
    raw: bytes
    first: str
    headers: dict[str, str]


def _head(stream: BinaryIO) -> _Head | None:
    lines = [stream.readline()]
    while lines[-1].strip():
        lines.append(stream.readline())
    if len(lines) == 1:
        return None
    first, *others = (line.decode("latin1").strip() for line in lines)
    pairs = (line.partition(":") for line in others)
    return _Head(b"".join(lines), first, {name.lower(): value.strip() for name, _, value in pairs})


def _answer(stream: BinaryIO, method: str) -> bytes:
    head = _head(stream)
    assert head is not None, "the service has ended the connection"
    if method == "HEAD" or head.first.split()[1] in {"204", "304"}:
        return head.raw
    if head.headers.get("transfer-encoding") == "chunked":
        return head.raw + _chunks(stream)
    length = head.headers.get("content-length")
    return head.raw + (stream.read() if length is None else stream.read(int(length)))


def _chunks(stream: BinaryIO) -> bytes:
    read = b""
    while True:
        line = stream.readline()
        read += line + stream.read(int(line, 16) + 2)
        if not int(line, 16):
            return read
