"""Files of values: stored before the value, brought here before it is decoded, missed where they have gone."""

import pytest

from mops.core import payload
from mops.core.effects import FetchFile, GetContent, PutFile, PutIfAbsent, Spool
from mops.core.envelope import RESULT, header_json, seal, unseal
from mops.core.errors import CorruptBlob, FileChanged, StoreFull, UnserializableError
from mops.core.files import LocalFile, StoredFile
from mops.core.ports.serializer import Serialized
from mops.core.result import Success
from tests.unit.core.desk import Bytes, Desk, call, driven, key, raising

LOCAL = LocalFile("/here/a.txt", "a.txt", bytes(32), size=3)
STORED = StoredFile("mops1/blob/00/" + "00" * 32, bytes(32), 3, "file", "a.txt")
SHARED = StoredFile("mops1/blob/00/" + "00" * 32, bytes(32), 3, "shared", "shared object")


class WithAFile(Bytes):
    """Every value has one file."""

    def dumps(self, value, shared=None):
        return Serialized([value], [LOCAL])

    def loads(self, buffers, files=(), codec=""):
        return bytes(buffers[0]), *files


class DeskWithFiles(Desk):
    """Stores and fetches files, as it is told."""

    def __init__(self):
        super().__init__()
        self.path = "/copies/a.txt"
        self.put_files = []

    def _putfile(self, effect):
        self.put_files.append((effect.file, effect.durable))
        return STORED

    def _fetchfile(self, effect):
        return self.path

    def _getcontent(self, effect):
        return self.path


def envelope_of(*files, segments=(b"stream",), **fields):
    value = payload.StoredValue(segments, files, fields.get("codec", ""))
    header = header_json(**value.header(), **fields)
    flags = value.flags or int(bool(fields))
    parts = seal(RESULT, owner=bytes(32), slot="r0", header=header, segments=value.segments, flags=flags)
    return unseal(b"".join(parts), owner=bytes(32), slot="r0")


@pytest.mark.parametrize("durable", [False, True])
def test_a_local_file_is_stored_and_listed(durable):
    value, asked = driven(payload.store(Serialized([b"stream"], [LOCAL]), 0, durable=durable), lambda _: STORED)
    assert [(type(effect), effect.file, effect.durable) for effect in asked] == [(PutFile, LOCAL, durable)]
    assert value.files == [STORED]
    assert value.header() == {"files": [[STORED.key, "00" * 32, 3, "file", "a.txt"]]}


def test_a_value_without_files_and_codec_is_read_without_its_header():
    assert envelope_of().whole == [b"stream"]
    for other in (envelope_of(STORED), envelope_of(codec="npy")):
        assert other.needs_header
        assert other.whole == []
        assert other.segments() == [b"stream"]


def test_a_file_is_brought_here_before_the_value_is_decoded():
    fetched, asked = driven(payload.fetch(envelope_of(STORED), 0), lambda _: "/copies/a.txt")
    assert [type(effect) for effect in asked] == [FetchFile]
    assert fetched == ([b"stream"], ["/copies/a.txt"], "")


def test_a_shared_object_is_brought_here_as_bytes():
    fetched, asked = driven(payload.fetch(envelope_of(SHARED), 0), lambda _: b"abc")
    assert [(type(effect), effect.digest, effect.size) for effect in asked] == [(GetContent, bytes(32), 3)]
    assert fetched.files == [b"abc"]


@pytest.mark.parametrize("file", [STORED, SHARED], ids=["file", "shared"])
def test_a_value_whose_file_has_gone_cannot_be_read(file):
    with pytest.raises(CorruptBlob, match=f"its {file.kind} {file.name} is gone: {file.key}"):
        driven(payload.fetch(envelope_of(file), 0), lambda _: None)


def test_the_codec_stands_in_the_header():
    assert driven(payload.fetch(envelope_of(codec="npy"), 0), lambda _: None)[0].codec == "npy"


@pytest.mark.parametrize(
    "rows",
    [[["k", "00", 3, "device", "a"]], [["k", "00", 3, "file", "../a"]], [["k", "00", 3, "file", ".."]],
     [["k", "no hex", 3, "file", "a"]], [["k", "00", "many", "file", "a"]], [["k"]], 5],
    ids=["kind", "path", "parent", "digest", "size", "short", "no list"],
)  # fmt: skip
def test_a_header_that_lists_something_else_is_damage(rows):
    with pytest.raises(CorruptBlob):
        payload.files_in({"files": rows})


