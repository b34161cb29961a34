"""Azure: services that refuse, lost answers, blobs that change meanwhile, secrets, forks, and who shares what."""

import gc
import logging
import os
import pickle
import re
import signal
import sys
import threading
import time
import traceback
import tracemalloc
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import ContainerClient, ContainerSasPermissions, StandardBlobTier, generate_container_sas
from blake3 import blake3
from requests.adapters import HTTPAdapter

import mops
from mops.adapters.blob_stores.azure import AzureBlobStore, clients, place_of, retrying, transport, writing
from mops.adapters.blob_stores.azure.clients import client_of
from mops.api.locate import locate_blob_store
from mops.cli.commands import main
from mops.core.errors import (
    BlobArchived,
    ConfigurationError,
    InvalidKey,
    StoreDenied,
    StoreUnavailable,
    UnsupportedStore,
)
from mops.testing.large_bytes import LargeBytes
from tests.services.azure_front import LOST, Answer, failure, first, front_of
from tests.services.azurite import ACCOUNT, CONTAINER, KEY

MIB = 1 << 20
CANARY = "canary0of1a2signature"
SESSION = "/mops1/session/"
ROOT = f"adls://{ACCOUNT}/{CONTAINER}"


def bytes_of(size, seed=0):
    return blake3(b"%d" % seed).digest(length=size)


@pytest.fixture
def store(azure):
    return AzureBlobStore(place_of(f"{ROOT}/{uuid.uuid4()}"))


@pytest.fixture
def front(azure, monkeypatch):
    """What stands between the store and the emulator; the store is patient for a short while."""
    monkeypatch.setattr(retrying, "_PATIENCE", 2.0)
    monkeypatch.setattr(retrying, "_FIRST_PAUSE", 0.01)
    with front_of(azure.url) as front:
        for name, value in front.environment.items():
            monkeypatch.setenv(name, value)
        yield front


def signature(**more):
    ends = datetime.now(UTC) + timedelta(**(more or {"hours": 1}))
    return generate_container_sas(
        ACCOUNT,
        CONTAINER,
        account_key=KEY,
        permission=ContainerSasPermissions.from_string("racwdl"),
        expiry=ends,
        start=datetime.now(UTC) - timedelta(days=1),
    )


# ------------------------------------------------------------------------------------------ what services refuse
REFUSED = [
    (403, "AuthorizationFailure", StoreDenied, "network"),
    (403, "AuthorizationPermissionMismatch", StoreDenied, "Storage Blob Data Contributor"),
    (403, "AuthenticationFailed", StoreDenied, "clock"),
    (403, "KeyBasedAuthenticationNotPermitted", StoreDenied, "no keys"),
    (401, "InvalidAuthenticationInfo", StoreDenied, "az login"),
    (401, "NoAuthenticationInformation", StoreDenied, "az login"),
    (404, "ResourceNotFound", StoreDenied, "az login"),
    (409, "PublicAccessNotPermitted", StoreDenied, "az login"),
    (403, "AccountIsDisabled", StoreDenied, "disabled"),
    (403, "AuthorizationSourceIPMismatch", StoreDenied, "--ip"),
    (403, "", StoreDenied, "refused"),
    (409, "BlobImmutableDueToPolicy", StoreDenied, "policy"),
    (412, "LeaseIdMissing", StoreDenied, "lease"),
    (409, "BlobArchived", BlobArchived, "rehydrate"),
    (409, "BlobBeingRehydrated", BlobArchived, "rehydrate"),
    (409, "ResourceTypeMismatch", InvalidKey, "folder"),
    (404, "ContainerNotFound", UnsupportedStore, "az storage container create"),
    (400, "InvalidHeaderValue", UnsupportedStore, "InvalidHeaderValue"),
    (404, "", StoreUnavailable, "404"),
    (409, "NobodyKnowsThis", StoreUnavailable, "NobodyKnowsThis"),
    (416, "InvalidRange", StoreUnavailable, "InvalidRange"),
]


