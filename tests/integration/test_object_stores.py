"""Object stores: services that refuse, careless ones, lost answers, large blobs, forks, and what nobody may see."""

import pickle
import threading
import traceback
import uuid

import pytest
from blake3 import blake3

from mops.adapters.blob_stores.object_store import ObjectBlobStore
from mops.adapters.blob_stores.object_store.reading import Replaced, find
from mops.api.locate import locate_blob_store
from mops.core.errors import (
    BlobArchived,
    ConfigurationError,
    FileChanged,
    InvalidKey,
    StoreDenied,
    StoreFull,
    StoreUnavailable,
    UnsupportedStore,
)
from tests.services.s3_process import BUCKET, CREDENTIALS

MIB = 1 << 20


@pytest.fixture
def store(s3):
    return ObjectBlobStore(f"s3://{BUCKET}/{uuid.uuid4()}")


def bytes_of(size):
    return blake3(b"%d" % size).digest(length=size)


# ----------------------------------------------------------------------------------------------------- addresses
@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a/B c/", "s3://bucket/a/B c"),
        ("gs://bucket/prefix", "gs://bucket/prefix"),
        ("az://account/container/prefix/", "az://account/container/prefix"),
    ],
)
def test_root_has_one_spelling(given, wanted):
    store = locate_blob_store(given)
    assert store.uri == wanted
    assert locate_blob_store(wanted) == store == pickle.loads(pickle.dumps(store))
    assert repr(store) == f"ObjectBlobStore({wanted!r})"


@pytest.mark.parametrize(
    "uri",
    ["s3://", "s3:///prefix", "s3://b/a//b", "s3://b/../c", "s3://b/a%20b", "s3://b/a?x=1", "gs://-", "az://account"],
)
def test_what_names_no_bucket_is_refused(uri):
    with pytest.raises(ConfigurationError, match="names no place in an object store"):
        ObjectBlobStore(uri)


@pytest.mark.parametrize("place", ["user:canary@bucket/root", "bucket/root?X-Amz-Signature=canary", "b/a#canary"])
def test_credentials_in_a_root_are_refused_and_not_repeated(place):
    with pytest.raises(ConfigurationError) as caught:
        ObjectBlobStore(f"s3://{place}")
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert "environment" in caught.value.advice


@pytest.mark.parametrize(
    "prefix", ["a b", "a+b", "ü/日本", "~x", "a[1]{2}*", "a&b=c;d,e", "'\"`", "a:b@c|^<>", " c ", "u\u0308"]
)
@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_prefix_of_odd_characters_is_a_root_like_any(s3, scheme, prefix):
    known = uuid.uuid4().hex
    odd, beside = (ObjectBlobStore(f"{scheme}://{BUCKET}/{known}/{name}") for name in (prefix, f"{prefix}x"))
    beside.put("of/another", b"")
    assert odd.put_if_absent("a/key", b"x") is True
    assert odd.put_if_absent("a/key", b"y") is False
    assert odd.get("a/key") == b"x"
    assert [info.key for info in odd.list("a/")] == [info.key for info in odd.list()] == ["a/key"]
    odd.delete("a/key")
    assert (odd.get("a/key"), odd.file_size("a/key")) == (None, None)


@pytest.mark.parametrize("endpoint", ["a:canary@127.0.0.1:1", "localhost", "ftp://canary", "http://", "http:// canary"])
def test_endpoint_that_is_no_address_is_refused_and_not_repeated(monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL is no address") as caught:
        ObjectBlobStore("s3://bucket/root").get("blob")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("others", [("AWS_ENDPOINT",), ("AWS_ENDPOINT", "AWS_ENDPOINT_URL")])
def test_of_several_endpoints_the_most_particular_one_counts(s3, store, monkeypatch, others):
    particular = "AWS_ENDPOINT_URL_S3" if len(others) == 2 else "AWS_ENDPOINT_URL"
    for order in ((particular, *others), (*others, particular)):
        for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name, raising=False)
        for name in order:
            monkeypatch.setenv(name, s3.url if name == particular else "http://127.0.0.1:1")
        assert ObjectBlobStore(f"{store.uri}/{len(order)}/{order[0].lower()}").put_if_absent("blob", b"x") is True


