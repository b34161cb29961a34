"""A store that signs and verifies: what is believed where, and what is said of the rest."""

import pytest

from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.adapters.blob_stores.signed import SignedBlobStore
from mops.adapters.signatures import HmacSha512
from mops.core.envelope import HEARTBEAT, RESULT, Refused, seal, unseal
from mops.core.errors import CorruptBlob, UnverifiedBlob
from mops.core.ports.blob_store import SupportsContent, SupportsExpiry, SupportsLayers

OWNER = bytes(32)
MEMO = "mops1/memo/default/m--f/any/" + "00" * 32
RECORD = f"{MEMO}/r0"
PLACES = [RECORD, f"{MEMO}/e1", f"{MEMO}/e1.1", f"{MEMO}/e1.out", "mops1/session/s", "mops1/batch/b.1"]
OURS, THEIRS = HmacSha512([b"ours"]), HmacSha512([b"theirs"])


def record(kind=RESULT, payload=b"value", slot="r0"):
    return seal(kind, owner=OWNER, slot=slot, segments=[payload])


class Root:
    """One root, as processes with several keys see it."""

    def __init__(self, name):
        self.inside = MemoryBlobStore(name)
        self.reports = []

    def seen_with(self, signer, verifier=None):
        return SignedBlobStore(self.inside, signer, verifier, self.reports.append)

    def trusting(self, keys=OURS):
        return self.seen_with(keys, keys)


@pytest.fixture
def root(request):
    return Root(request.node.name)


@pytest.mark.parametrize("key", PLACES)
def test_what_one_process_signs_another_with_the_key_opens(root, key):
    root.trusting().put_if_absent(key, *record())
    envelope = unseal(root.trusting().get(key), owner=OWNER, slot="r0")
    assert bytes(envelope.whole[0]) == b"value"
    assert not root.reports


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize("signer", [None, THEIRS])
def test_what_nobody_signed_who_is_trusted_is_there_and_cannot_be_opened(root, key, signer):
    root.seen_with(signer).put_if_absent(key, *record())
    data = root.trusting().get(key)
    assert isinstance(data, Refused)
    with pytest.raises(UnverifiedBlob):
        unseal(data, owner=OWNER, slot="r0")


def test_where_nothing_is_required_everything_is_read_as_it_stands(root):
    root.seen_with(THEIRS).put_if_absent(RECORD, *record())
    assert root.seen_with(OURS).get(RECORD) == root.inside.get(RECORD)
    assert not isinstance(root.inside.get(RECORD), Refused)


@pytest.mark.parametrize(
    "elsewhere",
    [
        f"{MEMO}/r1",
        RECORD.replace("default", "other"),
        RECORD.replace("/any/", f"/{'ab' * 32}/"),
        RECORD.replace("m--f", "m--g"),
        "mops1/session/s",
    ],
)
def test_a_signed_record_is_not_believed_in_another_place(root, elsewhere):
    root.trusting().put_if_absent(RECORD, *record())
    root.inside.put(elsewhere, root.inside.get(RECORD))
    assert isinstance(root.trusting().get(elsewhere), Refused)


def test_a_root_that_was_copied_is_believed_as_before(root):
    root.trusting().put_if_absent(RECORD, *record())
    copy = Root("copy of it")
    copy.inside.put(RECORD, root.inside.get(RECORD))
    assert not isinstance(copy.trusting().get(RECORD), Refused)


def test_every_flipped_bit_of_a_signed_record_is_noticed(root):
    root.trusting().put_if_absent(RECORD, *record())
    data = bytes(root.inside.get(RECORD))
    for position in range(len(data)):
        forged = bytearray(data)
        forged[position] ^= 1
        root.inside.put(RECORD, bytes(forged))
        with pytest.raises(CorruptBlob):
            unseal(root.trusting().get(RECORD), owner=OWNER, slot="r0")


def test_what_is_no_envelope_is_left_for_its_reader_to_find_damaged(root):
    root.inside.put(RECORD, b"torn")
    assert root.trusting().get(RECORD) == b"torn"


