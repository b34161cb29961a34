"""What an orchestrator and its fork server say to each other over a Unix socket, and the server and its workers.

A request is a length and a JSON array; the request that starts a command carries two descriptors beside it. A report is
three numbers of a fixed size. Both ends are the same mops, run by the same interpreter.
"""

import json
import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

STARTED: Final = 0
"""A report: the command runs, as the process of this id."""
ENDED: Final = 1
"""A report: the command ended with this exit code, as ``subprocess`` has it."""
REFUSED: Final = 2
"""A report: the system refused the fork with this ``errno``."""

UNFIT: Final = 78
"""The exit status of a server that cannot share what it was to preload, whenever it is started."""

_LENGTH: Final = struct.Struct("!I")
_REPORT: Final = struct.Struct("!QBi")
_CHUNK: Final = 65_536


class Start(NamedTuple):
    """Start a command.

    Attributes:
        number: what reports call it.
        argv: the complete command.
        path: its ``sys.path``.
        environment: its environment variables.
        output: where its standard output and error go; a descriptor.
        folder: its working directory; a descriptor, since a folder may have no name any more.
    """

    number: int
    argv: list[str]
    path: list[str]
    environment: dict[str, str]
    output: int
    folder: int


class Stop(NamedTuple):
    """Stop a command.

    Attributes:
        number: what reports call it.
    """

    number: int


class Report(NamedTuple):
    """What became of a command.

    Attributes:
        number: of the command.
        kind: ``STARTED``, ``ENDED`` or ``REFUSED``.
        value: as the kind says.
    """

    number: int
    kind: int
    value: int


def send(connection: socket.socket, request: Start | Stop) -> None:
    """Send a request whole; its descriptors stay open here.

    Raises:
        OSError: nobody listens any more.
    """
    fields, descriptors = request[:4], request[4:]
    body = json.dumps(fields).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], descriptors)
    connection.sendall(body)


def receive(connection: socket.socket) -> Start | Stop | None:
    """Wait for the next request; ``None`` where the other end is gone."""
    try:
        header, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 2)
        if len(header) < _LENGTH.size:
            return None
        fields: list[Any] = json.loads(_exactly(connection, _LENGTH.unpack(header)[0]))
    except (OSError, ValueError):
        return None  # it died in the middle of a word
    return Start(*fields, *descriptors) if descriptors else Stop(*fields)


def _exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes, or what there was until the end."""
    data = bytearray()
    while len(data) < count and (more := connection.recv(count - len(data))):
        data += more
    return bytes(data)


def report(connection: socket.socket, news: Report) -> None:
    """Send a report, if there is still somebody to read it."""
    try:
        connection.sendall(_REPORT.pack(*news))
    except OSError:
        pass  # the orchestrator is gone; its commands go on


def hear(connection: socket.socket) -> Report | None:
    """The report that a worker has sent; ``None`` where it sent none. Does not wait."""
    try:
        data = connection.recv(_REPORT.size, socket.MSG_DONTWAIT)
    except OSError:
        return None
    return Report(*_REPORT.unpack(data)) if len(data) == _REPORT.size else None


def reports(connection: socket.socket, patience: Callable[[], float | None]) -> Iterator[list[Report]]:
    """The reports of a server as they come, until it has ended.

    Args:
        connection: to the server.
        patience: asked before each wait: seconds after which to yield an empty list; ``None`` to wait for ever.
    """
    poll, data = select.poll(), b""
    poll.register(connection, select.POLLIN)
    while True:
        seconds = patience()
        if not poll.poll(None if seconds is None else seconds * 1000):
            yield []
            continue
        try:
            more = connection.recv(_CHUNK)
        except OSError:
            return
        if not more:
            return
        data += more
        whole = len(data) - len(data) % _REPORT.size
        yield [Report(*fields) for fields in _REPORT.iter_unpack(data[:whole])]
        data = data[whole:]


def folder_of_this_process() -> int:
    """A descriptor of the working directory, which may have been removed, or may not be readable."""
    return os.open(".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
