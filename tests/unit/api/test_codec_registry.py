"""Which codec stores a value, and which reads it."""

import gc
import sys
import threading
import weakref
from types import ModuleType

import numpy as np
import pytest

import mops
from mops.adapters.codecs.plain_json import JsonCodec
from mops.api.codec_registry import CodecRegistry, codec_for, registry
from mops.core.errors import ConfigurationError, UndecodableResultError, UnserializableError

LARGE = np.arange(200_000)


class Mesh:
    def __init__(self, corners):
        self.corners = corners


class Finer(Mesh):
    pass


class MeshCodec:
    name = "mesh1"

    def encode(self, value):
        return [value.corners, b"!"]

    def decode(self, buffer):
        return Mesh(bytes(buffer[:-1]))


class AnotherCodec(MeshCodec):
    pass


class Named(MeshCodec):
    def __init__(self, name, answer=NotImplemented):
        self.name = name
        self.answer = answer

    def encode(self, value):
        return self.answer

    def decode(self, buffer):
        raise ValueError("not a mesh")


@pytest.fixture
def codecs():
    return CodecRegistry()


def test_a_value_comes_back_by_the_codec_of_its_type(codecs):
    codecs.register(Mesh, MeshCodec)
    name, pieces = codecs.encode(Mesh(b"corners"))
    assert name == f"mesh1@{__name__}"
    assert b"".join(pieces) == b"corners!"
    assert codecs.decode(name, b"corners!").corners == b"corners"


def test_a_codec_is_for_exactly_its_type(codecs):
    codecs.register(Mesh, MeshCodec())
    assert codecs.encode(Finer(b"")) is None
    assert codecs.encode(object()) is None


def test_a_codec_may_leave_a_value_to_pickle(codecs):
    codecs.register(Mesh, Named("mesh2"))
    assert codecs.encode(Mesh(b"")) is None


def test_pieces_are_counted_in_bytes(codecs):
    codecs.register(Mesh, Named("mesh2", [np.ones(3), np.ones((0, 3)), bytearray(b"ab")]))
    _, pieces = codecs.encode(Mesh(b""))
    assert [len(piece) for piece in pieces] == [24, 0, 2]


@pytest.mark.parametrize("answer", [None, b"bytes", ["text"], [np.ones((2, 2))[:, :1]]], ids=repr)
def test_what_is_no_sequence_of_buffers_is_refused_with_the_name_of_the_codec(codecs, answer):
    codecs.register(Mesh, Named("mesh2", answer))
    with pytest.raises(UnserializableError, match="the codec 'mesh2' cannot encode a Mesh: TypeError") as caught:
        codecs.encode(Mesh(b""))
    assert "NotImplemented" in caught.value.advice


@pytest.mark.parametrize(
    "answer",
    [b"", b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), "text"],
    ids=lambda answer: type(answer).__name__,
)
def test_one_piece_in_the_place_of_a_list_says_how_it_is_written(codecs, answer):
    codecs.register(Mesh, Named("mesh2", answer))
    with pytest.raises(UnserializableError, match=r"encode gives a list of pieces: return \[data\]"):
        codecs.encode(Mesh(b""))


def test_what_a_codec_cannot_decode_is_told_with_its_name(codecs):
    codecs.register(Mesh, Named("mesh2"))
    with pytest.raises(UndecodableResultError, match=r"the codec 'mesh2' cannot decode .* ValueError: not a mesh"):
        codecs.decode("mesh2@m", b"")


def test_a_codec_that_nobody_registered_is_named_with_what_to_import(codecs, monkeypatch):
    monkeypatch.setitem(sys.modules, "meshes", ModuleType("meshes"))
    with pytest.raises(UndecodableResultError, match=r"'mesh1'.* nobody has registered it") as caught:
        codecs.decode("mesh1@meshes", b"")
    assert "import" in caught.value.advice
    assert "meshes" in caught.value.advice
    with pytest.raises(UndecodableResultError, match=r"import of no\.such\.module failed: ModuleNotFoundError"):
        codecs.decode("mesh1@no.such.module", b"")
    with pytest.raises(UndecodableResultError, match="nobody has registered it"):
        codecs.decode("mesh1", b"")