def test_a_missing_package_is_named_with_the_command_that_installs_it(project):
    out = project.script(
        """
        sys.modules["obstore"] = None
        for uri, extra in (("s3://bucket", "s3"), ("gs://bucket", "gcs")):
            try:
                use_runner(MemoizingPicklingRunner(blob_root=uri))(abs)(1)
            except MissingExtraError as error:
                print(f"pip install 'mops-run[{extra}]'" in str(error))
        """.replace("sys.modules", "from mops.core.errors import MissingExtraError\n        sys.modules", 1)
    )
    assert out == "True\nTrue\n"


def test_a_local_root_loads_nothing_of_it(project):
    out = project.script(
        """
        assert use_runner(MemoizingPicklingRunner())(abs)(-1) == 1
        print([name for name in sys.modules if "obstore" in name or "object_store" in name])
        """
    )
    assert out == "[]\n"


# ------------------------------------------------------------------------------------------------------ conditions
def test_service_that_ignores_conditions_is_refused_by_name(s3, store):
    for create in (lambda: store.put_if_absent("blob", b"x"), lambda: store.put_if_absent("blob", bytes(33 * MIB))):
        fresh(store)
        with s3.answering("careless"), pytest.raises(UnsupportedStore, match=f"{s3.url} ignores the conditions"):
            create()
        assert list(store.list()) == []
        assert create() is True
        store.delete("blob")
    fresh(store)
    with s3.answering("careless"), pytest.raises(UnsupportedStore):
        store.probe()


def test_service_that_knows_no_conditions_is_refused_by_name(s3, store):
    fresh(store)
    with s3.answering("unknowing"), pytest.raises(UnsupportedStore, match=f"{store.uri}.*501") as caught:
        store.put_if_absent("blob", b"x")
    assert "If-None-Match" in caught.value.advice


def test_service_that_is_reached_with_a_password_is_named_without_it(s3, store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url.replace("//", "//user:canary@"))
    careless = ObjectBlobStore(f"{store.uri}/careless")
    with s3.answering("careless"), pytest.raises(UnsupportedStore) as caught:
        careless.put_if_absent("blob", b"x")
    assert f"{s3.url} ignores" in str(caught.value)
    assert "canary" not in repr(caught.value)


def test_google_storage_that_ignores_generations_is_refused_by_name(s3):
    store = ObjectBlobStore(f"gs://{BUCKET}/{uuid.uuid4()}")
    fresh(store)
    with s3.answering("careless"), pytest.raises(UnsupportedStore, match=f"{s3.url} ignores the conditions"):
        store.put_if_absent("blob", b"x")


@pytest.mark.parametrize(
    ("endpoint", "proven"),
    [
        ("", {"put", "copy"}),
        ("https://s3.eu-central-1.amazonaws.com", {"put", "copy"}),
        ("https://s3.cn-north-1.amazonaws.com.cn", {"put", "copy"}),
        ("https://s3-outposts.eu-central-1.amazonaws.com", set()),
        ("https://amazonaws.com.example.org", set()),
        ("https://minio.example.org", set()),
        ("http://127.0.0.1:9000", set()),
    ],
)
def test_only_services_that_are_known_to_keep_conditions_are_taken_at_their_word(s3, monkeypatch, endpoint, proven):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert ObjectBlobStore(f"s3://{BUCKET}/root")._client.proven == proven


def test_upload_of_a_file_that_was_changed_leaves_nothing(s3, store, tmp_path):
    (tmp_path / "file").write_bytes(bytes_of(12 * MIB))
    store.put_if_absent("first", b"x")
    with pytest.raises(FileChanged):
        store.put_file_if_absent("file", str(tmp_path / "file"), bytes(32))
    name = store.uri.rpartition("/")[2]
    assert s3.keys(name) == [f"{name}/first"]


