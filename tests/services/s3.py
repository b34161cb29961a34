"""An S3 server in memory, in a process of its own: moto's, which knows ``If-None-Match``. Run as a script.

It prints its address, and ends with its standard input. moto looks whether an object stands and stores another in two
steps, so requests are served one after the other. ``POST /-/<mode>`` sets how it answers from then on:

- ``plain``: as it should.
- ``twice``: it applies each writing request twice and gives the second answer, as if the first had been lost on the
  way and the request sent again.
- ``careless``: it ignores conditions, as services did that knew none.
- ``conflict``: it refuses the next conditional request with 409, as S3 refuses two writers at once; then ``plain``.
- ``throttle``: it refuses the next request with 429; then ``plain``.
"""

import io
import logging
import os
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_CONDITION = "HTTP_IF_NONE_MATCH"
_CONFLICT = b"<Error><Code>ConditionalRequestConflict</Code><Message>another is at it</Message></Error>"
_THROTTLED = b"<Error><Code>SlowDown</Code><Message>less, please</Message></Error>"


class Server:
    """What stands between the network and moto."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.mode = "plain"
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self.lock:
            status, headers, content = self.answer(environ, body)
        start_response(status, headers)
        return [content]

    def answer(self, environ, body):
        """Serve one request, as the mode is."""
        if environ["PATH_INFO"].startswith("/-/"):
            self.mode = environ["PATH_INFO"][3:]
            return "204 No Content", [], b""
        conditional = _CONDITION in environ
        if self.mode == "throttle" or (self.mode == "conflict" and conditional):
            status, content = {"throttle": ("429 -", _THROTTLED), "conflict": ("409 -", _CONFLICT)}[self.mode]
            self.mode = "plain"
            return status, [("Content-Length", str(len(content)))], content
        if self.mode == "careless":
            environ.pop(_CONDITION, None)
        if self.mode == "twice" and conditional:
            self.store(environ, body)
        return self.store(environ, body)

    def store(self, environ, body):
        """Let moto serve one request."""
        answer = []
        content = b"".join(
            self.moto(
                {**environ, "wsgi.input": io.BytesIO(body)},
                lambda status, headers, _error=None: answer.append((status, headers)),
            )
        )
        ((status, headers),) = answer
        return status, headers, content


class Handler(WSGIRequestHandler):
    """Keeps connections, as services do."""

    protocol_version = "HTTP/1.1"


def main():
    """Serve until standard input ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, Server(), threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.port}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
