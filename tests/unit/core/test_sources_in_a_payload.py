"""What becomes of files that stay where they are, when the value that names them is stored and read."""

import pytest

from mops.core import payload
from mops.core.effects import HasFile, Sync
from mops.core.envelope import RESULT, header_json, seal, unseal
from mops.core.errors import CorruptBlob, FileChanged
from mops.core.files import StoredFile
from mops.core.ports.serializer import Serialized
from tests.unit.core.desk import driven

HERE = StoredFile("mops1/out/p/m--f/00/r/a.txt", bytes(32), 3, "source", "a.txt", "memory://root")
ELSEWHERE = StoredFile("memory://other/a.txt", bytes(32), 3, "source", "a.txt")


def found(file):
    return lambda effect: file if isinstance(effect, HasFile) else None


def test_a_stored_file_is_listed_as_this_root_names_it():
    absolute = StoredFile("memory://root/mops1/out/p/m--f/00/r/a.txt", bytes(32), 3, "source", "a.txt")
    value, asked = driven(payload.store(Serialized([b"stream"], [absolute]), 0), found(HERE))
    assert [file.key for file in value.files] == [HERE.key]
    assert [effect.file for effect in asked] == [absolute]


def test_a_stored_file_survives_what_the_value_that_names_it_survives():
    _, asked = driven(payload.store(Serialized([b""], [HERE]), 0, durable=True), found(HERE))
    assert [effect.key for effect in asked if isinstance(effect, Sync)] == [HERE.key]


def test_a_file_of_another_root_is_not_ours_to_keep():
    _, asked = driven(payload.store(Serialized([b""], [ELSEWHERE]), 0, durable=True), found(ELSEWHERE))
    assert not [effect for effect in asked if isinstance(effect, Sync)]


def test_a_value_that_names_a_stored_file_which_has_gone_is_not_stored():
    with pytest.raises(FileChanged, match="gone"):
        driven(payload.store(Serialized([b""], [HERE]), 0), found(None))


def envelope_of(value):
    header = header_json(**value.header())
    parts = seal(RESULT, owner=bytes(32), slot="r0", header=header, segments=value.segments, flags=value.flags)
    return unseal(b"".join(parts), owner=bytes(32), slot="r0")


def test_what_is_read_names_the_root_that_it_was_read_from():
    value, _ = driven(payload.store(Serialized([b"stream"], [HERE]), 0), found(HERE))
    fetched, asked = driven(payload.fetch(envelope_of(value), 0), found(HERE))
    assert fetched.files == [HERE]
    assert [(effect.file.key, effect.file.root) for effect in asked] == [(HERE.key, "")]


def test_a_stored_value_whose_file_has_gone_is_corrupt():
    value, _ = driven(payload.store(Serialized([b"stream"], [HERE]), 0), found(HERE))
    with pytest.raises(CorruptBlob, match=r"a\.txt is gone"):
        driven(payload.fetch(envelope_of(value), 0), found(None))
