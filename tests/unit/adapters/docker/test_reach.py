"""Which roots a container reaches, and what it is given for that."""

import os

import pytest

from mops import DockerShell
from mops.adapters.blob_stores.azure.access import access_to
from mops.adapters.blob_stores.object_store.client import _ENDPOINTS, _SETTINGS
from mops.adapters.shells.docker.plan import plan
from mops.adapters.shells.docker.reach import CREDENTIALS, FILES, reach
from mops.core.errors import ConfigurationError
from mops.core.ports.shell import RemoteCommand

HERE = "unix:///var/run/docker.sock"


def test_local_roots_are_folders_by_path_and_by_uri_in_order():
    found = reach("/a b|file:///c%20d", {}, None, HERE)
    assert (found.folders, found.written) == (["/a b", "/c d"], "/a b")


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
    found = reach("/folder", {"MOPS_SIGNING_KEY": "k1:k2"}, None, HERE)
    assert (found.credentials, found.files) == ({"MOPS_SIGNING_KEY": "k1:k2"}, [])


def test_files_with_signing_keys_are_mounted_where_they_are():
    environment = {"MOPS_SIGNING_KEY": "~/new:/keys/../old:k3\n"}
    found = reach("/folder", environment, None, HERE)
    home = os.path.expanduser("~")
    assert found.credentials == {"MOPS_SIGNING_KEY": f"{home}/new:/old:k3"}
    assert found.files == [f"{home}/new", "/old"]


@pytest.mark.parametrize(
    ("root", "variable"),
    [
        ("gs://bucket", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://bucket", "GOOGLE_SERVICE_ACCOUNT"),
        ("s3://bucket", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("adls://account/container", "AZURE_FEDERATED_TOKEN_FILE"),
        ("adls://account/container", "AZURE_CLIENT_CERTIFICATE_PATH"),
    ],
)
def test_files_with_credentials_are_mounted_where_they_are(root, variable):
    found = reach(root, {variable: "/keys/file", "OTHER": "/keys/other"}, None, HERE)
    assert (found.credentials, found.files) == ({variable: "/keys/file"}, ["/keys/file"])
    relative = reach(root, {variable: "file"}, None, HERE)
    assert relative.files == [os.path.abspath("file")] == list(relative.credentials.values())
    with pytest.raises(ConfigurationError, match="/keys/file is on this machine"):
        reach(root, {variable: "/keys/file"}, None, "tcp://10.0.0.1:2376")


def test_all_that_opens_an_object_store_goes_along():
    for scheme, kind in (("s3", "s3"), ("gs", "gs"), ("az", "az")):
        assert {*_ENDPOINTS[scheme]} <= {*CREDENTIALS[kind]}
    assert all(name.startswith(_SETTINGS) for kind in ("s3", "gs", "az") for name in (*CREDENTIALS[kind], *FILES[kind]))


@pytest.mark.parametrize(
    "root",
    [
        "adls://account/container/prefix",
        "abfss://container@account.dfs.core.windows.net/prefix",
        "https://account.blob.core.windows.net/container/prefix",
    ],
)
@pytest.mark.parametrize(
    "environment",
    [
        {"AZURE_STORAGE_CONNECTION_STRING_ACCOUNT": "AccountName=account;AccountKey=k"},
        {"AZURE_STORAGE_SAS_TOKEN_ACCOUNT": "sig=s"},
        {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=account;AccountKey=k"},
        {"AZURE_STORAGE_SAS_TOKEN": "sig=s", "AZURE_STORAGE_ACCOUNT": "account"},
    ],
)
def test_an_account_in_azure_is_opened_from_inside_as_from_here_and_no_other_is(root, environment):
    others = {"AZURE_STORAGE_CONNECTION_STRING_OTHER": "AccountName=other;AccountKey=o"}
    given = reach(root, {**environment, **others}, None, HERE).credentials
    assert given == environment
    assert access_to("account", given) == access_to("account", environment)


def test_nothing_secret_is_in_the_name_of_a_shell_or_the_labels_of_its_containers(tmp_path):
    environment = {"MOPS_SIGNING_KEY": "s3cret", "AWS_SECRET_ACCESS_KEY": "s3cret"}
    argv = RemoteCommand("s3://bucket", "mops1/memo/default/pkg--f/any/00", 3).argv("python")
    shell = DockerShell("image", env={"TOKEN": "s3cret"})
    planned = plan("image", argv, shell._settings, reach("s3://bucket", environment, None, HERE), environment)
    assert planned.environment["TOKEN"] == planned.environment["MOPS_SIGNING_KEY"] == "s3cret"
    assert "s3cret" not in repr((shell, planned.labels, planned.argv, planned.mounts))


@pytest.mark.parametrize(
    ("root", "network", "engine", "words"),
    [
        ("s3://bucket", "none", HERE, "over a network, and the containers have none"),
        ("/folder", None, "ssh://elsewhere", "/folder is on this machine, and the Docker engine at ssh://elsewhere"),
        ("/folder", None, "tcp://10.0.0.1:2376", "on another"),
        ("memory://name", None, HERE, "no container can open memory://name"),
        ("https://localhost:1000/account/container", None, HERE, "means the container itself"),
        ("/folder|s3://bucket", "none", HERE, "s3://bucket is reached over a network"),
    ],
)
def test_a_root_out_of_reach_is_refused(root, network, engine, words):
    with pytest.raises(ConfigurationError, match=words):
        reach(root, {}, network, engine)


def test_a_layer_behind_a_remote_root_is_only_read_and_decides_on_no_user():
    found = reach("s3://bucket|/", {}, None, HERE)
    assert (found.folders, found.written) == (["/"], "")
    assert found.owner() is None


def test_the_emulator_of_a_connection_string_is_on_this_machine():
    environment = {"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}
    with pytest.raises(ConfigurationError, match="network='host'"):
        reach("adls://devstoreaccount1/container", environment, None, HERE)


def test_a_service_of_this_machine_is_reached_over_its_own_network_alone():
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}
    with pytest.raises(ConfigurationError, match="network='host'"):
        reach("s3://bucket", environment, None, HERE)
    assert reach("s3://bucket", environment, "host", HERE).credentials == environment


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
