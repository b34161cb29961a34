"""Azure opened with Microsoft Entra: the emulator asks for tokens over TLS, and they come from where a user's do."""

import base64
import json
import logging
import threading
import time
import traceback
import uuid
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from requests.adapters import HTTPAdapter

from mops.adapters.blob_stores.azure import AzureBlobStore, clients, place_of, retrying
from mops.core.errors import StoreDenied, StoreUnavailable
from tests.services.azure_front import Answer, front_of
from tests.services.azurite import ACCOUNT, CONTAINER, azurite

AZ = """#!/bin/sh
echo "$*" >> '{folder}/asked'
sleep 0.2
cat '{folder}/answer'
"""


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """An emulator that speaks TLS, and takes tokens."""
    folder = tmp_path_factory.mktemp("secure")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    write_certificate(certificate, key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with azurite(options=("--cert", str(certificate), "--key", str(key), "--oauth", "basic")) as server:
            yield server


def write_certificate(certificate, key):
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    certificate.write_bytes(signed.public_bytes(pem))
    key.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def token():
    """A token as Entra gives it, but for its signature, which the emulator does not look at."""
    now = int(time.time())
    claims = {
        "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
        "aud": "https://storage.azure.com",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims)] + [b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


class Az:
    """The program ``az``, as far as tokens are asked of it."""

    def __init__(self, folder):
        self.folder = folder
        program = folder / "az"
        program.write_text(AZ.format(folder=folder))
        program.chmod(0o755)

    def signed_in(self, seconds):
        """Somebody is signed in, whose tokens are to be renewed after so many seconds."""
        answer = {"accessToken": token(), "expires_on": int(time.time()) + seconds}
        (self.folder / "answer").write_text(json.dumps(answer))

    def fails(self):
        (self.folder / "answer").unlink()

    @property
    def asked(self):
        return len((self.folder / "asked").read_text().splitlines())


@pytest.fixture
def account(secure, monkeypatch):
    """The environment of a process that knows an account's address, and no key."""
    monkeypatch.setattr(clients, "_process", clients._Process())
    monkeypatch.setattr(retrying, "_PATIENCE", 0.2)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"AccountName={ACCOUNT};BlobEndpoint={secure.url}")
    return secure


@pytest.fixture
def store(account):
    return AzureBlobStore(place_of(f"adls://{ACCOUNT}/{CONTAINER}/{uuid.uuid4()}"))


@pytest.fixture
def az(account, tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Az(tmp_path)


def test_account_whose_connection_string_has_no_key_is_opened_with_entra(az, store):
    az.signed_in(3600)
    assert store.put_if_absent("blob", b"content") is True
    assert store.get("blob") == b"content"
    assert store.get("other") is None
    assert az.asked == 1


def test_who_is_nobody_is_denied_and_told_how_to_sign_in(az, store):
    with pytest.raises(StoreDenied, match="az login"):
        store.get("blob")


def test_token_is_not_shown(az, store, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    az.signed_in(3600)
    given = json.loads((az.folder / "answer").read_text())["accessToken"]
    store.put("blob", b"content")
    (az.folder / "answer").write_text((az.folder / "answer").read_text().replace(given[:20], "x" * 20))
    monkeypatch.setattr(clients._process, "clients", {})
    with pytest.raises(StoreDenied) as caught:
        store.get("blob")
    shown = [*traceback.format_exception(caught.value), repr(clients._process.identity), repr(store), caplog.text]
    assert "azure.identity" in caplog.text
    assert not [text for text in shown if given[-40:] in text]


def test_threads_that_need_a_token_at_once_are_given_the_same(az, store):
    az.signed_in(3600)
    together, seen = threading.Barrier(16), []

    def look():
        together.wait(60)
        seen.append(store.get("blob"))

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [None] * 16
    assert az.asked == 1


def test_threads_that_are_all_denied_wait_for_one_answer(az, store):
    together, denied = threading.Barrier(16), []

    def look():
        together.wait(60)
        with pytest.raises(StoreDenied) as caught:
            store.get("blob")
        denied.append(caught.value)

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(denied) == len(set(map(id, denied))) == 16
    assert az.asked < 16


def test_token_serves_until_its_end_where_none_comes_any_more(az, store):
    az.signed_in(120)  # which the SDK would rather renew
    store.put("blob", b"content")
    az.fails()
    assert store.get("blob") == b"content"


def test_outage_of_who_gives_tokens_is_no_denial(az, store):
    az.signed_in(0)
    store.put("blob", b"content")
    az.fails()
    with pytest.raises(StoreUnavailable):
        store.get("blob")
    az.signed_in(3600)
    assert store.get("blob") == b"content"


def test_requests_for_tokens_have_timeouts(account, store, monkeypatch):
    timeouts = []
    send = HTTPAdapter.send

    def remember(self, request, **options):
        timeouts.append(options["timeout"])
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", remember)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("IDENTITY_HEADER", "anything")
    given = {"access_token": token(), "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"}
    with front_of(account.url) as front:
        front.rule = lambda _request: Answer(200, {"Content-Type": "application/json"}, json.dumps(given).encode())
        monkeypatch.setenv("IDENTITY_ENDPOINT", front.url)
        assert store.get("blob") is None
        assert len(front.requests) == 1
    assert timeouts == [(retrying.CONNECTING, retrying.READING)] * 2
