"""Calls while a store is out of reach: who has begun goes on when it is back, and nothing runs twice."""

import uuid

import pytest

from tests.services import proxy as network
from tests.services.azurite import ACCOUNT, CONTAINER, KEY
from tests.services.proxy import proxy_before
from tests.services.s3_process import BUCKET

STAGE = """
    from mops.adapters.blob_stores.azure import retrying, transport
    from mops.adapters.blob_stores.object_store import client

    retrying._PATIENCE, retrying._LONGEST_PAUSE, transport.READING = 1.0, 0.2, 0.4
    client._CONTROL = {"connect_timeout": "1s", "read_timeout": "1s", "timeout": "5s"}
    client._RETRIES = {**client._RETRIES, "max_retries": 1}

    @use_runner(MemoizingPicklingRunner(blob_root=root, heartbeat=2, store_patience=(1, 600)))
    def work():
        with open("runs", "a") as runs:
            print("run", file=runs)
        while not os.path.exists("go"):
            time.sleep(0.01)
        return os.getpid()
"""
CALL = """
    from mops.core.errors import StoreUnavailable
    from stage import work

    try:
        print(work())
    except StoreUnavailable:
        print("out of reach")
"""


@pytest.fixture(params=["adls", "s3"])
def proxy(request, project, monkeypatch):
    """What is between the calls of a project and their store."""
    server = request.getfixturevalue("azure" if request.param == "adls" else "s3")
    with proxy_before(server.url) as proxy:
        connection = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={proxy.url};"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        place = f"{ACCOUNT}/{CONTAINER}" if request.param == "adls" else BUCKET
        environment, root = project.environment, f"{request.param}://{place}/{uuid.uuid4()}"
        project.environment = lambda **more: environment(MOPS_ROOT=root, **more)
        project.write("stage.py", STAGE)
        project.write("call.py", CALL)
        yield proxy


@pytest.mark.parametrize("outage", [network.connection_is_reset_in_the_request, network.request_is_lost])
def test_calls_in_flight_survive_an_outage_and_nothing_runs_twice(project, proxy, outage):
    holder = project.start("call.py")
    project.wait_until(lambda: project.lines("runs"))
    waiter = project.start("call.py")
    begun = len(proxy.requests)
    project.wait_until(lambda: len(proxy.requests) > begun + 3)  # it has looked, and found the claim
    proxy.outage = outage
    project.wait_until(lambda: proxy.met >= 8)
    assert holder.poll() is waiter.poll() is None
    proxy.outage = None
    begun = len(proxy.requests)
    project.wait_until(lambda: len(proxy.requests) > begun + 5)  # both have seen that it is back
    project.write("go", "")
    outputs = {process.communicate(timeout=60)[0] for process in (holder, waiter)}
    assert outputs == {f"{holder.pid}\n"}
    assert project.lines("runs") == ["run"]


@pytest.mark.parametrize("outage", [network.connection_is_reset_in_the_request, network.request_is_lost])
def test_first_look_is_given_up_and_nothing_runs(project, proxy, outage):
    proxy.outage = outage
    assert project.run("call.py").stdout == "out of reach\n"
    assert proxy.met > 1
    assert project.lines("runs") == []