@pytest.mark.parametrize(("status", "code", "kind", "said"), REFUSED)
def test_each_refusal_is_said_by_its_code(front, store, status, code, kind, said):
    front.rule = lambda _request: failure(status, code)
    operations = {
        "get": lambda: store.get("blob"),
        "put": lambda: store.put("blob", b"x"),
        "put_if_absent": lambda: store.put_if_absent("blob", b"x"),
        "large": lambda: store.put("blob", bytes(5 * MIB)),
        "delete": lambda: store.delete("blob"),
        "list": lambda: list(store.list()),
        "size": lambda: store.file_size("blob"),
    }
    for name, operation in operations.items():
        with pytest.raises(kind) as caught:
            operation()
        assert type(caught.value) is kind, name
        assert said in str(caught.value), name
        assert store.uri in str(caught.value), name


def test_archived_blob_is_neither_absent_nor_a_lost_race(azure, store):
    store.put_if_absent("blob", b"content")
    blob = client_of(ACCOUNT).get_blob_client(CONTAINER, f"{store.uri.removeprefix(ROOT + '/')}/blob")
    blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    for operation in (lambda: store.get("blob"), lambda: store.put_if_absent("blob", b"other")):
        with pytest.raises(BlobArchived, match="lifecycle rule"):
            operation()


def test_missing_container_is_said_with_the_command_that_makes_it(azure):
    store = AzureBlobStore(place_of(f"adls://{ACCOUNT}/nobody-made-it/root"))
    for operation in (lambda: store.get("blob"), lambda: store.put_if_absent("blob", b"x"), lambda: list(store.list())):
        with pytest.raises(UnsupportedStore, match=f"--account-name {ACCOUNT} --name nobody-made-it$"):
            operation()


@pytest.mark.parametrize("answer", [failure(429, "", Retry_After="0"), failure(503, "ServerBusy"), failure(500), LOST])
def test_what_passes_is_asked_for_again(front, store, answer):
    front.rule = first(3, answer)
    assert store.put_if_absent("blob", b"content") is True
    front.rule = first(3, answer)
    assert store.get("blob") == b"content"
    front.rule = first(3, answer)
    assert [info.key for info in store.list()] == ["blob"]


@pytest.mark.parametrize("answer", [failure(429), failure(503, "ServerBusy"), LOST])
def test_what_does_not_pass_is_given_up(front, store, answer, monkeypatch):
    monkeypatch.setattr(retrying, "_PATIENCE", 0.3)
    front.rule = lambda _request: answer
    with pytest.raises(StoreUnavailable):
        store.get("blob")
    assert len(front.requests) > 2


@pytest.mark.parametrize("answer", [failure(429, "", Retry_After="1000"), failure(503, "ServerBusy", Retry_After="9")])
def test_nobody_waits_for_longer_than_patience_lasts(front, store, answer, monkeypatch):
    monkeypatch.setattr(retrying, "_PATIENCE", 0.3)
    sleep, slept = time.sleep, []
    monkeypatch.setattr(time, "sleep", lambda seconds: (slept.append(seconds), sleep(min(seconds, 0.5))))
    front.rule = lambda _request: answer
    with pytest.raises(StoreUnavailable):
        store.get("blob")
    assert slept
    assert sum(slept) <= 0.3


def test_patience_is_one_whatever_goes_wrong(front, store, monkeypatch):
    deadlines = set()
    increment = retrying.Retrying.increment

    def remember(self, settings, *more, **others):
        deadlines.add(settings["deadline"])
        return increment(self, settings, *more, **others)

    monkeypatch.setattr(retrying.Retrying, "increment", remember)
    answers = iter([failure(503, "ServerBusy"), failure(429), LOST, failure(429), failure(500)])
    front.rule = lambda _request: next(answers, None)
    assert store.get("blob") is None
    assert len(deadlines) == 1


def test_service_says_how_long_to_wait(monkeypatch):
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    answer = Answer(503, {"Retry-After": "3"})
    assert retrying._pause(1, answer) == 3.4
    assert [retrying._pause(attempt, None) for attempt in (1, 2, 3, 9)] == [0.4, 0.8, 1.6, 8.0]
    assert retrying._pause(1, Answer(503, {"Retry-After": "Tue, 1 Jan 2030 00:00:00 GMT"})) == 0.4


def test_those_who_wait_do_not_come_back_together():
    pauses = [retrying._pause(3, Answer(503, {"Retry-After": "2"})) for _ in range(100)]
    assert 2 < min(pauses) < 2.8
    assert 3.2 < max(pauses) <= 3.6


