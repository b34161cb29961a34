"""An S3 server in memory, in a process of its own: moto's, which knows ``If-None-Match``. Run as a script.

It understands the requests of Google's XML protocol too, as far as they are S3's by other names.

It prints its address, and ends with its standard input. moto looks whether an object stands and stores another in two
steps, so requests are served one after the other. ``POST /-/<mode>`` sets how it answers from then on:

- ``plain``: as it should.
- ``twice``: it applies each writing request twice and gives the second answer, as if the first had been lost on the
  way and the request sent again.
- ``careless``: it ignores conditions, as services did that knew none.
- ``unknowing``: it refuses conditions with 501, as other services do that know none.
- ``refuse/<status>/<code>``: it refuses the next request so, and repeats the secrets of the request as S3 does; then
  ``plain``.
- ``count``: ``plain``; the answer tells how many requests were answered, and how many connections were made for them,
  since that was asked last.
- ``conflict``: as ``refuse/409/ConditionalRequestConflict``, but waits for a conditional request: so S3 refuses two
  writers at once.
"""

import io
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

_CONDITION = "HTTP_IF_NONE_MATCH"
_CONFLICT = "refuse/409/ConditionalRequestConflict"
_GENERATION = "HTTP_X_GOOG_IF_GENERATION_MATCH"
_COPIED_BY_GOOGLE = "HTTP_X_GOOG_COPY_SOURCE"
_COPIED = "HTTP_X_AMZ_COPY_SOURCE"
_TAKEN = "<Error><Code>PreconditionFailed</Code></Error>"
_SOMEBODY = "AWS4-HMAC-SHA256 Credential=somebody/20260101/us-east-1/s3/aws4_request, Signature=any"
_SECRETS = ("HTTP_AUTHORIZATION", "HTTP_X_AMZ_SECURITY_TOKEN")


class Server:
    """What stands between the network and moto."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.mode = "plain"
        self.lock = threading.Lock()
        self.requests = 0
        self.connections = set()

    def __call__(self, environ, body):
        """Status, headers and content of the answer to one request."""
        with self.lock:
            status, headers, content = self.answer(environ, body)
        if environ["REQUEST_METHOD"] == "HEAD" or status.startswith(("204", "304")):
            return status, headers, b""
        # What moto says of the length of an error is not always true.
        headers = [it for it in headers if it[0].lower() not in {"content-length", "transfer-encoding"}]
        return status, [*headers, ("Content-Length", str(len(content)))], content

    def answer(self, environ, body):
        """Serve one request, as the mode is."""
        if environ["PATH_INFO"].startswith("/-/"):
            self.mode = environ["PATH_INFO"][3:]
            return self.tell_counts()
        self.requests += 1
        self.connections.add(environ["REMOTE_PORT"])
        _translate(environ)
        conditional = _CONDITION in environ
        if self.mode == "conflict" and conditional:
            self.mode = _CONFLICT
        if self.mode.startswith("refuse/"):
            return self.refuse(environ)
        if self.mode == "unknowing" and conditional:
            return _short("501 Not Implemented", "<Error><Code>NotImplemented</Code></Error>")
        if self.mode == "careless":
            environ.pop(_CONDITION, None)
        if self.mode == "twice" and conditional:
            self.store(environ, body)
        return self.store(environ, body)

    def tell_counts(self):
        """How many requests and connections there were since the last time, if that is asked for."""
        if self.mode != "count":
            return _short("200 OK", "")
        counts = f"{self.requests} {len(self.connections)}"
        self.mode, self.requests, self.connections = "plain", 0, set()
        return _short("200 OK", counts)

    def refuse(self, environ):
        """Refuse one request, as the mode says."""
        _, status, code = self.mode.split("/")
        self.mode = "plain"
        secrets = "".join(f"<Token>{environ.get(name, '')}</Token>" for name in _SECRETS)
        return _short(f"{status} -", f"<Error><Code>{code}</Code><Message>{secrets}</Message></Error>")

    def store(self, environ, body):
        """Let moto serve one request."""
        if _COPIED in environ and _CONDITION in environ and self.stands(environ):
            return _short("412 Precondition Failed", _TAKEN)
        answer = []
        try:
            content = b"".join(
                self.moto(
                    {**environ, "wsgi.input": io.BytesIO(body)},
                    lambda status, headers, _error=None: answer.append((status, headers)),
                )
            )
        except KeyError:  # a part of what is complete already, which moto does not foresee
            return _short("404 Not Found", "<Error><Code>NoSuchUpload</Code></Error>")
        ((status, headers),) = answer
        return status, headers, content

    def stands(self, environ):
        """Whether there is an object that a conditional copy, which S3 has not, would replace."""
        look = {name: value for name, value in environ.items() if name not in {_CONDITION, _COPIED}}
        return self.store({**look, "REQUEST_METHOD": "HEAD", "CONTENT_LENGTH": "0"}, b"")[0].startswith("200")


def _translate(environ):
    """Make a request of S3 out of one of Google's."""
    if environ.pop(_GENERATION, "") == "0":
        environ[_CONDITION] = "*"
    if _COPIED_BY_GOOGLE in environ:
        environ[_COPIED] = environ.pop(_COPIED_BY_GOOGLE)
    if not environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4"):
        environ["HTTP_AUTHORIZATION"] = _SOMEBODY


def _short(status, text):
    content = text.encode()
    return status, [], content


class Handler(WSGIRequestHandler):
    """Keeps connections, as services do, and other servers of Python do not."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    handle = BaseHTTPRequestHandler.handle

    def serve(self):
        """Answer one request."""
        environ = {**self.get_environ(), "REMOTE_PORT": self.client_address[1], "wsgi.url_scheme": "http"}
        environ |= {"wsgi.version": (1, 0), "wsgi.errors": sys.stderr, "RAW_URI": self.path, "REQUEST_URI": self.path}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = self.server.get_app()(environ, body)
        self.send_response_only(int(status[:3]))
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve  # noqa: N815 - the names are the protocol's


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A thread a connection."""

    daemon_threads = True
    request_queue_size = 128


def main():
    """Serve until standard input ends."""
    server = ThreadingServer(("127.0.0.1", 0), Handler)
    server.set_app(Server())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
