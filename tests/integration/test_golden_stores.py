"""What an earlier release stored is read for ever: one golden store for each format."""

import pathlib
import shutil

import pytest

import mops
from tests.golden import functions
from tests.golden.write import RECORD, SIZE

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FORMATS = sorted(path.name for path in GOLDEN.glob("format*"))


@pytest.fixture(params=FORMATS)
def golden_store(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """A copy of a golden store, so that nothing a test does can change it."""
    copy = tmp_path / "store"
    shutil.copytree(GOLDEN / request.param, copy)
    monkeypatch.setattr(functions, "root", lambda: str(copy))
    return copy


def test_there_is_a_golden_store_of_every_format() -> None:
    assert FORMATS == ["format1"]


def test_stored_values_are_hits(golden_store: pathlib.Path) -> None:
    before = sorted(golden_store.rglob("*"))
    assert functions.add(2, 3) == 5
    assert functions.describe(RECORD)["record"] == RECORD
    assert functions.large(SIZE) == bytes(range(256)) * (SIZE // 256)
    assert sorted(golden_store.rglob("*")) == before, "a hit writes nothing"


def test_a_stored_failure_is_read(golden_store: pathlib.Path) -> None:
    peeked = functions.fail.peek("on purpose")
    assert isinstance(peeked, mops.Failure)
    assert type(peeked.exception) is ValueError
    assert str(peeked.exception) == "on purpose"
    assert golden_store.exists()


def test_a_voided_generation_is_skipped(golden_store: pathlib.Path) -> None:
    memo = golden_store / functions.add.memo_uri(4, 5).removeprefix(f"{golden_store.as_uri()}/")
    assert {path.name for path in memo.iterdir()} == {"r0", "e1", "r1", "e2"}
    assert functions.add.peek(4, 5) == mops.Success(9)