def test_every_request_has_timeouts(store, monkeypatch):
    timeouts = []
    send = HTTPAdapter.send

    def remember(self, request, **options):
        timeouts.append(options["timeout"])
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", remember)
    store.put_if_absent("blob", bytes(5 * MIB))
    store.get("blob")
    store.put("other", b"x")
    store.delete("other")
    assert list(store.list())
    assert len(timeouts) >= 8
    assert set(timeouts) == {(retrying.CONNECTING, retrying.READING)}


# ---------------------------------------------------------------------------------------------- what is lost on the way
@pytest.mark.parametrize("size", [3, 9 * MIB])
def test_creation_whose_answer_was_lost_is_ours(front, store, size):
    lost = []

    def lose(request):
        if request.method == "PUT" and "If-None-Match" in request.headers and not lost:
            lost.append(request.forward().status)
            return LOST
        return None

    front.rule = lose
    assert store.put_if_absent("blob", bytes_of(size)) is True
    assert lost == [201]
    assert store.get("blob") == bytes_of(size)
    assert store.put_if_absent("blob", bytes_of(size, 1)) is False


@pytest.mark.parametrize("size", [3, 9 * MIB])
def test_creation_that_is_asked_for_again_is_ours(store, size):
    for _ in range(2):  # as by who was not answered in time
        assert store.put_if_absent("blob", bytes_of(size)) is True
    assert store.put_if_absent("blob", bytes_of(size, 1)) is False


@pytest.mark.parametrize("size", [3, 9 * MIB])
def test_other_writer_that_came_first_is_not_taken_for_a_lost_answer(front, azure, store, size):
    other = azure.container.get_blob_client(f"{store.uri.removeprefix(ROOT + '/')}/blob")

    def let_another_go_first(request):
        if request.method == "PUT" and "If-None-Match" in request.headers and not other.exists():
            other.upload_blob(b"of another", overwrite=True)

    front.rule = let_another_go_first
    assert store.put_if_absent("blob", bytes_of(size)) is False
    assert store.get("blob") == b"of another"


def test_unfinished_upload_of_a_dead_process_is_in_nobodys_way(azure, store):
    for key, content in (("empty", b""), ("small", b"content"), ("large", bytes_of(9 * MIB))):
        blob = azure.container.get_blob_client(f"{store.uri.removeprefix(ROOT + '/')}/{key}")
        blob.stage_block("1" * 37, b"of a process that died")
        assert store.get(key) is None
        assert store.file_size(key) is None
        assert store.put_if_absent(key, content) is True
        assert store.get(key) == content
        assert store.put_if_absent(key, content, b"of another") is False


def test_blocks_that_another_commit_has_swept_away_are_sent_again(front, store):
    swept = [failure(400, "InvalidBlockList")]
    front.rule = lambda request: swept.pop() if swept and "comp=blocklist" in request.path else None
    assert store.put_if_absent("created", bytes_of(9 * MIB)) is True
    swept.append(failure(400, "InvalidBlockList"))
    store.put("put", bytes_of(9 * MIB))
    assert store.get("created") == store.get("put") == bytes_of(9 * MIB)


@pytest.mark.parametrize("at", ["comp=block&", "comp=blocklist"])
@pytest.mark.parametrize(("operation", "stands"), [("put_if_absent", 1), ("put", 0)])
def test_blocks_of_two_writers_are_never_one_blob(front, store, operation, stands, at):
    contents, met = [bytes_of(9 * MIB, seed) for seed in range(2)], []
    write = getattr(store, operation)

    def let_another_write(request):
        if at in request.path and not met:
            met.append(request)
            assert write("blob", contents[1]) is not False

    front.rule = let_another_write
    assert write("blob", contents[0]) is not True
    assert met
    assert LargeBytes(store.get("blob")) == contents[stands]


@pytest.mark.parametrize(("operation", "stands"), [("put_if_absent", 0), ("put", 1)])
def test_blocks_that_another_has_sent_meanwhile_are_none_of_ours(front, store, operation, stands):
    """The second sends all its blocks while the first sends its own, and commits them when the first has committed."""
    contents, begun, committing = [bytes_of(9 * MIB, seed) for seed in range(2)], [], []
    sent, committed = threading.Event(), threading.Event()
    write = getattr(store, operation)

    def meet(request):
        if "comp=block&" in request.path and not begun:
            begun.append(pool.submit(write, "blob", contents[1]))
            assert sent.wait(60)
        if "comp=blocklist" in request.path and not committing:
            committing.append(request)
            sent.set()
            assert committed.wait(60)
        elif "comp=blocklist" in request.path and not committed.is_set():
            answer = request.forward()
            committed.set()
            return answer
        return None

    front.rule = meet
    with ThreadPoolExecutor(1) as pool:
        assert write("blob", contents[0]) is not False
        assert begun[0].result(60) is not True
    assert LargeBytes(store.get("blob")) == contents[stands]


