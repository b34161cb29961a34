import dataclasses

import pytest

from mops.core.errors import RemoteError, ShellFailed
from mops.core.failure import FailureRecord, annotate, located, with_remote_traceback
from mops.core.result import Failure, Success

RECORD = FailureRecord(message="boom", traceback="Traceback ...", lineage=["pkg:Err", "Exception"], pickled=b"p")


def test_a_record_survives_as_plain_data():
    again = FailureRecord.from_plain(RECORD.plain(), b"p")
    assert again.plain() == RECORD.plain()
    assert (again.type_name, again.lineage, again.pickled) == ("pkg:Err", ("pkg:Err", "Exception"), b"p")


def test_what_cannot_be_rebuilt_arrives_as_text():
    error = RECORD.remote_error()
    assert isinstance(error, RemoteError)
    assert (error.type_name, error.traceback_text) == ("pkg:Err", "Traceback ...")
    assert "pkg:Err: boom" in str(error)


def test_the_remote_traceback_is_shown_as_the_cause():
    error = with_remote_traceback(ValueError("boom"), RECORD)
    assert "Traceback ..." in str(error.__cause__)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    number: int


def test_an_exception_that_is_frozen_takes_a_cause_and_notes():
    error = with_remote_traceback(Frozen(1), RECORD)
    annotate(error, "one")
    annotate(error, "two")
    assert "Traceback ..." in str(error.__cause__)
    assert error.__notes__ == ["one", "two"]


def test_an_exception_that_takes_no_notes_stays_as_it_is():
    class Bare(Exception):
        __notes__ = property(lambda self: None)

    error = Bare()
    annotate(error, "one")
    assert error.__notes__ is None


def test_errors_of_ours_name_the_call_and_others_stay_as_they_are():
    assert "memo: uri" in str(located(ShellFailed("died"), "m:f", "uri"))
    theirs = ValueError("boom")
    assert located(theirs, "m:f", "uri") is theirs


def test_a_success_unwraps_to_its_value_and_a_failure_to_its_exception():
    assert Success(1).unwrap() == 1
    with pytest.raises(ValueError, match="boom"):
        Failure(ValueError("boom")).unwrap()


def test_results_are_values():
    error = ValueError("boom")
    assert Success([1]) == Success([1]) != Success([2])
    assert Failure(error) == Failure(error) != Failure(ValueError("boom"))
    assert Success(error) != Failure(error)
    assert len({Success(1), Success(1), Failure(error), Failure(error)}) == 2
    assert (repr(Success(1)), repr(Failure(error))) == ("Success(1)", "Failure(ValueError('boom'))")
