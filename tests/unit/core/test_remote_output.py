"""The last words of a command become advice."""

import signal

import pytest

from mops.core.remote_output import advice_for, crashed, describe_exit, starved


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("/usr/bin/python3: No module named mops", "pip install mops-run"),
        ("ModuleNotFoundError: No module named 'mops.api'", "a part of it, is not installed"),
        (
            "python: No module named mops.__main__; 'mops' is a package and cannot be directly executed",
            "another package",
        ),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ],
)
def test_known_last_words_say_what_to_do(words: str, advice: str):
    assert advice in advice_for(f"Traceback\n{words}\n")


def test_unknown_last_words_give_no_advice():
    assert advice_for("Segmentation fault") == ""


def test_an_exit_status_is_told_in_words():
    assert describe_exit(0) == "exit status 0"
    assert describe_exit(3) == "exit status 3"
    assert describe_exit(-signal.SIGKILL) == "signal 9 (SIGKILL, often for lack of memory)"
    assert describe_exit(-signal.SIGTERM) == "signal 15 (SIGTERM)"
    assert describe_exit(-64) == "signal 64 (unknown)"


def test_a_crash_is_told_with_its_last_words_and_what_they_advise():
    error = crashed(1, "No module named mops")
    assert error.args[0] == "the command ended with exit status 1; its last words:\nNo module named mops"
    assert error.exit_code == 1
    assert "pip install mops-run" in error.advice


def test_a_crash_without_words_is_told_without_them():
    assert crashed(-9, "").args[0] == "the command ended with signal 9 (SIGKILL, often for lack of memory)"


def test_a_lack_of_memory_says_whose_and_what_to_do():
    failure = starved("the process", -9, 64 << 20, "half way")
    assert failure.kind == "out_of_memory"
    assert failure.exit_code == -9
    assert (
        failure.args[0] == "the process was killed for lack of memory: its limit is 64 MiB; its last words:\nhalf way"
    )
    assert "out_of_memory=Grow" in failure.advice
    assert starved("the process", -9, None).args[0] == "the process was killed for lack of memory"
