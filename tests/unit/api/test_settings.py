"""Where the blob root comes from that nobody passed, and which store a root names."""

import pickle
from pathlib import Path

import pytest

from mops import defaults
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.locate import locate_blob_store
from mops.api.settings import Defaults
from mops.core.errors import ConfigurationError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory, and nothing that names a root."""
    monkeypatch.delenv("MOPS_ROOT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "project" / "deep" / "deeper"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_the_home_directory_is_the_last_resort(here, tmp_path):
    assert Defaults().mops_root() == str(tmp_path / "home" / ".mops")


def test_the_nearest_configuration_file_precedes_the_home_directory(here):
    (here.parents[1] / "pyproject.toml").write_text('[tool.mops]\nblob_root = "/far"\n')
    assert Defaults().mops_root() == "/far"
    (here.parent / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert Defaults().mops_root() == "/far"
    (here / "pyproject.toml").write_text('[tool.mops]\nblob_root = "/near"\n')
    assert Defaults().mops_root() == "/near"
    (here / ".mops.toml").write_text('blob_root = "/nearest"\n')
    assert Defaults().mops_root() == "/nearest"


def test_the_environment_precedes_configuration_files_and_is_asked_at_every_call(here, monkeypatch):
    settings = Defaults()
    (here / ".mops.toml").write_text('blob_root = "/file"\n')
    assert settings.mops_root() == "/file"
    monkeypatch.setenv("MOPS_ROOT", "/environment")
    assert settings.mops_root() == "/environment"
    monkeypatch.setenv("MOPS_ROOT", "")
    assert settings.mops_root() == "/file"


def test_a_process_that_executes_a_call_keeps_to_the_root_of_that_call(here, monkeypatch):
    monkeypatch.setenv("MOPS_ROOT", "/environment")
    settings = Defaults()
    settings.execute_under("file:///of/the/call")
    assert settings.mops_root() == "file:///of/the/call"


@pytest.mark.parametrize(("text", "words"), [
    ("blob_root = ", "cannot be read"),
    ("blob_root = 7", "blob_root .* must be a string, not 7"),
    ("blob_root = ['a']", "must be a string"),
])  # fmt: skip
def test_a_configuration_file_that_is_not_valid_is_named(here, text, words):
    (here / ".mops.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words) as caught:
        Defaults().mops_root()
    assert str(here / ".mops.toml") in str(caught.value)


def test_the_defaults_pickle_as_themselves():
    assert pickle.loads(pickle.dumps(defaults)) is defaults
    assert pickle.loads(pickle.dumps(defaults.mops_root)) == defaults.mops_root


@pytest.mark.parametrize("root", [
    "{folder}", "file://{folder}", "file://localhost{folder}", Path("{folder}"), "{folder}/", "{folder}/../{name}",
    "{name}",
])  # fmt: skip
def test_a_path_however_it_is_written_is_one_store(root, tmp_path, monkeypatch):
    folder = tmp_path / "a folder"
    monkeypatch.chdir(tmp_path)
    text = str(root).format(folder=folder, name=folder.name)
    store = locate_blob_store(type(root)(text) if isinstance(root, str) else Path(text))
    assert isinstance(store, LocalBlobStore)
    assert store.uri == folder.as_uri()
    assert locate_blob_store(store.uri) == store
    assert not folder.exists()


def test_a_store_is_taken_as_it_is():
    store = MemoryBlobStore("mine")
    assert locate_blob_store(store) is store
    assert locate_blob_store("memory://mine") == store


@pytest.mark.parametrize("root", ["", "nosuch://place", "file://elsewhere/path", "memory://", "memory://a/b", 7, None])
def test_what_names_no_store_is_refused(root):
    with pytest.raises(ConfigurationError):
        locate_blob_store(root)


def test_a_relative_root_in_a_file_is_relative_to_the_file(here):
    (here.parent / ".mops.toml").write_text('blob_root = "results"\n')
    assert Defaults().mops_root() == str(here.parent / "results")


def test_a_uri_in_a_file_stays_as_it_is(here):
    (here / ".mops.toml").write_text('blob_root = "memory://mine"\n')
    assert Defaults().mops_root() == "memory://mine"


def test_a_misspelt_setting_is_refused_by_its_name(here):
    (here / ".mops.toml").write_text('blobroot = "/far"\n')
    with pytest.raises(ConfigurationError, match="sets 'blobroot', which is no setting; there is blob_root"):
        Defaults().mops_root()


@pytest.mark.parametrize("root", ["file:rel", "memory:name"])
def test_half_a_uri_is_no_path(root):
    with pytest.raises(ConfigurationError, match="neither a path nor a URI"):
        locate_blob_store(root)
