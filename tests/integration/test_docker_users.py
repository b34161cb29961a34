"""Who a container is, where nobody says so, and who may have one."""

import gc
import os

import pytest

from mops.adapters.shells.docker.engine import engine
from mops.core.errors import SetupError, ShellFailed


@pytest.mark.parametrize(
    ("stated", "uid"),
    [("", 65534), ("0", 65534), ("00:5", 65534), ("root", 65534), ("daemon", 1), ("1234:5", 1234), ("4321", 4321)],
)
def test_a_container_with_a_remote_root_is_the_user_of_its_image_and_never_the_superuser(jobs, s3, stated, uid):
    s3.make_bucket("users")
    container = jobs.docker.docker("create", jobs.docker.image, "true").strip()
    jobs.docker.docker("commit", "--change", f"USER {stated}" if stated else "LABEL user=none", container, "user:1")
    jobs.docker.docker("rm", container)
    found = jobs.call(
        "surroundings",
        f"s3://users/{uid}{stated.partition(':')[0]}",
        image="user:1",
        network="host",
        user=None,
        **jobs.with_obstore(),
    )()
    assert found["uid"] == uid
    jobs.docker.docker("rmi", "user:1")


def test_the_group_of_a_user_that_is_stated_counts(jobs):
    found = jobs.call("surroundings", user="0:1234")()
    assert (found["uid"], found["gid"]) == (0, 1234)


def test_a_user_that_the_image_does_not_know_is_named(jobs):
    with pytest.raises(SetupError, match="no-such-user") as raised:
        jobs.call("add", user="no-such-user")(1)
    assert "a name that the image knows" in raised.value.advice


def test_more_processors_than_there_are_is_no_failure_to_try_again(jobs):
    with pytest.raises(SetupError, match="CPUs"):
        jobs.call("add", cpu=100_000)(1)


def test_who_may_not_talk_to_the_engine_is_told_so(jobs):
    engine()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            engine()
        except SetupError as error:
            status = 0 if "this user may not talk to the Docker engine" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("host", "more"),
    [
        ("foo://bar", {}),
        ("tcp://[::1]:99999", {}),
        ("tcp://127.0.0.1:port", {}),
        ("tcp://127.0.0.1:1", {"DOCKER_TLS_VERIFY": "1"}),
        ("tcp://127.0.0.1:1", {"DOCKER_CERT_PATH": "/no/such/folder"}),
        ("unix:///etc/passwd", {}),
    ],
)
def test_an_address_that_leads_to_no_engine_is_named(monkeypatch, host, more):
    for name, value in {"DOCKER_HOST": host, **more}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ShellFailed, match="no Docker engine answers at") as raised:
        engine()
    assert host in str(raised.value)
    del raised
    gc.collect()  # the SDK leaves a socket open that found nobody