def test_one_of_many_large_writers_wins_whole(store):
    contents = [bytes_of(9 * MIB, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda content: store.put_if_absent("blob", content), contents))
    assert sorted(won) == [False, False, False, True]
    assert LargeBytes(store.get("blob")) == contents[won.index(True)]


def test_blob_has_no_more_blocks_than_a_blob_may_have():
    for size in (5 * MIB, 96 << 30, 2 << 40):
        assert -(-size // writing._block_size(size)) <= 50_000
    assert writing._block_size(2 << 30) == 2 * MIB


def test_blob_that_goes_while_it_is_read_is_absent(front, azure, store, tmp_path):
    content = bytes_of(20 * MIB)
    for read in (
        lambda: store.get("blob"),
        lambda: store.get_file("blob", str(tmp_path / "copy"), blake3(content).digest()) or None,
    ):
        store.put("blob", content)
        gone = []

        def remove(request, gone=gone):
            if request.method == "GET" and "If-Match" in request.headers and not gone:
                gone.append(True)
                azure.container.delete_blob(f"{store.uri.removeprefix(ROOT + '/')}/blob")
                return failure(404, "BlobNotFound")  # the emulator says that a condition was not met
            return None

        front.rule = remove
        assert read() is None
        assert gone
    assert list(tmp_path.iterdir()) == []


def test_large_blob_is_held_once(store):
    size = 48 * MIB
    store.put("blob", bytes(size))
    tracemalloc.start()
    try:
        assert len(store.get("blob")) == size
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < size + 32 * MIB


def test_blob_that_is_replaced_while_it_is_read_is_the_new_one(front, azure, store, tmp_path):
    old, new = bytes_of(20 * MIB, 1), bytes_of(20 * MIB, 2)
    name = f"{store.uri.removeprefix(ROOT + '/')}/blob"
    for read in (
        lambda: bytes(store.get("blob")),
        lambda: (
            store.get_file("blob", str(tmp_path / "copy"), blake3(new).digest()) and (tmp_path / "copy").read_bytes()
        ),
    ):
        store.put("blob", old)
        replaced = []

        def replace(request, replaced=replaced):
            if request.method == "GET" and "If-Match" in request.headers and not replaced:
                replaced.append(True)
                azure.container.upload_blob(name, new, overwrite=True)

        front.rule = replace
        assert read() == new
        assert replaced


def test_large_blobs_go_in_pieces_several_at_once(front, store, tmp_path):
    content, under_way, most = bytes_of(24 * MIB), [], []

    def count(request):
        under_way.append(request)
        most.append(len(under_way))
        answer = request.forward()
        under_way.remove(request)
        return answer

    path = tmp_path / "file"
    path.write_bytes(content)
    operations = {
        "comp=block&": lambda: store.put_if_absent("blob", content),
        "blob": lambda: store.get("blob"),
    }
    for part, operation in operations.items():
        most.clear()
        front.requests.clear()
        front.rule = count
        assert operation()
        assert sum(part in asked for _, asked in front.requests) >= 10
        assert 3 < max(most) <= 8
    assert store.get("blob") == content


def test_requests_are_as_many_as_the_documentation_says(front, store):
    content = bytes_of(9 * MIB)
    call = mops.use_runner(mops.MemoizingPicklingRunner(blob_root=store.uri))(os.path.basename)

    def asked(operation):
        front.requests.clear()
        operation()
        told = [request for request in front.requests if SESSION not in request[1]]
        return [(re.findall("comp=(block[a-z]*)", path) or [method])[0] for method, path in told]

    assert asked(lambda: call("a/b")) == ["GET", "PUT", "PUT"]
    assert asked(lambda: call("a/b")) == ["GET"]
    assert asked(lambda: store.put_if_absent("small", b"x")) == ["PUT"]
    assert asked(lambda: store.put_if_absent("small", b"y")) == ["PUT", "HEAD"]
    assert asked(lambda: store.put("small", b"z")) == ["PUT"]
    assert asked(lambda: store.get("none")) == ["GET"]
    assert asked(lambda: store.put_if_absent("large", content)) == ["HEAD", *["block"] * 5, "blocklist"]
    assert asked(lambda: store.put_if_absent("large", content)) == ["HEAD"]
    assert asked(lambda: store.get("large")) == ["GET"] * 4
    assert asked(lambda: store.file_size("large")) == ["HEAD"]
    assert asked(lambda: store.delete("large")) == ["DELETE"]


def test_large_values_are_stored_and_read_when_the_main_thread_has_ended(azure, project):
    project.write(
        "work.py",
        """
        @use_runner(MemoizingPicklingRunner(blob_root=root))
        def work(size):
            return bytes(size)
        """,
    )
    program = """
        import atexit, threading
        from work import work

        def late():
            threading.main_thread().join()
            for _ in range(2):
                print(len(work(9 << 20)))

        threading.Thread(target=late).start()
        atexit.register(lambda: print(len(work(10 << 20))))
    """
    root = f"{ROOT}/{uuid.uuid4()}"
    assert project.script(program, env=project.environment(MOPS_ROOT=root)).split() == ["9437184"] * 2 + ["10485760"]


def test_large_blobs_need_no_threads(store, monkeypatch):
    def start(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert store.put_if_absent("blob", bytes_of(9 * MIB)) is True
    assert LargeBytes(store.get("blob")) == bytes_of(9 * MIB)


def test_buffers_are_let_go_at_once(front, store):
    store.put("stands", b"x")
    gc.collect()
    gc.disable()
    try:
        for size in (3, 9 * MIB):
            for answer in (None, failure(500), failure(403, "AuthorizationFailure")):
                for operation in (
                    lambda buffer: store.put_if_absent("stands", memoryview(buffer)),
                    lambda buffer, size=size: store.put_if_absent(f"new/{size}", memoryview(buffer)),
                    lambda buffer, size=size: store.put(f"new/{size}", memoryview(buffer)),
                ):
                    buffer = bytearray(size)
                    front.rule = first(1, answer) if answer else lambda _request: None
                    with suppress(StoreDenied):
                        operation(buffer)
                    buffer.clear()  # BufferError if somebody still looks at it
    finally:
        gc.enable()


# --------------------------------------------------------------------------------------------------------- directories
def test_directory_markers_are_no_blobs(azure, store, tmp_path):
    prefix = store.uri.removeprefix(ROOT + "/")
    for name in ("a", "a/b"):
        azure.container.upload_blob(f"{prefix}/{name}", b"", metadata={"hdi_isfolder": "true"})
    for key in ("a/b/c", "a-b", "a.b", "0"):
        store.put_if_absent(key, b"x")
    assert [info.key for info in store.list()] == ["0", "a-b", "a.b", "a/b/c"]
    for key in ("a", "a/b"):
        assert store.get(key) is None
        assert store.file_size(key) is None
        assert store.get_file(key, str(tmp_path / "copy"), bytes(32)) is False
        with pytest.raises(InvalidKey):
            store.put_if_absent(key, b"x")
    assert list(tmp_path.iterdir()) == []


def test_listing_goes_on_from_page_to_page(front, azure, store, monkeypatch):
    keys = [f"blob{number}" for number in range(7)]
    for key in keys:
        store.put(key, b"x")
    azure.container.upload_blob(f"{store.uri.removeprefix(ROOT + '/')}/blob3/x", b"", metadata={"hdi_isfolder": "true"})
    list_blobs = ContainerClient.list_blobs
    monkeypatch.setattr(
        ContainerClient, "list_blobs", lambda self, **more: list_blobs(self, results_per_page=2, **more)
    )
    front.requests.clear()
    assert [info.key for info in store.list()] == keys
    pages = [asked for asked in front.requests if asked[0] == "GET"]
    assert len(pages) == 4
    answers = iter([None, None, failure(503, "ServerBusy"), None, None, failure(403, "AuthorizationFailure")])
    front.rule = lambda _request: next(answers, None)
    assert [info.key for info in store.list(after="blob4")] == keys[5:]
    front.rule = lambda request: failure(403, "AuthorizationFailure") if "marker" in request.path else None
    listed = store.list()
    assert next(listed).key == "blob0"
    with pytest.raises(StoreDenied):
        list(listed)


def test_order_of_a_hierarchical_namespace_is_that_of_keys_in_the_end(front, azure, store):
    prefix = store.uri.removeprefix(ROOT + "/")
    listed = ["0", "a", "a/x", "a/x/1", "a/y", "a-b", "a-b/1", "a.b"]
    folders = {"a", "a/x", "a-b"}
    blobs = "".join(
        f"<Blob><Name>{prefix}/{name}</Name><Properties><Last-Modified>Mon, 01 Jan 2024 00:00:00 GMT</Last-Modified>"
        "<Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType></Properties>"
        f"<Metadata>{'<hdi_isfolder>true</hdi_isfolder>' * (name in folders)}</Metadata></Blob>"
        for name in listed
    )
    body = f'<?xml version="1.0"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>'
    front.rule = lambda _request: Answer(200, {"Content-Type": "application/xml"}, body.encode())
    wanted = ["0", "a-b/1", "a.b", "a/x/1", "a/y"]
    assert [info.key for info in store.list()] == wanted
    assert [info.key for info in store.list(after="a.b")] == wanted[3:]


# ------------------------------------------------------------------------------------------------------------- secrets
def signed(monkeypatch, endpoint, token):
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"BlobEndpoint={endpoint};SharedAccessSignature={token}")


def test_signature_opens_a_store(azure, store, monkeypatch):
    signed(monkeypatch, azure.url, signature())
    assert store.put_if_absent("blob", b"content") is True
    assert store.get("blob") == b"content"
    assert [info.key for info in store.list()] == ["blob"]
    assert 3500 < store.expires - time.time() <= 3600


def test_signature_that_has_ended_is_said(azure, store, monkeypatch):
    signed(monkeypatch, azure.url, signature(hours=-1))
    with pytest.raises(StoreDenied):
        store.get("blob")


def test_nothing_secret_is_shown(azure, store, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(retrying, "_PATIENCE", 0.2)
    token = re.sub(r"sig=[^&]+", f"sig={CANARY}", signature())
    shown = [repr(store), store.uri, pickle.dumps(store).decode("latin1")]
    for endpoint in (azure.url, f"http://127.0.0.1:1/{ACCOUNT}"):
        signed(monkeypatch, endpoint, token)
        for operation in (lambda: store.get("blob"), lambda: store.put("blob", b"x"), lambda: list(store.list())):
            with pytest.raises((StoreDenied, StoreUnavailable)) as caught:
                operation()
            shown += traceback.format_exception(caught.value)
            shown += [repr(caught.value), pickle.dumps(caught.value).decode("latin1")]
            assert caught.value.__cause__ is caught.value.__context__ is None
    shown += [repr(access) for access in clients._process.clients]
    shown += [repr(client) for client in clients._process.clients.values()]
    text = "\n".join(shown)
    assert "urllib3" in caplog.text
    assert "sig=..." in caplog.text
    for secret in (CANARY, KEY):
        assert secret not in text
        assert secret not in caplog.text


def test_requests_are_logged_for_those_alone_who_ask_for_it(store, caplog):
    caplog.set_level(logging.INFO)
    assert store.get("blob") is None
    assert not caplog.records
    caplog.set_level(logging.INFO, "mops.azure.requests")
    assert store.get("blob") is None
    assert {record.name for record in caplog.records} == {"mops.azure.requests"}


PROXIES = [
    "http://user:{}@127.0.0.1:1",
    "http://user:{}/x#y@127.0.0.1:1",
    "http://user:{}@127.0.0.1:no",
    "http://user:{}@",
    "http://user:[{}@127.0.0.1:1",
    "no://user:{}@127.0.0.1:1",
]


@pytest.mark.parametrize("proxy", PROXIES)
def test_password_of_a_proxy_is_not_shown(azure, store, monkeypatch, caplog, proxy):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(retrying, "_PATIENCE", 0.2)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy.format(CANARY))
    with pytest.raises(StoreUnavailable) as caught:
        store.get("blob")
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in caplog.text


def test_certificates_that_are_not_there_are_the_fault_of_no_file(store, monkeypatch, tmp_path):
    monkeypatch.setattr(retrying, "_PATIENCE", 0.2)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/certificates")
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING", f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=https://127.0.0.1:1/x"
    )
    for operation in (
        lambda: store.get("blob"),
        lambda: store.put("blob", b"x"),
        lambda: store.get_file("blob", str(tmp_path / "copy"), bytes(32)),
        lambda: list(store.list()),
    ):
        with pytest.raises(StoreUnavailable, match="/no/such/certificates"):
            operation()


