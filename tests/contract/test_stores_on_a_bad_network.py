"""Stores behind a network that loses, delays, repeats and breaks off what is sent, and a service that refuses.

Each fault befalls each request of each operation in turn; those that may last befall all of them, too.
"""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import cache, partial
from itertools import count
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from blake3 import blake3

from mops.adapters.blob_stores.azure import retrying, transport
from mops.adapters.blob_stores.object_store import client, writing
from mops.adapters.blob_stores.object_store import store as object_store
from mops.api.locate import locate_blob_store
from mops.core.errors import StoreDenied, StoreUnavailable
from mops.core.ports.blob_store import BlobStore
from tests.services import proxy as network
from tests.services.azurite import ACCOUNT, CONTAINER, KEY
from tests.services.proxy import answered, proxy_before
from tests.services.s3_process import BUCKET

OLD, NEW, OTHER = b"what stood before", b"what is written", b"what another wrote"
SCHEMES = ["adls", "s3", "gs"]
BACKOFF = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=20), "base": 2}
PAUSES = (0.01, 0.01, 0.01, 0.01)
MANY = 50  # requests
ROOTS = {"adls": f"adls://{ACCOUNT}/{CONTAINER}", "s3": f"s3://{BUCKET}", "gs": f"gs://{BUCKET}"}


class Operation(NamedTuple):
    """An operation on the blob ``k``.

    Attributes:
        stands: what stands under the key before, if anything does.
        do: the operation; a folder is given for files.
        comes_to: what it returns.
        leaves: what stands under the key in the end, if anything does.
    """

    stands: bytes | None
    do: Callable[[BlobStore, Any], Any]
    comes_to: Any
    leaves: bytes | None


def get_file(store, folder):
    path = folder / uuid.uuid4().hex
    return store.get_file("k", str(path), blake3(OLD).digest()) and path.read_bytes()


def put_file(store, folder):
    path = folder / uuid.uuid4().hex
    path.write_bytes(NEW)
    return store.put_file_if_absent("k", str(path), blake3(NEW).digest())


OPERATIONS = {
    "get": Operation(OLD, lambda store, _: store.get("k"), OLD, OLD),
    "get of nothing": Operation(None, lambda store, _: store.get("k"), None, None),
    "put_if_absent": Operation(None, lambda store, _: store.put_if_absent("k", NEW[:4], NEW[4:]), True, NEW),
    "put_if_absent too late": Operation(OTHER, lambda store, _: store.put_if_absent("k", NEW), False, OTHER),
    "put": Operation(OLD, lambda store, _: store.put("k", NEW), None, NEW),
    "list": Operation(OLD, lambda store, _: [info.key for info in store.list()], ["k"], OLD),
    "delete": Operation(OLD, lambda store, _: store.delete("k"), None, None),
    "get_file": Operation(OLD, get_file, OLD, OLD),
    "put_file_if_absent": Operation(None, put_file, True, NEW),
    "put_file_if_absent too late": Operation(OTHER, put_file, False, OTHER),
    "file_size": Operation(OLD, lambda store, _: store.file_size("k"), len(OLD), OLD),
}
CREATIONS = [name for name in OPERATIONS if name.startswith("put_") and "late" not in name]

PASSING = {
    "whose request is lost": network.request_is_lost,
    "whose answer is lost": network.answer_is_lost,
    "whose request is delayed until it was made again": network.request_is_delayed,
    "whose answer is delayed until it was given up": network.answer_is_delayed,
    "whose answer comes bit by bit": network.answer_comes_in_bits,
    "whose request is duplicated": network.request_is_duplicated,
    "whose connection had ended": network.connection_ends_before_it,
    "whose connection is reset in the request": network.connection_is_reset_in_the_request,
    "whose connection is reset behind the request": network.connection_is_reset_behind_it,
    "whose connection is reset in the answer": network.connection_is_reset_in_the_answer,
    "whose answer ends early": network.answer_ends_early,
    "that is too much for now": answered(429, "TooManyRequests", Retry_After="0"),
    "that is answered with 500": answered(500, "InternalError"),
    "that is answered with 502 by who is between": answered(502),
    "that is answered with 503": answered(503, "ServerBusy", Retry_After="0"),
}
BROKEN_OFF = {network.connection_is_reset_in_the_answer, network.answer_ends_early}
LASTING = {
    "whose requests are lost": network.request_is_lost,
    "whose answers are lost": network.answer_is_lost,
    "whose connections are reset": network.connection_is_reset_behind_it,
    "that is too much": answered(429, "TooManyRequests", Retry_After="0"),
    "that is answered with 503": answered(503, "ServerBusy"),
}
DENYING = {
    "that is forbidden": answered(403, "AccessDenied"),
    "that is forbidden without a word": answered(403),
    "with a token that has expired": answered(401, "ExpiredToken"),
    "with a signature that has expired": answered(403, "AuthenticationFailed"),
}


