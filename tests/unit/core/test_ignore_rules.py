"""Patterns of ``.gitignore`` mean what git documents."""

import pytest

from mops.core.ignore_rules import Patterns, is_ignored

# pattern, path, whether it is a folder, whether it is meant
CASES = [
    ("*.log", "a.log", False, True),
    ("*.log", "deep/er/a.log", False, True),
    ("*.log", "a.log.txt", False, False),
    ("/a.py", "a.py", False, True),
    ("/a.py", "deep/a.py", False, False),
    ("deep/a.py", "deep/a.py", False, True),
    ("deep/a.py", "x/deep/a.py", False, False),
    ("build/", "build", True, True),
    ("build/", "x/build", True, True),
    ("build/", "build", False, False),
    ("/", "a", True, False),
    ("a?c", "abc", False, True),
    ("a?c", "a/c", False, False),
    ("a*c", "a/c", False, False),
    ("a*c", "ac", False, True),
    ("x/*", "x/a", False, True),
    ("x/*", "x/a/b", False, False),
    ("**/a", "a", False, True),
    ("**/a", "x/y/a", False, True),
    ("x/**/a", "x/a", False, True),
    ("x/**/a", "x/y/z/a", False, True),
    ("x/**/a", "y/a", False, False),
    ("x/**", "x/y/z", False, True),
    ("x/**", "x", True, False),
    ("**", "x/y", False, True),
    ("x**/a", "xy/a", False, True),
    ("?**/a", "xy/a", False, True),
    ("?**/a", "xy/z/a", False, False),
    ("x**/a", "xy/z/a", False, True),
    ("x**/a", "xa", False, True),
    ("[ab].py", "b.py", False, True),
    ("[!ab].py", "b.py", False, False),
    ("[^ab].py", "c.py", False, True),
    ("[a-c].py", "b.py", False, True),
    ("[c-a].py", "b.py", False, False),
    ("[c-ax].py", "x.py", False, True),
    ("a[]]b", "a]b", False, True),
    ("a[!x]b", "a/b", False, False),
    ("[a", "[a", False, False),
    (r"\[a", "[a", False, True),
    ("a\\", "a\\", False, False),
    (r"a\\ ", "a\\", False, True),
    ("a//", "a", True, False),
    ("x/****/a", "x/y/z/a", False, True),
    ("[[:digit:]x]", "7", False, True),
    ("[[:digit:]x]", "x", False, True),
    ("[![:digit:]]", "7", False, False),
    ("[[:digits:]]", "7", False, False),
    (r"[\]]", "]", False, True),
    ("[a-]", "-", False, True),
    ("a.c", "abc", False, False),
    (r"\#a", "#a", False, True),
    (r"\!a", "!a", False, True),
    (r"a\*", "a*", False, True),
    (r"a\*", "ab", False, False),
    ("a  ", "a", False, True),
    (r"a\ ", "a ", False, True),
    ("#a", "#a", False, False),
    ("", "", False, False),
    ("a\r\n", "a", False, True),
]


@pytest.mark.parametrize(("pattern", "path", "is_folder", "meant"), CASES)
def test_a_pattern_means_what_git_says(pattern, path, is_folder, meant):
    assert bool(Patterns([pattern]).verdict(path, is_folder=is_folder)) == meant


def test_the_last_pattern_that_matches_decides():
    patterns = Patterns(["*.py", "!keep.py", "# nothing", "keep.py/"])
    assert patterns.verdict("other.py", is_folder=False) is True
    assert patterns.verdict("keep.py", is_folder=False) is False
    assert patterns.verdict("keep.py", is_folder=True) is True
    assert patterns.verdict("keep.txt", is_folder=False) is None


def test_patterns_nearer_to_a_file_precede_those_above():
    scopes = [(0, Patterns(["*.py", "*.txt"])), (len("/deep/"), Patterns(["!/a.py"]))]
    assert not is_ignored(scopes, "/deep/a.py", is_folder=False)
    assert is_ignored(scopes, "/deep/b.py", is_folder=False)
    assert is_ignored(scopes, "/deep/a.txt", is_folder=False)
    assert not is_ignored(scopes, "/deep/a.md", is_folder=False)
