"""What the end of a container means to a caller."""

import pytest

from mops.adapters.shells.docker.endings import Ending, failure_of, spooled
from mops.core.errors import SetupError


@pytest.mark.parametrize(
    ("ending", "kind", "words"),
    [
        (Ending(1), "user", "exit status 1"),
        (Ending(137, short_of_memory=True), "out_of_memory", "lack of memory: its limit is 64 MiB"),
        (Ending(137), "interrupted", "container c1 was killed from outside"),
        (Ending(137, is_gone=True), "interrupted", "container c1 was removed from outside"),
        (Ending(143), "interrupted", "container c1 was stopped from outside"),
        (Ending(255, daemon_lost=True), "interrupted", "the Docker daemon went away"),
        (Ending(127, error="exec failed"), "user", "exec failed"),
    ],
)
def test_an_end_is_a_failure_of_its_kind(ending, kind, words):
    failure = failure_of(ending, "c1", 64 << 20, "")
    assert failure.kind == kind
    assert words in str(failure)


def test_a_program_that_the_image_lacks_is_no_failure_to_try_again():
    words = "[FATAL tini (7)] exec python failed: No such file or directory"
    failure = failure_of(Ending(127), "c1", None, words)
    assert isinstance(failure, SetupError)
    assert failure.args[0] == "the image cannot run python: No such file or directory"


def test_status_0_is_no_failure_whatever_else_happened():
    assert failure_of(Ending(0, short_of_memory=True, is_gone=True, daemon_lost=True), "c1", None, "") is None


def test_last_words_are_quoted_and_explained():
    failure = failure_of(Ending(1), "c1", None, "/usr/bin/python: No module named mops")
    assert "No module named mops" in str(failure)
    assert failure.advice == "mops is not installed there: pip install mops-run"


def test_a_result_that_no_store_took_is_named_in_the_last_words():
    words = "the result was computed and is kept in /tmp/mops-1.result on the machine that ran it"
    assert spooled(f"mops remote: no answer\n  to do: {words}\n") == "/tmp/mops-1.result"
    assert not spooled("my data is kept in /tmp/data.result")