class Place:
    """A store behind a proxy.

    Attributes:
        proxy: what is between.
        store: the store whose requests go through it.
        folder: for files.
        look: gives what stands under the key, past the proxy.
        write: has another write that, or remove it, past the proxy.
    """

    def __init__(self, proxy, store, folder, look, write) -> None:
        self.proxy, self.store, self.folder = proxy, store, folder
        self.look, self.write = look, write

    def do(self, operation: Operation, befall=lambda _request: None) -> Any:
        """Do it, with what befalls its requests."""
        self.write(operation.stands)
        self.proxy.requests.clear()
        self.proxy.befall = befall
        try:
            return operation.do(self.store, self.folder)
        finally:
            self.proxy.befall = lambda _request: None
            self.proxy.settle()

    def requests_of(self, operation: Operation) -> int:
        """How many it makes where nothing befalls them."""
        assert self.do(operation) == operation.comes_to
        return len(self.proxy.requests)


@pytest.fixture(scope="module")
def proxies(_azurite, _s3_server):
    """A proxy before each service, for each time that its clients wait for an answer."""
    with ExitStack() as stack:
        yield cache(lambda server, _reading: stack.enter_context(proxy_before(server.url)))


@pytest.fixture
def reading():
    """Seconds until the next bytes of an answer."""
    return 0.3


@pytest.fixture
def place(request, scheme, reading, proxies, monkeypatch, tmp_path):
    """A store that waits for answers, and between attempts, for a fraction of a second."""
    soon = {"connect_timeout": "5s", "read_timeout": f"{1000 * reading:.0f}ms", "timeout": "60s"}
    for module, name, value in (
        (retrying, "_FIRST_PAUSE", 0.005),
        (retrying, "_LONGEST_PAUSE", 0.02),
        (transport, "READING", reading),
        (client, "_CONTROL", soon),
        (client, "_BULK", soon),
        (client, "_RETRIES", {**client._RETRIES, "max_retries": 4, "backoff": BACKOFF}),
        (writing, "PAUSES", PAUSES),
        (object_store, "PAUSES", PAUSES),
    ):
        monkeypatch.setattr(module, name, value)
    server = request.getfixturevalue("azure" if scheme == "adls" else "s3")
    proxy, name = proxies(server, reading), uuid.uuid4().hex
    if scheme == "adls":
        monkeypatch.setenv(
            "AZURE_STORAGE_CONNECTION_STRING", f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={proxy.url};"
        )
        blob = server.container.get_blob_client(f"{name}/k")
        look, write = partial(look_in_azure, blob), partial(write_in_azure, blob)
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        monkeypatch.setenv("GOOGLE_BASE_URL", proxy.url)
        url = f"{server.url}/{BUCKET}/{name}/k"
        look, write = partial(look_in_s3, url), partial(write_in_s3, url)
    store = locate_blob_store(f"{ROOTS[scheme]}/{name}")
    if scheme != "adls":
        store._place("k").client.proven.add("put")  # so that each operation makes its own requests alone
    return Place(proxy, store, tmp_path, look, write)


def look_in_azure(blob):
    return blob.download_blob().readall() if blob.exists() else None


def write_in_azure(blob, content):
    if content is not None:
        blob.upload_blob(content, overwrite=True)
    elif blob.exists():
        blob.delete_blob()


def look_in_s3(url):
    try:
        with urlopen(url, timeout=60) as answer:
            return answer.read()
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


def write_in_s3(url, content):
    method = "DELETE" if content is None else "PUT"
    headers = {"Content-Type": "application/octet-stream"}
    urlopen(Request(url, content, headers, method=method), timeout=60).close()


def nth(number, fault):
    """The fault befalls one request of those to come."""
    numbers = count()
    return lambda _request: fault if next(numbers) == number else None