@pytest.mark.parametrize("written", ["{}\n", "\n {} ", "{};;", "{};\n;"])
def test_connection_string_is_taken_as_files_and_secrets_have_it(azure, store, monkeypatch, written):
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", written.format(azure.connection.replace(";", "; \n")))
    assert store.put_if_absent("blob", b"content") is True
    signed(monkeypatch, azure.url, signature() + "\n")
    assert store.get("blob") == b"content"


def test_signature_in_a_root_is_refused_and_not_repeated():
    for uri in (
        f"https://account.blob.core.windows.net/container/a?sv=1&sig={CANARY}",
        f"adls://account/container?{CANARY}",
        f"adls://{CANARY}@account/container",
        f"abfss://container:{CANARY}@account.dfs.core.windows.net/a",
        f"https://{CANARY}@account.blob.core.windows.net/container/a",
        f"https://user:{CANARY}@account.blob.core.windows.net/container/a",
    ):
        with pytest.raises(ConfigurationError) as caught:
            locate_blob_store(uri)
        assert CANARY not in str(caught.value)
        assert "AZURE_STORAGE_SAS_TOKEN" in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        f"wasbs://container@account.blob.core.windows.net/a?sig={CANARY}",
        f"sftp://user:{CANARY}@host/a",
        f"adls:account/container?sig={CANARY}",
        f"adls:/account/container#{CANARY}",
        f"file://host/a?{CANARY}",
        f"adls://[{CANARY}@account/container",
    ],
)
def test_root_that_is_none_is_not_repeated_with_its_secrets(uri):
    with pytest.raises(ConfigurationError) as caught:
        locate_blob_store(uri)
    assert CANARY not in str(caught.value)