@pytest.mark.parametrize("key", ["mops1/blob/aa/aabb", "mops1/out/p/f/d/run/file", "mops1/probe/x", "elsewhere"])
def test_what_is_no_record_is_neither_signed_nor_verified(root, key):
    root.trusting().put_if_absent(key, *record())
    assert root.inside.get(key) == b"".join(record())
    assert root.trusting().get(key) == b"".join(record())


def test_replacing_signs_as_well(root):
    for payload in (b"1", b"2"):
        root.trusting().put("mops1/session/s", *record(HEARTBEAT, payload, "session"))
        data = root.trusting().get("mops1/session/s")
        assert bytes(unseal(data, owner=OWNER, slot="session").whole[0]) == payload


def test_a_write_that_is_repeated_has_the_bytes_of_the_first(root):
    store = root.trusting()
    assert store.put_if_absent(RECORD, *record(payload=b"mine"))
    assert not store.put_if_absent(RECORD, *record(payload=b"other"))
    first = bytes(root.inside.get(RECORD))
    root.trusting().put(RECORD, *record(payload=b"mine"))
    assert root.inside.get(RECORD) == first


def test_what_is_not_signed_is_said_once_and_what_is_forged_once_each(root):
    store = root.trusting()
    for number in (0, 1):
        root.inside.put(f"{MEMO}/r{number}", b"".join(record()))
        root.seen_with(THEIRS).put(f"{MEMO}/e{number}", *record())
    for _ in range(2):
        for slot in ("r0", "r1", "e0", "e1"):
            store.get(f"{MEMO}/{slot}")
    unsigned, *forged = root.reports
    assert f"{MEMO}/r0 is not used: it is not signed" in unsigned
    assert [report.split(" ")[0].rpartition("/")[2] for report in forged] == ["e0", "e1"]
    assert all("no key that is known here" in report for report in forged)


def test_a_reason_is_shorter_than_an_envelope(root):
    root.seen_with(THEIRS).put(RECORD, *record())
    assert len(root.trusting().get(RECORD)) < 100


def test_stores_are_equal_if_they_trust_alike(root):
    assert root.trusting() == root.trusting()
    assert hash(root.trusting()) == hash(root.trusting())
    assert root.trusting() != root.seen_with(OURS)
    assert root.trusting() != root.trusting(THEIRS)
    assert root.trusting() != root.inside


@pytest.mark.parametrize("key", [RECORD, "mops1/blob/aa/aabb"])
def test_what_others_may_change_is_copied_before_it_is_verified(root, key):
    """As the map of a file does that somebody else writes to."""
    mapped = bytearray(b"".join(record(payload=b"sound")))

    class Mapping(MemoryBlobStore):
        def get(self, key):
            return memoryview(mapped)

        def get_content(self, key, digest):
            return memoryview(mapped)

        put_content = get_content

    store = SignedBlobStore(Mapping("mapping"), OURS, None, print, changes=True)
    assert not isinstance(store, SupportsContent)
    assert isinstance(SignedBlobStore(Mapping("mapping"), OURS, None, print), SupportsContent)
    data = store.get(key)
    mapped[-5:] = b"wrong"
    assert data[-5:] == b"sound"
    assert not data.readonly


def test_no_capability_reads_past_it():
    class Bulk(MemoryBlobStore):
        expires = 5.0

        def get_many(self, keys):
            return [self.get(key) for key in keys]

    class Layered(MemoryBlobStore):
        @property
        def layers(self):
            return [MemoryBlobStore("first"), MemoryBlobStore("second")]

    store = SignedBlobStore(Bulk("bulk"), OURS, OURS, print)
    assert not hasattr(store, "get_many")
    assert not isinstance(store, SupportsContent)
    assert isinstance(store, SupportsExpiry)
    assert store.expires == 5.0
    assert not isinstance(store, SupportsLayers)
    layered = SignedBlobStore(Layered("layered"), OURS, OURS, print)
    assert isinstance(layered, SupportsLayers)
    assert [type(layer) for layer in layered.layers] == [SignedBlobStore, SignedBlobStore]