def test_two_writers_that_s3_refuses_both_try_again(s3, store):
    store.put_if_absent("first", b"and so the service is known to keep conditions")
    with s3.answering("conflict"):
        assert store.put_if_absent("blob", b"x") is True
    with s3.answering("conflict"):
        assert store.put_if_absent("blob", b"y") is False
    assert store.get("blob") == b"x"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_service_that_wants_less_or_has_trouble_is_asked_again(s3, store, status):
    store.put("blob", b"old")
    for request in (lambda: store.get("blob"), lambda: store.put("blob", b"new"), lambda: list(store.list())):
        with s3.answering(f"refuse/{status}/SlowDown"):
            request()
    assert store.get("blob") == b"new"


def test_large_creation_whose_answer_was_lost_is_ours(s3, store, tmp_path):
    content = bytes_of(33 * MIB)
    (tmp_path / "file").write_bytes(content)
    store.put_if_absent("first", b"x")
    with s3.answering("twice"):
        assert store.put_if_absent("blob", content[:5], content[5:]) is True
        assert store.put_file_if_absent("file", str(tmp_path / "file"), blake3(content).digest()) is True
    assert store.get("blob") == store.get("file") == content
    assert [info.key for info in store.list()] == ["blob", "file", "first"]


# -------------------------------------------------------------------------------------------------------- frugal
def test_each_operation_is_the_request_that_it_has_to_be(s3, store):
    store.put_if_absent("first", b"and so the service is known to keep conditions")
    for request, wanted in (
        (lambda: store.get("first"), 1),
        (lambda: store.get("absent"), 1),
        (lambda: store.put_if_absent("blob", b"head", b"tail"), 1),
        (lambda: store.put_if_absent("blob", b"other"), 2),  # what stands is looked at
        (lambda: store.put("blob", b"new"), 1),
        (lambda: store.delete("blob"), 1),
        (lambda: store.file_size("first"), 1),
        (lambda: list(store.list()), 1),
    ):
        s3.counts()
        request()
        assert s3.counts()[0] == wanted


def test_looking_at_many_keys_takes_few_connections(s3, project):
    known = uuid.uuid4()
    project.write(
        "stage.py",
        f"""
        @use_runner(MemoizingPicklingRunner(blob_root="s3://{BUCKET}/{known}", heartbeat=3600))
        def double(number):
            return 2 * number
        """,
    )
    s3.counts()
    project.script("from stage import double\nlist(map(double, range(100)))")
    misses, _ = s3.counts()
    assert misses == 3 * 100 + 4  # look, claim, publish; and what the service keeps was proven first
    project.script("from stage import double\nlist(map(double, range(100)))")
    hits, connections = s3.counts()
    assert hits == 100
    assert connections < 10
    out = project.script(
        "from stage import double\nprint(sum(seen is not None for seen in double.map_peek(range(500))))"
    )
    requests, connections = s3.counts()
    assert out == "100\n"
    assert requests == 100 + 2 * 400  # no result, and no attempt either
    assert connections <= 2 * 16  # 16 requests at once; a connection may not be back yet when the next one begins


# ---------------------------------------------------------------------------------------------------------- large
def test_large_blob_that_is_replaced_while_it_is_read_is_read_again(store):
    old, new = bytes_of(20 * MIB), bytes_of(21 * MIB)
    store.put("blob", old)
    found = find(store._place("blob"))
    store.put("blob", new)
    with pytest.raises(Replaced):
        found.whole()
    store.delete("blob")
    with pytest.raises(Replaced):
        list(found.pieces())


def test_large_blob_that_changes_all_the_time_is_never_a_mixture(store, tmp_path):
    contents = [bytes([number]) * (12 * MIB + number) for number in range(3)]
    store.put("blob", contents[0])
    ended = threading.Event()

    def replace():
        while not ended.is_set():
            for content in contents:
                store.put("blob", content)
                ended.wait(0.3)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        seen = [store.get("blob") for _ in range(4)]
    finally:
        ended.set()
        writer.join()
    assert all(content in contents for content in seen)


def test_more_blobs_than_one_answer_holds_are_listed_in_order(store):
    keys = sorted(f"k{number:x}" for number in range(1100))
    for key in keys:
        store.put(key, b"")
    assert [info.key for info in store.list()] == keys
    assert [info.key for info in store.list("k4", after="k40")] == [key for key in keys if key[:2] == "k4"][2:]