def test_signature_that_ends_before_the_run_timeout_is_refused(azure, monkeypatch):
    signed(monkeypatch, azure.url, signature(minutes=10))
    root = f"{ROOT}/{uuid.uuid4()}"
    shell = mops.SubprocessShell(run_timeout=3600)
    with pytest.raises(
        ConfigurationError, match=r"ends in (5\d\d|600) s, and the Shell lets a function run for 3,600 s"
    ):
        mops.use_runner(mops.MemoizingPicklingRunner(shell, root))(os.path.basename)("a/b")
    assert list(locate_blob_store(root).list()) == []
    in_thread = mops.MemoizingPicklingRunner(blob_root=root)
    assert mops.use_runner(in_thread)(os.path.basename)("a/b") == "b"


@pytest.mark.parametrize("shell", ["SubprocessShell", "ForkServerShell"])
def test_call_goes_through_another_process_and_no_secret_goes_with_it(azure, project, shell):
    root = f"{ROOT}/{uuid.uuid4()}"
    project.write(
        "work.py",
        """
        from pathlib import Path

        @use_runner(MemoizingPicklingRunner(globals()[os.environ["SHELL_OF_CALLS"]](), root))
        def work(path, numbers):
            told = [Path(f"/proc/{pid}/cmdline").read_text() for pid in (os.getpid(), os.getppid())]
            with open_output("made.bin") as made:
                made.write(bytes(numbers))
            return told, path.read_text(), bytes(numbers), made.source
        """,
    )
    program = """
        from pathlib import Path
        from work import work

        Path("input.txt").write_text("of a file")
        for _ in range(2):
            told, text, numbers, made = work(Path("input.txt"), bytes(6 << 20))
            print(text, len(numbers), made.path().stat().st_size)
        print(told)
    """
    output = project.script(program, env=project.environment(MOPS_ROOT=root, SHELL_OF_CALLS=shell))
    assert output.splitlines()[:2] == [f"of a file {6 * MIB} {6 * MIB}"] * 2
    assert "-m\\x00mops" in output
    store = locate_blob_store(root)
    stored = {info.key: bytes(store.get(info.key)) for info in store.list()}
    assert len(stored) > 5
    assert KEY not in output
    assert not [key for key, content in stored.items() if KEY.encode() in content]