def test_the_module_of_a_codec_is_imported_where_the_codec_is_missing(tmp_path, monkeypatch):
    (tmp_path / "far_meshes.py").write_text(
        "import mops\n"
        "class Far: pass\n"
        "@mops.codec_for(Far)\n"
        "class FarCodec:\n"
        "    name = 'far1'\n"
        "    def encode(self, value): return [b'']\n"
        "    def decode(self, buffer): return Far()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert type(registry.decode("far1@far_meshes", b"")).__name__ == "Far"


def test_a_name_or_a_type_has_one_codec(codecs):
    codecs.register(Mesh, MeshCodec)
    with pytest.raises(ConfigurationError, match=r"MeshCodec stores Mesh already, so .*AnotherCodec cannot"):
        codecs.register(Mesh, AnotherCodec)
    with pytest.raises(ConfigurationError, match=r"the name 'mesh1' belongs to .*:MeshCodec, not to .*:AnotherCodec"):
        codecs.register(Finer, AnotherCodec)


def test_one_class_of_codec_may_store_several_types_but_not_two_of_its_instances(codecs):
    codecs.register(dict, JsonCodec)
    codecs.register(list, JsonCodec)
    codecs.register(Mesh, Named("mesh2"))
    with pytest.raises(ConfigurationError, match="the name 'mesh2' belongs to"):
        codecs.register(Finer, Named("mesh2"))


def test_a_module_may_be_loaded_again(codecs):
    source = (
        "class Mesh: pass\n"
        "class MeshCodec:\n"
        "    name = 'mesh1'\n"
        "    def encode(self, value): return [b'%d']\n"
        "    def decode(self, buffer): return Mesh()\n"
    )
    for version in (1, 2):
        space = {"__name__": "reloaded"}
        exec(source % version, space)
        codecs.register(space["Mesh"], space["MeshCodec"])
        codecs.register(Finer, space["MeshCodec"])
        assert codecs.encode(space["Mesh"]())[1] == [b"%d" % version]
        assert codecs.encode(Finer(b""))[1] == [b"%d" % version]
        assert type(codecs.decode("mesh1@reloaded", b"")) is space["Mesh"]


@pytest.mark.parametrize("cls", [int, str, bytes, bool, float, type(None), tuple, object, type, ValueError])
def test_types_whose_format_is_fixed_cannot_be_registered(codecs, cls):
    with pytest.raises(ConfigurationError, match="is fixed"):
        codecs.register(cls, MeshCodec)


@pytest.mark.parametrize("name", ["", None, "a@b", "größe", "a b", "x" * 65, "npy", "json", "pickle5"])
def test_names_that_are_none_or_belong_to_mops_are_refused(codecs, name):
    with pytest.raises(ConfigurationError, match="name"):
        codecs.register(Mesh, Named(name))


def test_a_codec_without_a_method_is_refused(codecs):
    class Half:
        name = "half"
        encode = None

    with pytest.raises(ConfigurationError, match="'half' has no method encode"):
        codecs.register(Mesh, Half)


def test_the_users_word_precedes_what_mops_knows_of_a_library(codecs):
    assert codecs.encode(LARGE)[0] == "npy"
    codecs.register(np.ndarray, Named("mine", [b""]))
    assert codecs.encode(LARGE)[0] == f"mine@{__name__}"


def test_a_format_of_mops_is_read_by_who_never_met_it():
    name, pieces = CodecRegistry().encode(LARGE)
    assert (CodecRegistry().decode(name, b"".join(pieces)) == LARGE).all()
    assert CodecRegistry().decode("json", b'{"a": 1}') == {"a": 1}


def test_a_missing_library_is_named(codecs, monkeypatch):
    monkeypatch.setitem(sys.modules, "mops.adapters.codecs.polars", None)
    with pytest.raises(UndecodableResultError, match=r"'polars'.*mops\.adapters\.codecs\.polars"):
        codecs.decode("polars", b"")


def test_a_class_is_not_kept_alive(codecs):
    local = type("Local", (), {})
    assert codecs.encode(local()) is None
    codecs.register(local, Named("local"))
    assert codecs.encode(local()) is None
    gone = weakref.ref(local)
    del local
    gc.collect()
    assert gone() is None


def test_the_decorator_registers_for_the_process_and_leaves_the_codec_as_it_is():
    class Local:
        pass

    class LocalCodec(MeshCodec):
        name = f"local{threading.get_native_id()}"

    assert codec_for(Local)(LocalCodec) is LocalCodec
    assert type(registry.codec_of(Local)) is LocalCodec
    assert mops.codec_for is codec_for
    assert mops.JsonCodec is JsonCodec


def test_reductions_are_those_of_libraries_that_are_loaded(codecs, monkeypatch):
    import polars as pl

    assert set(codecs.reductions()) == {pl.DataFrame, pl.Series}
    monkeypatch.delitem(sys.modules, "polars")
    assert not codecs.reductions()
