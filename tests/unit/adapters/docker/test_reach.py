"""Which roots a container reaches, and what it is given for that."""

import os

import pytest

from mops.adapters.shells.docker.reach import reach
from mops.core.errors import ConfigurationError

HERE = "unix:///var/run/docker.sock"


def test_local_roots_are_folders_by_path_and_by_uri_in_order():
    found = reach("/a b|file:///c%20d", {}, None, HERE)
    assert found.folders == ["/a b", "/c d"]
    assert not found.is_remote


@pytest.mark.parametrize(
    ("root", "given"),
    [
        ("s3://bucket/p", {"AWS_SECRET_ACCESS_KEY": "s"}),
        ("gs://bucket", {"GOOGLE_SERVICE_ACCOUNT_KEY": "g"}),
        ("adls://account/container", {"AZURE_CLIENT_SECRET": "a"}),
        ("/folder", {}),
    ],
)
def test_a_root_of_one_kind_gets_the_credentials_of_that_kind_alone(root, given):
    environment = {"AWS_SECRET_ACCESS_KEY": "s", "GOOGLE_SERVICE_ACCOUNT_KEY": "g", "AZURE_CLIENT_SECRET": "a"}
    environment |= {"PASSWORD": "p", "HOME": "/root", "MOPS_ROOT": "/elsewhere"}
    assert reach(root, environment, None, HERE).credentials == given


def test_the_signing_key_goes_along():
    assert reach("/folder", {"MOPS_SIGNING_KEY": "k"}, None, HERE).credentials == {"MOPS_SIGNING_KEY": "k"}


@pytest.mark.parametrize(
    ("root", "network", "engine", "words"),
    [
        ("s3://bucket", "none", HERE, "over a network, and the containers have none"),
        ("/folder", None, "ssh://elsewhere", "the Docker engine at ssh://elsewhere is on another"),
        ("/folder", None, "tcp://10.0.0.1:2376", "on another"),
        ("memory://name", None, HERE, "no container can open memory://name"),
        ("https://localhost:1000/account/container", None, HERE, "means the container itself"),
        ("/folder|s3://bucket", "none", HERE, "s3://bucket is reached over a network"),
    ],
)
def test_a_root_out_of_reach_is_refused(root, network, engine, words):
    with pytest.raises(ConfigurationError, match=words):
        reach(root, {}, network, engine)


def test_a_service_of_this_machine_is_reached_over_its_own_network_alone():
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}
    with pytest.raises(ConfigurationError, match="network='host'"):
        reach("s3://bucket", environment, None, HERE)
    assert reach("s3://bucket", environment, "host", HERE).is_remote


def test_containers_run_as_the_owner_of_the_root_that_is_written_to(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    if os.getuid() == 0:
        os.chown(mine, 1234, 5678)
    status = mine.stat()
    assert reach(f"{mine}|/", {}, None, HERE).owner() == f"{status.st_uid}:{status.st_gid}"
    assert reach(str(mine / "to" / "be" / "made"), {}, None, HERE).owner() == f"{status.st_uid}:{status.st_gid}"
    assert reach("s3://bucket", {}, None, HERE).owner() is None


def test_a_root_of_the_superuser_is_refused():
    with pytest.raises(ConfigurationError, match="belongs to the superuser") as refused:
        reach("/", {}, None, HERE).owner()
    assert "user='0'" in refused.value.advice