def test_files_of_any_size_take_little_memory(s3, project, tmp_path):
    out = project.script(
        f"""
        from blake3 import blake3
        from mops.adapters.blob_stores.object_store import ObjectBlobStore

        def peak():
            lines = open("/proc/self/status").read().splitlines()
            return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) >> 10

        with open("file", "wb") as file:
            for number in range(192):
                file.write(bytes([number]) * {MIB})
        store = ObjectBlobStore("s3://{BUCKET}/{uuid.uuid4()}")
        store.put_if_absent("warm", b"up")
        path, digest = os.path.abspath("file"), blake3(max_threads=1).update_mmap("file").digest()
        before = peak() if open("/proc/self/clear_refs", "w").write("5") else 0
        assert store.put_file_if_absent("blob", path, digest)
        after_upload = peak() - before
        assert store.get_file("blob", path + ".copy", digest)
        print(after_upload, peak() - before)
        """
    )
    upload, both = map(int, out.split())
    assert upload < 64
    assert both < 64


# --------------------------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("status", "code", "wanted", "advice"),
    [
        (403, "AccessDenied", StoreDenied, "s3:ListBucket"),
        (403, "InvalidAccessKeyId", StoreDenied, "credentials"),
        (403, "SignatureDoesNotMatch", StoreDenied, "credentials"),
        (403, "RequestTimeTooSkewed", StoreDenied, "clock"),
        (400, "ExpiredToken", StoreDenied, "new credentials"),
        (400, "InvalidToken", StoreDenied, "new credentials"),
        (401, "Unauthorized", StoreDenied, "s3:GetObject"),
        (403, "InvalidObjectState", BlobArchived, "restore"),
        (400, "EntityTooLarge", StoreFull, "smaller"),
        (400, "AuthorizationHeaderMalformed", UnsupportedStore, "AWS_REGION"),
        (404, "NoSuchBucket", UnsupportedStore, "make the bucket"),
        (400, "InvalidRequest", UnsupportedStore, ""),
        (400, "KeyTooLongError", InvalidKey, "shorter"),
        (400, "KMS.DisabledException", StoreDenied, "encrypts"),
        (405, "MethodNotAllowed", UnsupportedStore, ""),
        (400, "RequestTimeout", StoreUnavailable, ""),
        (400, "IncompleteBody", StoreUnavailable, ""),
        (400, "InvalidPart", StoreUnavailable, ""),
    ],
)
def test_each_answer_has_its_error_and_nobody_sees_a_secret(s3, store, status, code, wanted, advice):
    store.put_if_absent("first", b"x")
    for request in (lambda: store.get("blob"), lambda: store.put("blob", b"x"), lambda: list(store.list())):
        with s3.answering(f"refuse/{status}/{code}"), pytest.raises(wanted) as caught:
            request()
        assert type(caught.value) is wanted
        assert f"{store.uri}/" in str(caught.value)
        assert code in str(caught.value)
        assert advice in caught.value.advice
        assert caught.value.__cause__ is caught.value.__context__ is None
        seen = "".join(traceback.format_exception(caught.value)) + repr(pickle.dumps(caught.value))
        assert "canary" not in seen
        assert CREDENTIALS["AWS_ACCESS_KEY_ID"] not in seen
    assert store.get("blob") is None or store.get("blob") == b"x"


def test_bucket_that_nobody_made_is_no_empty_store(s3, tmp_path):
    store = ObjectBlobStore("s3://nobody-made-it/root")
    (tmp_path / "file").write_bytes(b"x")
    requests = (
        lambda: store.get("blob"),
        lambda: store.put_if_absent("blob", b"x"),
        lambda: store.put("blob", b"x"),
        lambda: list(store.list()),
        lambda: store.delete("blob"),
        lambda: store.file_size("blob"),
        lambda: store.get_file("blob", str(tmp_path / "copy"), bytes(32)),
        lambda: store.put_file_if_absent("blob", str(tmp_path / "file"), blake3(b"x").digest()),
        store.probe,
    )
    for request in requests:
        with pytest.raises(UnsupportedStore, match="NoSuchBucket"):
            request()


def test_no_credentials_are_said_to_be_missing(s3, monkeypatch):
    for name in CREDENTIALS:
        if name.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION")):
            monkeypatch.delenv(name)
    with pytest.raises(StoreUnavailable, match="export-credentials"):
        ObjectBlobStore(f"s3://{BUCKET}/root").get("blob")


