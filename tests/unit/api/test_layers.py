"""Calls under several roots: what is found where, what is written where, and what people are told."""

import os
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import mops
from mops import MemoizingPicklingRunner, Source, config, defaults, use_runner
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.locate import check_lasting, locate_blob_store
from mops.api.memo_uri import locate_memo
from mops.api.records.listing import past_call, past_calls
from mops.api.worlds import world_of
from mops.core.blob_layout import content_key
from mops.core.claim import void
from mops.core.errors import ConfigurationError
from mops.core.ports.blob_store import SupportsExpiry
from mops.runtime.inline import drive
from mops.testing.fault_stores import CountingBlobStore

_numbers = count(1)


@pytest.fixture
def roots(tmp_path):
    return [str(tmp_path / "mine"), str(tmp_path / "team")]


@pytest.fixture
def work():
    """A function that notes its runs."""

    def work(x, fails=False):
        work.runs.append(x)
        if fails:
            raise ValueError(x)
        return f"{x} of run {len(work.runs)}"

    work.runs = []
    return work


def under(root, function, **settings):
    return use_runner(MemoizingPicklingRunner(blob_root=root, **settings), name="m:work", logic_key="1")(function)


def keys(root):
    return [info.key for info in locate_blob_store(root).list()]


# ---------------------------------------------------------------------------------------------------- found and written
def test_a_result_is_found_in_any_root_and_nothing_is_written(roots, work):
    mine, team = roots
    assert under(team, work)(1) == under(roots, work)(1) == under(f"{mine} | {team}", work)(1) == "1 of run 1"
    assert not os.path.exists(mine)


def test_a_call_that_no_root_knows_is_run_and_stored_under_the_first(roots, work):
    mine, team = roots
    before = keys(team)
    assert under(roots, work)(1) == under(mine, work)(1) == "1 of run 1"
    assert keys(team) == before == []


def test_a_hit_in_the_first_root_asks_no_other(work):
    layers = [CountingBlobStore(MemoryBlobStore(f"layers-{next(_numbers)}")) for _ in range(2)]
    both = under(layers, work)
    both(1)
    layers[1].operations.clear()
    assert both(1) == "1 of run 1"
    assert layers[1].count() == 0
    assert both(2) == "2 of run 2"
    assert [(name, key.rpartition("/")[2]) for name, key in layers[1].operations] == [("get", "r0")]


def test_a_result_that_is_forgotten_under_the_first_root_is_computed_anew(roots, work):
    mine, team = roots
    under(team, work)(1)
    both = under(roots, work)
    store, memo = locate_memo(both.memo_uri(1))
    drive(void(memo, 0, 0), world_of(store, 10).perform)
    assert both.peek(1) is None
    assert both(1) == both(1) == under(mine, work)(1) == "1 of run 2"
    assert under(team, work)(1) == "1 of run 1"


def test_a_result_that_the_team_forgot_is_computed_anew_by_all_who_share_the_first_root(roots, work):
    mine, team = roots
    under(team, work)(1)
    store, memo = locate_memo(under(team, work).memo_uri(1))
    drive(void(memo, 0, 0), world_of(store, 10).perform)
    assert under(roots, work)(1) == under(mine, work)(1) == "1 of run 2"
    assert under(team, work)(1) == "1 of run 3"


def test_a_damaged_result_behind_is_voided_in_front_and_left_where_it_is(roots, work, caplog):
    team = roots[1]
    under(team, work)(1)
    path = next(os.path.join(team, key) for key in keys(team) if key.endswith("/r0"))
    with open(path, "rb+") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"???")
    damaged = Path(path).read_bytes()
    assert under(roots, work)(1) == under(roots, work)(1) == "1 of run 2"
    assert "it is voided and computed anew" in caplog.text
    assert Path(path).read_bytes() == damaged


def test_a_failure_behind_is_nobodys_failure_in_front(roots, work):
    for root in (roots[1], roots):
        with pytest.raises(ValueError, match="1"):
            under(root, work, memoize_exceptions=[ValueError])(1, fails=True)
    assert work.runs == [1, 1]


# --------------------------------------------------------------------------------------------------- payloads and files
def large(size):
    return np.ones(size)


def with_files(text):
    path = mops.tempdir() / "Plain.txt"
    path.write_text(text)
    with mops.open_output("Out.txt", "w") as file:
        file.write(text)
    return path, file.source


def test_large_payloads_and_files_come_from_the_root_that_has_them(roots):
    mine, team = roots
    for size in (200_000, 600_000):
        under(team, large)(size)
        assert under(roots, large)(size).sum() == size
    under(team, with_files)("text")
    path, source = under(roots, with_files)("text")
    assert path.read_text() == source.path().read_text() == "text"
    assert source.uri.startswith(f"file://{team}/mops1/out/")
    assert not os.path.exists(mine)


def test_a_payload_that_is_gone_or_damaged_behind_is_computed_anew_in_front(roots, caplog):
    mine, team = roots
    under(team, large)(200_000)
    (payload,) = (os.path.join(team, key) for key in keys(team) if key.startswith("mops1/blob/"))
    with open(payload, "rb+") as file:
        file.write(b"???")
    damaged = Path(payload).read_bytes()
    assert under(roots, large)(200_000).sum() == 200_000
    assert Path(payload).read_bytes() == damaged
    os.unlink(payload)
    assert under(roots, large)(200_000).sum() == under(mine, large)(200_000).sum() == 200_000
    assert "it is voided and computed anew" in caplog.text