# ------------------------------------------------------------------------------------------------------ who shares what
def test_stores_of_an_account_share_a_client_and_its_connections(azure, store, monkeypatch):
    other = AzureBlobStore(place_of(f"{ROOT}/other"))
    assert store != other
    assert client_of(ACCOUNT) is client_of(ACCOUNT)
    assert transport._CONNECTIONS >= 64
    monkeypatch.setattr(clients._process, "clients", {})
    for _ in range(2):
        threads = [threading.Thread(target=which.get, args=("blob",)) for which in (store, other) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    (pool,) = (pool for pool in _pools(client_of(ACCOUNT)) if pool.port == int(re.search(r":(\d+)/", azure.url)[1]))
    assert pool.pool.maxsize == transport._CONNECTIONS  # which keeps those of all threads, and drops none
    assert pool.num_connections <= 32
    assert pool.num_requests >= 64


def _pools(client):
    pools = client._pipeline._transport.session.get_adapter("http://").poolmanager.pools
    return [pools[key] for key in pools.keys()]  # noqa: SIM118 - it is no dict


def test_credential_is_made_once_and_asks_nobody_before_it_is_needed(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(clients, "_process", clients._Process())
    identity = client_of("firstaccount").credential
    assert identity is client_of("secondaccount").credential
    assert identity._credential is None


def test_child_of_a_fork_has_a_client_of_its_own(azure, store):
    store.put("blob", b"of the parent")
    ours = id(client_of(ACCOUNT))
    process = os.fork()
    if not process:
        status = 1
        try:
            assert clients._process.clients == {}
            assert store.get("blob") == b"of the parent"
            store.put("child", b"of the child")
            assert len(clients._process.clients) == 1
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(process, 0)[1] == 0
    assert store.get("child") == b"of the child"
    assert id(client_of(ACCOUNT)) == ours


def test_fork_does_not_wait_for_a_thread_that_takes_a_connection(azure, store):
    store.put("blob", b"content")
    (taken,) = (pool.pool.mutex for pool in _pools(client_of(ACCOUNT)))
    with taken:
        process = os.fork()
        if not process:
            gc.collect()
            os._exit(0 if bytes(store.get("blob")) == b"content" else 1)
    ended = wait_for_child(process)
    assert ended == 0


def wait_for_child(process):
    """The status of a child; what hangs is ended."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


# ----------------------------------------------------------------------------------------------------------- what is on
def versioned(answer):
    return answer._replace(headers={**answer.headers, "x-ms-version-id": "2024-01-01T00:00:00.0000000Z"})


def test_probe_warns_of_what_the_account_keeps(front, store):
    deleted = (
        b'<?xml version="1.0"?><EnumerationResults><Blobs><Blob><Name>x</Name><Deleted>true</Deleted>'
        b"<Properties><BlobType>BlockBlob</BlobType></Properties></Blob></Blobs><NextMarker/></EnumerationResults>"
    )

    def keep(request):
        if "include=deleted" in request.path:
            return Answer(200, {"Content-Type": "application/xml"}, deleted)
        if request.method != "PUT":
            return None
        return versioned(request.forward())

    store.probe()  # warnings are errors
    front.rule = keep
    with pytest.warns(UserWarning, match="blob versioning and soft delete is on: .* 8,640 times a day"):
        store.probe()


def test_command_line_says_what_the_account_keeps(front, store, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mops", "probe", store.uri])
    front.rule = lambda request: (request.method == "PUT" and versioned(request.forward())) or None
    assert main() == 0
    out, err = capsys.readouterr()
    assert out == f"{store.uri} keeps what mops relies on\n"
    assert re.fullmatch(r"warning: adls://.*: blob versioning is on: .*\n", err)


# ----------------------------------------------------------------------------------------------------------- what loads
def test_missing_package_is_named_with_the_command_that_installs_it(project):
    program = """
        sys.modules["azure.storage.blob"] = None
        from mops.core.errors import MissingExtraError
        from mops.api.locate import locate_blob_store
        try:
            locate_blob_store("adls://account/container")
        except MissingExtraError as error:
            print(error.advice)
    """
    assert project.script(program) == "pip install 'mops-run[azure]'\n"


def test_local_root_loads_nothing_of_the_sdk(project):
    program = """
        @use_runner(MemoizingPicklingRunner(blob_root=root))
        def double(number):
            return 2 * number

        print(double(21))
        print([name for name in sys.modules if name.partition(".")[0] in {"azure", "requests", "urllib3"}])
    """
    assert project.script(program) == "42\n[]\n"
    assert "azure" in sys.modules  # of this process, which has met one
