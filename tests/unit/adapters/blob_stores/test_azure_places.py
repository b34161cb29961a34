"""The spellings of a root in Azure, and with what its account is opened."""

import pickle
import traceback

import pytest

from mops.adapters.blob_stores.azure import AzureBlobStore, place_of
from mops.adapters.blob_stores.azure.access import Access, access_to
from mops.api.locate import locate_blob_store
from mops.core.errors import ConfigurationError

CONNECTION = "DefaultEndpointsProtocol=https;AccountName=mine;AccountKey=a2V5;EndpointSuffix=core.windows.net"
GENERIC, OWN = "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_CONNECTION_STRING_MINE"
SIGNATURE = "AZURE_STORAGE_SAS_TOKEN"


@pytest.mark.parametrize(
    "uri",
    [
        "adls://mine/box/a/b c",
        "adls://mine/box/a/b%20c/",
        "abfss://box@mine.dfs.core.windows.net/a/b%20c",
        "https://mine.blob.core.windows.net/box/a/b%20c",
    ],
)
def test_root_has_one_spelling(uri):
    store = locate_blob_store(uri)
    assert store.uri == "adls://mine/box/a/b%20c"
    assert store == locate_blob_store(store.uri) == pickle.loads(pickle.dumps(store))
    assert hash(store) == hash(locate_blob_store(store.uri))
    assert store != locate_blob_store("adls://mine/box/a")
    assert repr(store) == "AzureBlobStore('adls://mine/box/a/b%20c')"


def test_container_itself_is_a_root():
    assert AzureBlobStore(place_of("adls://mine/box/")).uri == "adls://mine/box"


@pytest.mark.parametrize(
    "uri",
    [
        "adls://mine",
        "adls:///box/a",
        "adls://Mine/box",
        "adls://mine/BOX",
        "adls://mine/b",
        "adls://mine/a--b",
        "adls://mine.blob.core.windows.net/box",
        "https://example.org/box",
        "https://mine.blob.core.windows.net",
        "https://mine.blob.core.windows.net.example.org/box",
        "abfss://mine.dfs.core.windows.net/box",
        "abfss://box@mine.example.org/a",
    ],
)
def test_what_names_no_container_is_refused(uri):
    with pytest.raises(ConfigurationError, match="names no container"):
        locate_blob_store(uri)


@pytest.mark.parametrize("path", ["a//b", "a/../b", "./a", "a./b", "b/a.", "a%0Ab", "a%5Cb", "a" * 130])
def test_path_that_is_none_is_refused(path):
    with pytest.raises(ConfigurationError, match="is no blob root"):
        place_of(f"adls://mine/box/{path}")


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, Access("mine")),
        ({GENERIC: CONNECTION}, Access("mine", CONNECTION)),
        ({GENERIC: CONNECTION.replace("mine", "other")}, Access("mine")),
        ({GENERIC: CONNECTION.replace("mine", "other"), OWN: CONNECTION}, Access("mine", CONNECTION)),
        ({GENERIC: CONNECTION, f"{SIGNATURE}_MINE": "sig=x"}, Access("mine", signature="sig=x")),
        ({SIGNATURE: "?sig=x"}, Access("mine", signature="?sig=x")),
        ({SIGNATURE: "sig=x", "AZURE_STORAGE_ACCOUNT": "mine"}, Access("mine", signature="sig=x")),
        ({SIGNATURE: "sig=x", "AZURE_STORAGE_ACCOUNT": "other"}, Access("mine")),
        ({GENERIC: ""}, Access("mine")),
        ({GENERIC: f" {CONNECTION}\n"}, Access("mine", CONNECTION)),
        ({SIGNATURE: " sig=x\n"}, Access("mine", signature="sig=x")),
    ],
)
def test_environment_says_with_what_an_account_is_opened(environment, wanted):
    assert access_to("mine", environment) == wanted


@pytest.mark.parametrize(
    "connection",
    [
        "BlobEndpoint=https://mine.blob.core.windows.net;SharedAccessSignature=sig=x",
        "BlobEndpoint=https://mine.privatelink.example.org/;SharedAccessSignature=sig=x",
        "BlobEndpoint=http://127.0.0.1:10000/mine;SharedAccessSignature=sig=x",
        "AccountName=mine;AccountKey=a2V5;BlobEndpoint=https://storage.example.org;",
    ],
)
def test_connection_string_says_of_which_account_it_is(connection):
    assert access_to("mine", {GENERIC: connection}).connection == connection
    assert not access_to("other", {GENERIC: connection}).connection


def test_connection_string_of_the_emulator_is_known():
    assert access_to("devstoreaccount1", {GENERIC: "UseDevelopmentStorage=true"}).connection


def test_variable_of_one_account_with_the_string_of_another_is_refused():
    with pytest.raises(ConfigurationError, match="of another account"):
        access_to("mine", {OWN: CONNECTION.replace("mine", "other")})


def test_key_that_is_none_is_refused_and_not_repeated(monkeypatch):
    monkeypatch.setenv(OWN, CONNECTION.replace("a2V5", "a2V5x"))
    with pytest.raises(ConfigurationError, match="connection string of mine is no key") as caught:
        locate_blob_store("adls://mine/box").get("blob")
    assert "a2V5" not in "".join(traceback.format_exception(caught.value))


def test_what_is_no_connection_string_is_refused_and_not_repeated():
    with pytest.raises(ConfigurationError) as caught:
        access_to("mine", {GENERIC: "a2V5"})
    assert "a2V5" not in str(caught.value)


@pytest.mark.parametrize(
    ("signature", "wanted"),
    [
        ("se=2030-01-01T00%3A00%3A00Z&sig=x", 1893456000.0),
        ("?se=2030-01-01&sig=x", 1893456000.0),
        ("sig=x", None),
        ("se=never&sig=x", None),
        ("se=2030-01-01&se=2031-01-01&sig=x", 1893456000.0),
        ("se=2031-01-01&ske=2030-01-01&sig=x", 1893456000.0),
    ],
)
def test_signature_says_when_it_ends(signature, wanted):
    connection = f"BlobEndpoint=https://mine.blob.core.windows.net;SharedAccessSignature={signature}"
    assert access_to("mine", {SIGNATURE: signature}).expires == wanted
    assert access_to("mine", {GENERIC: connection}).expires == wanted
    assert access_to("mine", {GENERIC: CONNECTION}).expires is None


def test_secrets_are_not_shown():
    text = repr(Access("mine", "AccountKey=a2V5", "sig=x"))
    assert "a2V5" not in text
    assert "sig" not in text