def test_a_payload_that_is_damaged_in_one_root_comes_from_another(roots):
    mine = roots[0]
    for root in roots:
        under(root, large)(200_000)
    (payload,) = (os.path.join(mine, key) for key in keys(mine) if key.startswith("mops1/blob/"))
    with open(payload, "rb+") as file:
        file.write(b"???")
    assert under(roots, large)(200_000).sum() == 200_000
    assert not os.path.exists(payload)  # it is the first root's, and its name is free again


def test_files_are_stored_under_the_first_root(roots):
    mine, team = roots
    path, source = under(roots, with_files)("text")
    assert path.read_text() == source.path().read_text() == "text"
    assert source.uri.startswith(f"file://{mine}/mops1/out/")
    assert keys(team) == []


def test_a_source_from_behind_stays_where_it_is_and_is_found_without_the_others(roots):
    mine, team = roots
    source = under(team, with_files)("text")[1]
    again = under(roots, passed_on)(source)
    assert again == source
    assert under(mine, passed_on).peek(source).value == source
    assert not any(key.startswith(("mops1/out/", content_key(source.digest))) for key in keys(mine))


def passed_on(source):
    return Source.from_uri(source.uri)


# ----------------------------------------------------------------------------------------------------------- for people
def test_people_see_each_call_where_its_result_is(roots, work):
    mine, team = roots
    for root, x in ((team, 1), (team, 2), (mine, 2), (mine, 3)):
        under(root, work)(x)
    with pytest.raises(ValueError, match="4"):
        under(team, work)(4, fails=True)
    both = under(roots, work)
    seen = {past.uri.partition("/mops1/")[0]: [] for past in past_calls(locate_blob_store(roots))}
    for past in past_calls(locate_blob_store(roots)):
        seen[past.uri.partition("/mops1/")[0]].append(past.memo.digest)
    assert {place: len(digests) for place, digests in seen.items()} == {f"file://{mine}": 2, f"file://{team}": 1}
    assert both.explain(1).memo_uri.startswith(f"file://{team}/")
    assert both.explain(2).memo_uri.startswith(f"file://{mine}/")
    assert both.explain(4, fails=True).reason.startswith("the nearest call that is stored is")


def test_people_see_what_hides_a_result(roots, work):
    under(roots[1], work)(1)
    both = under(roots, work)
    store, memo = locate_memo(both.memo_uri(1))
    assert past_call(store, memo.folder).state == "stored"
    drive(void(memo, 0, 0), world_of(store, 10).perform)
    past = past_call(store, memo.folder)
    assert (past.state, past.store.uri) == ("voided", f"file://{roots[0]}")
    both(1)
    past = past_call(store, memo.folder)
    assert (past.state, past.result.slot, past.store.uri) == ("stored", "r1", f"file://{roots[0]}")


def test_what_changed_is_told_of_the_root_that_served(roots, caplog):
    under(roots[1], doubled)(1)
    assert under(roots, doubled_otherwise)(1) == 2
    assert "served from the store, although its code changed since it was computed: " in caplog.text


def doubled(x):
    return 2 * x


def doubled_otherwise(x):
    return x + x


# -------------------------------------------------------------------------------------------------------- configuration
def test_calls_are_of_the_root_that_is_configured_when_they_are_made(roots, work, monkeypatch):
    mine, team = roots
    function = under(defaults.mops_root, work)
    monkeypatch.setenv("MOPS_ROOT", f"{mine}|{team}")
    with config(blob_root=team):
        function(1)
        future, calls = function.submit(2), function.map([3, 4], buffersize=1)
    values = [future.result(), *calls]  # whose runs may begin in any order
    assert [value.split(" ")[0] for value in values] == ["2", "3", "4"]
    assert [function(x) for x in (1, 2, 3, 4)] == ["1 of run 1", *values]
    assert not os.path.exists(mine)


def test_nested_calls_of_a_submitted_one_are_of_the_root_that_was_configured(roots):
    @use_runner(MemoizingPicklingRunner())
    def root_of_nested(x):
        return defaults.mops_root()

    with config(blob_root=roots):
        future = root_of_nested.submit(1)
    assert future.result() == "|".join(roots)


def test_events_name_a_memo_that_can_be_opened(roots, work):
    seen = []
    with mops.observe(seen.append):
        under(roots, work)(1)
    (uri,) = {event.memo_uri for event in seen}
    store, memo = locate_memo(uri)
    assert past_call(store, memo.folder).state == "stored"


def test_roots_in_a_list_are_one_world_however_often_they_are_named(roots):
    assert world_of(roots, 10) is world_of(list(roots), 10) is world_of("|".join(roots), 10)
    assert world_of(tuple(roots), 10) is world_of(roots, 10)


def test_relative_roots_in_a_list_are_taken_from_the_working_directory_of_each_call(roots, work, tmp_path, monkeypatch):
    function = under(["mine", "team"], work)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        function(1)
    assert work.runs == [1, 1]


def test_a_shell_cannot_reach_a_root_of_this_process(roots, work):
    with pytest.raises(ConfigurationError, match="known to this process alone"):
        under([roots[0], "memory://team"], work, shell=mops.SubprocessShell())(1)


def test_layers_last_as_long_as_each_of_them():
    class Ending(CountingBlobStore, SupportsExpiry):
        expires = 0.0

    layers = [MemoryBlobStore("lasting"), Ending(MemoryBlobStore("ending"))]
    check_lasting(locate_blob_store(layers), None)
    with pytest.raises(ConfigurationError, match="memory://ending ends"):
        check_lasting(locate_blob_store(layers), 60)
