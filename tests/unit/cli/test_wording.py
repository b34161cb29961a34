"""How facts of a store are put into words."""

import math

import pytest

from mops.api.display.wording import duration_text, failure_text, local_text, printable, size_text, utc_text
from mops.api.records.history import number_in


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with spaces and ünïcode", "plain, with spaces and ünïcode"),
        ("two\nlines\tand a tab", "two\\nlines\\tand a tab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("right to left \u202e", "right to left \\u202e"),
        ("a lone surrogate \udc80", "a lone surrogate \\udc80"),
        (None, "None"),
    ],
)
def test_control_characters_are_shown_as_escapes(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (1.23e-5, "12.3 µs"),
        (0.25, "250 ms"),
        (1.5, "1.5 s"),
        (119, "119 s"),
        (120, "2.0 min"),
        (7200, "2.0 h"),
    ],
)
def test_a_duration_has_the_unit_in_which_it_is_short(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (3_145_728, "3.15 MB"), (2e12, "2 TB"), (5e15, "5,000 TB")],
)
def test_a_size_has_the_unit_in_which_it_is_short(count, text):
    assert size_text(count) == text


def test_a_time_is_told_in_utc_and_one_that_no_clock_shows_as_it_is():
    assert utc_text(0) == "1970-01-01T00:00:00Z"
    assert utc_text(-1e11) == local_text(-1e11) == "-100000000000.0"


def test_a_time_on_the_wall_is_told_without_a_zone():
    assert len(local_text(1.7e9)) == len("2023-11-14 22:13:20")


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        ({"lineage": ["builtins:ValueError", "builtins:Exception"], "message": "no\n good"}, "ValueError: no good"),
        ({"lineage": ["pkg:Refused"], "message": ""}, "pkg:Refused"),
        ({"lineage": 7}, "an exception"),
    ],
)
def test_a_failure_is_told_on_one_line_whatever_is_stored_of_it(failure, text):
    assert failure_text(failure) == text


@pytest.mark.parametrize("value", [None, "1", [], math.nan, math.inf, 10**400, 1e12])
def test_a_number_that_means_nothing_counts_as_none(value):
    assert number_in({"elapsed": value}, "elapsed") is None
    assert number_in({}, "elapsed") is None