def test_nothing_that_is_kept_shows_a_secret(store):
    store.put_if_absent("blob", b"x")
    place = store._place("blob")
    assert not any("canary" in repr(it) for it in (store, place, place.client, pickle.dumps(store), find(place)))


def test_a_call_in_another_process_leaves_no_secret_anywhere(s3, store, project):
    out = project.script(
        f"""
        seen = []

        def shell(argv):
            import subprocess
            seen.append(argv)
            subprocess.run(argv, check=True)

        @use_runner(MemoizingPicklingRunner(shell, "{store.uri}", keep_arguments=True))
        def double(number):
            print("computing", number)
            return 2 * number

        print(double(21), "canary" in repr(seen), len(seen))
        """
    )
    assert out.endswith("42 False 1\n")
    blobs = {info.key: bytes(store.get(info.key) or b"") for info in store.list()}
    assert len(blobs) > 3
    assert not [key for key, content in blobs.items() if b"canary" in content]


# ---------------------------------------------------------------------------------------------------------- forks
def test_forked_children_and_their_children_have_clients_of_their_own(s3, project):
    out = project.script(
        f"""
        from mops.adapters.blob_stores.object_store import ObjectBlobStore
        store = ObjectBlobStore("s3://{BUCKET}/{uuid.uuid4()}")
        store.put_if_absent("generation/0", b"0")
        import obstore.exceptions
        before = obstore.exceptions
        for generation in range(1, 4):
            if child := os.fork():
                _, status = os.waitpid(child, 0)
                os._exit(status and 1)
            assert store.get(f"generation/{{generation - 1}}") == str(generation - 1).encode()
            assert store.put_if_absent(f"generation/{{generation}}", str(generation).encode())
            assert sys.modules["obstore.exceptions"] is before
        print([info.key for info in store.list()])
        """
    )
    assert out == str([f"generation/{number}" for number in range(4)]) + "\n"


@pytest.mark.parametrize(
    "shell",
    ["SubprocessShell()", "ForkServerShell(max_workers=1)", "ForkServerShell(max_workers=1, preload=['obstore'])"],
)
def test_remote_of_any_kind_reads_arguments_and_stores_results(s3, project, shell):
    project.write(
        "stage.py",
        f"""
        @use_runner(MemoizingPicklingRunner({shell}, "s3://{BUCKET}/{uuid.uuid4()}"))
        def reverse(content):
            with open("runs", "a") as runs:
                print(len(content), file=runs)
            return content[::-1]
        """,
    )
    script = """
        from stage import reverse
        large = bytes(range(256)) * 8192
        print(reverse(large) == large[::-1], reverse(b"ab"))
        """
    assert project.script(script) == project.script(script) == "True b'ba'\n"
    assert project.lines("runs") == ["2097152", "2"]


def test_obstore_that_others_have_used_before_a_fork_is_no_obstacle(s3, project):
    out = project.script(
        f"""
        import obstore
        from obstore.store import MemoryStore

        theirs = MemoryStore()
        obstore.put(theirs, "name", b"of the user")
        if child := os.fork():
            os._exit(os.waitpid(child, 0)[1] and 1)
        assert use_runner(MemoizingPicklingRunner(blob_root="s3://{BUCKET}/{uuid.uuid4()}"))(abs)(-1) == 1
        print("done", sys.modules["obstore"] is obstore)
        """
    )
    assert out == "done True\n"


def test_pool_of_forked_processes_shares_results(s3, project):
    project.write(
        "stage.py",
        f"""
        @use_runner(MemoizingPicklingRunner(blob_root="s3://{BUCKET}/{uuid.uuid4()}"))
        def double(number):
            print("computing", number, flush=True)
            return 2 * number
        """,
    )
    out = project.script(
        """
        import multiprocessing
        from stage import double

        assert double(1) == 2
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(double, [1, 2, 1]))
        """
    )
    assert sorted(out.splitlines()) == ["[2, 4, 2]", "computing 1", "computing 2"]


def fresh(store):
    """Forget what was seen of the service."""
    store._place("any").client.proven.clear()
