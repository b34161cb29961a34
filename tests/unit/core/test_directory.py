"""Manifests of directories: what is frozen, and what nobody has to trust."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.core.directory import (
    ALONE_FROM,
    LARGEST_PACK,
    Manifest,
    Pack,
    StoredEntry,
    decode_manifest,
    encode_manifest,
    ends_pack,
)
from mops.core.errors import CorruptBlob, FormatTooNew

SAMPLE = Manifest(
    files=[
        StoredEntry(b"a", 0, executable=False),
        StoredEntry(b"b/run.sh", 7, executable=True),
        StoredEntry(b"b/\xff \n", ALONE_FROM, executable=False, digest=bytes(range(32))),
        StoredEntry("ü".encode(), ALONE_FROM - 1, executable=False),
    ],
    folders=[b"c/empty", b"d"],
    packs=[Pack(bytes(32), 2)],
)


def test_a_manifest_is_the_frozen_one():
    assert encode_manifest(SAMPLE).decode() == (
        '{"format":"mops directory 1","names":["a","b/run.sh","b/\\udcff \\n","\\u00fc"],'
        '"sizes":[0,7,1048576,1048575],"executables":[1],'
        '"digests":["000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"],'
        f'"folders":["c/empty","d"],"packs":[["{"00" * 32}",2]]}}'
    )


def test_a_manifest_comes_back_as_it_was_stored():
    assert decode_manifest(memoryview(encode_manifest(SAMPLE))) == SAMPLE
    assert SAMPLE.size == 7 + 2 * ALONE_FROM - 1
    assert SAMPLE.all_folders() == [b"b", b"c", b"c/empty", b"d"]


COMPONENTS = st.binary(min_size=1, max_size=4).filter(
    lambda name: name not in {b".", b".."} and not set(b"/\0") & {*name}
)


@given(st.lists(st.lists(COMPONENTS, min_size=1, max_size=3), max_size=5))
def test_a_name_may_be_any_bytes_that_stay_in_the_directory(names):
    manifest = Manifest([], sorted({b"/".join(name) for name in names}), [])
    assert decode_manifest(encode_manifest(manifest)) == manifest
    folders = manifest.all_folders()
    assert all(name.rpartition(b"/")[0] in (b"", *folders[:index]) for index, name in enumerate(folders))


def test_a_pack_ends_before_it_is_too_large_and_not_before_it_is_worth_it():
    names = [str(number).encode() for number in range(1000)]
    assert not any(ends_pack((2 << 20) - 1, name) for name in names)
    assert 80 < sum(ends_pack(2 << 20, name) for name in names) < 170
    assert all(ends_pack(LARGEST_PACK - ALONE_FROM + 1, name) for name in names)


def changed(**fields):
    return json.dumps({**json.loads(encode_manifest(SAMPLE)), **fields}).encode()


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "a/.", "./a", ".", "a\0b", "\ud800", 5, None, ["a"]],
)
def test_no_name_leads_out_of_the_directory(name):
    with pytest.raises(CorruptBlob):
        decode_manifest(changed(folders=[name]))
    with pytest.raises(CorruptBlob):
        decode_manifest(changed(names=[name, "x", "y", "z"]))


@pytest.mark.parametrize("name", ["...", "..a", "a..", ".a/..b", " ", "~", "C:\\x", "-rf"])
def test_a_name_that_only_looks_odd_is_one(name):
    assert decode_manifest(changed(folders=[name])).folders == [name.encode()]


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "something"},
        {"format": 5},
        {"names": ["a", "a", "b", "c"]},
        {"names": ["a", "a/b", "c", "d"]},
        {"names": ["a", "b"]},
        {"names": 5},
        {"folders": ["a"]},
        {"folders": None},
        {"sizes": [0, 7, 0, -1]},
        {"sizes": [0, 7, 0, 1.5]},
        {"sizes": [0, 7, 0, True]},
        {"sizes": [0, 7, ALONE_FROM]},
        {"digests": []},
        {"digests": ["00"]},
        {"digests": ["x" * 64]},
        {"digests": [5]},
        {"executables": 1},
        {"executables": [[]]},
        {"packs": []},
        {"packs": [["00" * 32, 3]]},
        {"packs": [["00" * 31, 2]]},
        {"packs": [["00" * 32, -2]]},
        {"packs": [["00" * 32]]},
        {"packs": 0},
    ],
)
def test_what_does_not_fit_together_is_refused(fields):
    with pytest.raises(CorruptBlob):
        decode_manifest(changed(**fields))


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"format": "mops directory 1"}']
)
def test_what_is_no_manifest_is_refused(content):
    with pytest.raises(CorruptBlob):
        decode_manifest(content)


def test_a_manifest_of_a_later_mops_says_so():
    with pytest.raises(FormatTooNew, match="mops directory 2"):
        decode_manifest(changed(format="mops directory 2"))
