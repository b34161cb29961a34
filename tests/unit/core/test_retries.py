"""What is tried again, how often, and after how long."""

import pytest

from mops.core.errors import (
    CallCancelled,
    CodeMismatchError,
    ConfigurationError,
    RemoteCrashed,
    ShellFailed,
    StoreFull,
    StoreUnavailable,
    UnkeyableArgumentError,
    kind_of,
)
from mops.core.failure import FailureRecord
from mops.core.retries import Grow, Retries


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("boom"), "user"),
        (MemoryError(), "out_of_memory"),
        (ShellFailed("no such image"), "infrastructure"),
        (RemoteCrashed("killed", exit_code=-9), "interrupted"),
        (RemoteCrashed("killed in a container", exit_code=137), "interrupted"),
        (RemoteCrashed("a fault of its own", exit_code=-11), "user"),
        (RemoteCrashed("exit", exit_code=3), "user"),
        (StoreUnavailable("no answer"), "infrastructure"),
        (StoreFull("no space"), None),
        (CodeMismatchError("other code"), None),
        (UnkeyableArgumentError("a lock"), None),
        (CallCancelled("nobody wants it"), None),
    ],
)
def test_every_failure_has_its_kind(error, kind):
    assert kind_of(error) == kind


def test_a_shell_may_name_another_kind():
    error = ShellFailed("evicted")
    error.kind = "interrupted"
    assert kind_of(error) == "interrupted"


@pytest.mark.parametrize("kind", ["user", "infrastructure", None])
def test_a_stored_failure_keeps_its_kind(kind):
    record = FailureRecord(message="", traceback="", lineage=["a"], kind=kind)
    assert FailureRecord.from_plain(record.plain(), b"").kind == kind


def test_a_kind_that_nobody_knows_is_not_tried_again():
    plain = FailureRecord(message="", traceback="", lineage=["a"]).plain() | {"kind": "of a later mops"}
    assert FailureRecord.from_plain(plain, b"").kind is None


def test_a_failure_from_before_kinds_were_stored_counts_as_the_functions():
    plain = FailureRecord(message="", traceback="", lineage=["a"]).plain()
    del plain["kind"]
    assert FailureRecord.from_plain(plain, b"").kind == "user"


def test_delays_double_up_to_the_longest():
    retries = Retries(user=9, first_delay=1.0, longest_delay=5.0)
    assert [retries.delay(failures) for failures in (1, 2, 3, 4, 5, 5_000)] == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_memory_grows_by_the_factor_up_to_the_most():
    grow = Grow(2, max=7_000)
    assert [grow.memory(1_000, step) for step in (1, 2, 3)] == [2_000, 4_000, 7_000]
    assert Grow(times=1).memory(1_000, 1) == 2_000
    assert Grow(1.5, max="3Ki").memory(1_000, 9) == 3_072
    assert Grow(1.5, max="64Gi").memory(11 << 30, 10_000) == 64 << 30


def test_small_steps_lead_to_the_most_too():
    assert Grow(1.01, max=7_000).memory(1_000, 195) < 7_000
    assert Grow(1.01, max=7_000).memory(1_000, 196) == 7_000


def test_memory_never_shrinks():
    assert Grow(max=10).memory(1_000, 1) == 1_000


def test_it_ends_once_the_most_was_tried():
    grow = Grow(1.5, max=7_000)
    assert grow.goes_on(100, 6_999)
    assert not grow.goes_on(0, 7_000)
    assert not grow.goes_on(0, None)


def test_it_ends_after_as_many_attempts_as_were_stated():
    assert [Grow(times=2).goes_on(failures, 1_000) for failures in (0, 1, 2)] == [True, True, False]
    assert [Grow(times=2).goes_on(failures, None) for failures in (0, 1, 2)] == [True, True, False]
    assert not Grow(times=2, max=7_000).goes_on(0, 7_000)


def test_a_number_counts_further_attempts():
    retries = Retries(out_of_memory=2, user=1)
    assert [retries.goes_on("out_of_memory", failures, 1_000) for failures in (0, 1, 2)] == [True, True, False]
    assert [retries.goes_on("user", failures, None) for failures in (0, 1)] == [True, False]
    assert not Retries(out_of_memory=Grow(max=7_000)).goes_on("out_of_memory", 0, 7_000)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Retries(user=-1),
        lambda: Retries(user=True),
        lambda: Retries(infrastructure=1.5),
        lambda: Retries(out_of_memory="3"),
        lambda: Retries(first_delay=-1.0),
        lambda: Retries(first_delay=float("nan")),
        lambda: Retries(first_delay=100.0),
        lambda: Retries(when=3),
        lambda: Grow(times=-1),
        lambda: Grow(1.0, times=1),
        lambda: Grow("2", times=1),
        lambda: Grow(float("nan"), times=1),
        lambda: Grow(float("inf"), times=1),
        lambda: Grow(max=0),
        lambda: Grow(max="much"),
        Grow,
    ],
)
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        wrong()


def test_they_print_as_they_are_written():
    assert repr(Retries(out_of_memory=Grow(1.5, max="1Ki"))) == "Retries(out_of_memory=Grow(1.5, max=1024, times=None))"
    assert repr(Retries()) == "Retries()"
