"""The S3 server of the tests, as they use it."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

BUCKET = "shared"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary/of/a/secret/key",
    "AWS_SESSION_TOKEN": "canary/of/a/session/token",
    "AWS_REGION": "us-east-1",
    "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(
        {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    ),
    "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",  # no test asks the machine that it runs on for credentials
}


class S3Server:
    """A running server.

    Attributes:
        url: its address.
        environment: what a process needs to use it.
    """

    def __init__(self, url):
        self.url = url
        self.environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "GOOGLE_BASE_URL": url}

    def make_bucket(self, name):
        self._request("PUT", f"/{name}")

    def answer(self, mode):
        """Set how it answers from now on: see the server."""
        self._request("POST", f"/-/{mode}")

    @contextmanager
    def answering(self, mode):
        self.answer(mode)
        try:
            yield
        finally:
            self.answer("plain")

    def counts(self):
        """Requests and connections since the last time."""
        requests, connections = map(int, self._request("POST", "/-/count").split())
        return requests, connections

    def keys(self, prefix):
        """Of objects, and of uploads that nobody has completed."""
        answers = [self._request("GET", f"/{BUCKET}?{query}").decode() for query in (f"prefix={prefix}", "uploads")]
        return [key for answer in answers for key in re.findall("<Key>(.*?)</Key>", answer) if key.startswith(prefix)]

    def _request(self, method, path):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method), timeout=60) as answer:
            return answer.read()


@contextmanager
def s3_server():
    """Start a server with an empty bucket, and stop it in the end."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("s3.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
    )
    with process:
        try:
            url = process.stdout.readline().strip()
            assert url, "the S3 server did not start"
            server = S3Server(url)
            server.make_bucket(BUCKET)
            yield server
        finally:
            process.stdin.close()
            process.wait(60)
