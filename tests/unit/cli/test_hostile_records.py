"""Records that are sealed as they should be, and say what no mops would say."""

import sys
from itertools import product

import pytest

from mops.__main__ import main
from mops.adapters.blob_stores.local import LocalBlobStore
from mops.core.blob_layout import memo_from_folder
from mops.core.envelope import ADOPTION, CLAIM, END, HEARTBEAT, LEAVE, RESULT, TOMBSTONE, header_json, seal

MEMO = memo_from_folder(f"mops1/memo/default/m--f/any/{'ab' * 32}")
OTHER = memo_from_folder(f"mops1/memo/default/m--f/any/{'cd' * 32}")
VALUES = (None, True, -1, 1e300, "", "text", [], [1], [[1, 2, 3]], {}, {"a": {"b": 1}})
FILES = (
    ["../../../etc/passwd", "00" * 32, 1, "file", "name"],
    ["mops1/blob/00/00", "00" * 32, 10**400, "file", "name"],
    ["mops1/blob/00/00", "00" * 32, -1, "file", "name"],
    ["mops1/blob/00/00", "", 1, "directory", "\x1b[2J\n"],
    ["file:///\0", "zz", 1, "source", "name"],
    ["file:///%00", "00", 1, "source", "name"],
    ["file://elsewhere/x", "00", 1, "source", "name"],
    ["nobody://knows/this", "00", 1, "source", "name"],
    ["\ud800", "00", 1e300, "file", "name"],
    ["", "00", 1, "file", ".."],
    [None, None, None, None, None],
)
FIELDS = (
    "session",
    "nonce",
    "utc",
    "generation",
    "producer",
    "call",
    "epoch",
    "elapsed",
    "started",
    "codec",
    "files",
    "why",
    "failure",
)
CALL_FIELDS = (
    "arguments",
    "definitions",
    "constants",
    "opaque",
    "cache_tag",
    "function",
    "logic_key",
    "on_code_change",
)


@pytest.fixture
def store(tmp_path):
    return LocalBlobStore(str(tmp_path))


@pytest.fixture
def run(capsys, monkeypatch, store):
    """Run every command on both memos; no command may raise."""

    def run_all():
        uris = [f"{store.uri}/{memo.folder}" for memo in (MEMO, OTHER)]
        shown = ""
        roots = ([command, store.uri] for command in ("ls", "watch", "summary"))
        each = ([command, uri] for command in ("inspect", "cat") for uri in uris)
        for command in (*roots, *each, ["why", uris[0]], ["why", *uris]):
            monkeypatch.setattr(sys, "argv", ["mops", *command])
            capsys.readouterr()
            assert main() in {0, 1}, command
            shown += capsys.readouterr().out
        return shown

    return run_all


def write(store, memo, slot, kind, header):
    store.put(f"{memo.folder}/{slot}", *seal(kind, owner=memo.digest, slot=slot, header=header))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_field_of_any_type_fails_no_command(store, run, value):
    header = header_json(**dict.fromkeys(FIELDS, value))
    about = {**dict.fromkeys(CALL_FIELDS, value), "definitions": {"m:f": value}}
    call = header_json(**{**dict.fromkeys(FIELDS, value), "call": about})
    for memo, claim in ((MEMO, header), (OTHER, call)):
        write(store, memo, "r0", TOMBSTONE, header)
        write(store, memo, "r1", RESULT, header)
        write(store, memo, "e1", CLAIM, claim)
        write(store, memo, "e2", CLAIM, claim)
        for slot, kind in (("e1.1", ADOPTION), ("e1.2", LEAVE), ("e1.3", END)):
            write(store, memo, slot, kind, header)

    assert "m:f" in run()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file[0]).encode("ascii", "replace").decode())
def test_a_file_of_any_name_fails_no_command_and_is_shown_on_one_line(store, run, file):
    for memo in (MEMO, OTHER):
        write(store, memo, "r0", RESULT, header_json(files=[file], codec="pickle5"))
        write(store, memo, "e1", CLAIM, header_json(files=[file], session="s", nonce="1", generation=0, call={}))

    shown = run()
    assert "r0: result" in shown
    assert all(cell.isprintable() for line in shown.split("\n") for cell in line.split("\t"))


@pytest.mark.parametrize(("kind", "slot"), list(product(range(10), ["r0", "e1", "e1.1"])))
def test_a_record_of_any_kind_in_any_slot_fails_no_command(store, run, kind, slot):
    write(store, MEMO, "e1", CLAIM, b"{}")
    write(store, OTHER, "e1", CLAIM, b"{}")
    write(store, MEMO, slot, kind, b"{}")

    assert "m:f" in run()


@pytest.mark.parametrize("data", [b"", b"x" * 300, b"mops", bytes(4096)], ids=len)
def test_bytes_of_any_kind_in_any_slot_fail_no_command(store, run, data):
    for memo, slot in product((MEMO, OTHER), ("r0", "r1", "e1", "e1.1", "e1.out")):
        store.put(f"{memo.folder}/{slot}", data)

    assert "unreadable" in run()


@pytest.mark.parametrize("header", [b"[]", b"7", b"not json", b'{"a": NaN}'])
def test_a_header_that_is_no_object_fails_no_command(store, run, header):
    for memo, (slot, kind) in product((MEMO, OTHER), (("e1", CLAIM), ("e1.1", END), ("r0", RESULT))):
        write(store, memo, slot, kind, header)

    assert "m:f" in run()


def test_a_session_that_is_no_key_counts_as_one_without_a_heartbeat(store, run):
    write(store, MEMO, "e1", CLAIM, header_json(session="../../x y", nonce="1", generation=0, producer=None))
    write(store, OTHER, "e1", CLAIM, header_json(session="s", nonce="1", generation=0, producer=None))
    beat = header_json(gone=True)
    store.put("mops1/session/s", *seal(HEARTBEAT, owner=bytes(32), slot="session", header=beat))

    assert "running" in run()