def in_each_store(*names):
    """Rows for each operation and each fault; Google's requests differ from those of S3 where they create."""
    rows = [(scheme, name) for name in names for scheme in SCHEMES if scheme != "gs" or name == "put_if_absent"]
    return pytest.mark.parametrize(
        ("scheme", "operation"), rows, ids=[f"in {scheme} a {name}" for scheme, name in rows]
    )


def each_of(faults):
    return pytest.mark.parametrize("fault", faults.values(), ids=faults)


# ------------------------------------------------------------------------------------------------- faults that pass
@each_of(PASSING)
@in_each_store(*OPERATIONS)
def test_operation_comes_to_the_same(place, scheme, operation, fault):
    wanted = OPERATIONS[operation]
    for number in range(place.requests_of(wanted)):
        try:
            came_to = place.do(wanted, nth(number, fault))
        except StoreUnavailable:
            assert fault in BROKEN_OFF  # which the library of object stores does not repeat
            assert scheme != "adls"
            assert place.look() in {wanted.stands, wanted.leaves}
            came_to = wanted.do(place.store, place.folder)
        assert came_to == wanted.comes_to
        assert place.look() == wanted.leaves


@each_of(PASSING)
@in_each_store(*CREATIONS)
def test_nobody_wins_over_another_who_came_first(place, operation, fault):
    """Another writes the blob when the first request that creates it is on its way, and something befalls that."""

    def another_first(exchange):
        place.write(OTHER)
        fault(exchange)

    creating = iter([another_first])
    befall = lambda request: next(creating, None) if request.method == "PUT" else None  # noqa: E731
    assert place.do(OPERATIONS[operation], befall) is False
    assert place.look() == OTHER


@each_of({name: fault for name, fault in PASSING.items() if fault not in BROKEN_OFF | {network.answer_comes_in_bits}})
@in_each_store("put_if_absent")
def test_repeated_creation_that_was_given_up_is_of_its_bytes(place, operation, fault, monkeypatch):
    """The service is out of reach for longer than a store is patient; who asked asks for the same again."""
    wanted = OPERATIONS[operation]
    asked = []

    def until_given_up(request):
        asked.append(request)
        return fault

    monkeypatch.setattr(retrying, "_PATIENCE", 0.0)
    try:
        came_to = place.do(wanted, until_given_up)
    except StoreUnavailable:
        came_to = wanted.do(place.store, place.folder)
    assert asked
    assert came_to is True
    assert place.look() == NEW


@each_of(PASSING)
@in_each_store(*CREATIONS)
def test_of_two_who_are_befallen_one_wins(place, operation, fault):
    place.write(None)
    creating = [fault, fault]
    lock = threading.Lock()

    def befall(request):
        with lock:
            return creating.pop() if request.method == "PUT" and creating else None

    place.proxy.befall = befall
    contents = [b"of the first", b"of the second"]
    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(lambda content: place.store.put_if_absent("k", content), contents))
    place.proxy.settle()
    assert sorted(won) == [False, True]
    assert place.look() == contents[won.index(True)]


# --------------------------------------------------------------------------------------------- faults that stay
@each_of(LASTING)
@in_each_store(*(name for name in OPERATIONS if "late" not in name))
def test_store_is_said_to_be_out_of_reach_after_a_few_requests(place, operation, fault, monkeypatch):
    monkeypatch.setattr(retrying, "_PATIENCE", 0.3)
    with pytest.raises(StoreUnavailable) as caught:
        place.do(OPERATIONS[operation], lambda _request: fault)
    assert type(caught.value) is StoreUnavailable
    assert place.store.uri in str(caught.value)
    assert 1 <= len(place.proxy.requests) < MANY
    assert place.look() in {OPERATIONS[operation].stands, OPERATIONS[operation].leaves}


@pytest.mark.parametrize("reading", [20.0], ids=["at once"])
@each_of(DENYING)
@in_each_store(*OPERATIONS)
def test_who_is_denied_is_told_at_once(place, operation, fault):
    wanted = OPERATIONS[operation]
    for number in range(place.requests_of(wanted)):
        with pytest.raises(StoreDenied) as caught:
            place.do(wanted, nth(number, fault))
        assert type(caught.value) is StoreDenied
        assert caught.value.advice or "refused" in str(caught.value)
        assert len(place.proxy.requests) == number + 1
        assert place.look() == wanted.stands