# ------------------------------------------------------------------------------------------------ of a call
def obtain(desk):
    from mops.core import orchestrate

    return desk.drive(orchestrate.obtain(call(serializer=WithAFile())))


def test_files_are_stored_before_the_result_that_names_them():
    desk = DeskWithFiles()
    assert obtain(desk).result == Success(b"the value")
    written = [effect for effect in desk.done if isinstance(effect, PutFile | PutIfAbsent)]
    first, second = (next(i for i, it in enumerate(written) if wanted(it)) for wanted in (_is_file, _is_result))
    assert first < second


def _is_file(effect):
    return isinstance(effect, PutFile)


def _is_result(effect):
    return isinstance(effect, PutIfAbsent) and effect.key == key("r0")


def test_a_hit_brings_the_file_and_a_file_that_has_gone_is_a_miss():
    desk = DeskWithFiles()
    obtain(desk)
    assert obtain(desk).result == Success((b"the value", "/copies/a.txt"))
    desk.path = None
    assert obtain(desk).result == Success(b"the value")
    assert len(desk.reports) == 1
    assert "a.txt is gone" in desk.reports[0]


def test_a_result_whose_file_changes_while_it_is_stored_is_returned_and_not_stored():
    desk = DeskWithFiles()
    desk.on[PutFile] = [raising(FileChanged("/here/a.txt was changed"))]
    assert obtain(desk).result == Success(b"the value")
    assert key("r0") not in desk.blobs
    assert "not stored: /here/a.txt was changed" in desk.reports[0]


def test_a_result_of_inputs_that_were_changed_is_returned_and_not_stored():
    desk = DeskWithFiles()
    desk.ran.changed = "/here/in.txt was changed while the function ran"
    assert obtain(desk).result == Success(b"the value")
    assert key("r0") not in desk.blobs
    assert desk.put_files == []
    assert "not stored: /here/in.txt was changed" in desk.reports[0]


def test_a_remote_whose_file_cannot_be_stored_fails_its_epoch():
    from tests.unit.core.test_execute import HOLDER, MEMO, StoredValue, claim, record, serve

    for error in (FileChanged("changed"), UnserializableError("no file")):
        desk = DeskWithFiles()
        desk.session = "remote"
        desk.put("e1", claim.claim_parts(MEMO, 1, 0, HOLDER, b"{}", StoredValue([b"the pickled call"])))
        desk.on[PutFile] = [raising(error)]
        serve(desk, WithAFile())
        assert record(desk, "e1.2").failure.message == str(error)


def test_the_files_of_a_result_that_the_store_refuses_are_kept_with_it():
    from tests.unit.core.test_execute import HOLDER, MEMO, StoredValue, claim, serve

    desk = DeskWithFiles()
    desk.session = "remote"
    desk.put("e1", claim.claim_parts(MEMO, 1, 0, HOLDER, b"{}", StoredValue([b"the pickled call"])))
    desk.on[PutFile] = [raising(StoreFull("full"))]
    with pytest.raises(StoreFull):
        serve(desk, WithAFile())
    (spooled,) = desk.effects(Spool)
    assert spooled.files == [LOCAL]


@pytest.mark.parametrize("name", ["n" * 200, "é" * 100])
def test_more_files_than_an_envelope_can_list_are_refused_before_any_is_stored(name):
    file = LocalFile(f"/here/{name}", name, bytes(32), size=3)
    steps = payload.store(Serialized([b"stream"], [file] * 20_000), 1.0)
    with pytest.raises(UnserializableError, match="20000 files are too many") as raised:
        next(steps)
    assert "directory" in raised.value.advice


@pytest.mark.parametrize("name", ["n" * 200, "é" * 100, "\U0001f40d" * 60])
def test_whatever_is_not_refused_fits_into_an_envelope(name):
    count = 7000
    while True:
        value = Serialized([b"stream"], [LocalFile(f"/here/{name}", name, bytes(32), size=1 << 50)] * count)
        try:
            next(payload.store(value, 1.0))
            break
        except UnserializableError:
            count -= 100
    file = StoredFile(STORED.key, bytes(32), 1 << 50, "directory", name)
    envelope_of(*[file] * count)
