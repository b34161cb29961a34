"""How tests run: no property is a matter of time, a failure can be repeated, and nothing is left in anybody's cache."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.services.azurite import azurite
from tests.services.docker_engine import docker_engine
from tests.services.s3_process import s3_server

settings.register_profile("mops", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mops")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def _s3_server():
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(_s3_server, monkeypatch):
    """An S3 server, which this process and those that it starts can use."""
    for name, value in _s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return _s3_server


@pytest.fixture(scope="session")
def _azurite():
    with azurite() as server:
        yield server


@pytest.fixture
def azure(_azurite, monkeypatch):
    """The emulator of Azure Blob Storage, which this process and those that it starts can use."""
    for name, value in _azurite.environment.items():
        monkeypatch.setenv(name, value)
    return _azurite


@pytest.fixture(scope="session")
def _docker():
    with docker_engine(Path(tempfile.mkdtemp(prefix="mops-docker-"))) as engine:
        yield engine


@pytest.fixture
def docker(_docker, monkeypatch):
    """A Docker engine, which this process and those that it starts can use. What a test leaves behind is an error."""
    for name, value in _docker.environment.items():
        monkeypatch.setenv(name, value)
    yield _docker
    _docker.wait_until_tidy()
