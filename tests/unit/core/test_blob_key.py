"""The grammar of blob keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.core.blob_key import check_key, is_key
from mops.core.errors import InvalidKey
from mops.testing.blob_value_laws import BAD_KEYS, GOOD_KEYS

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789._=@-"


@pytest.mark.parametrize("key", GOOD_KEYS)
def test_keys_of_the_grammar_pass(key):
    assert is_key(key)
    check_key(key)


@pytest.mark.parametrize("key", BAD_KEYS)
def test_other_texts_are_refused_with_the_rule(key):
    assert not is_key(key)
    with pytest.raises(InvalidKey, match="joined by '/'"):
        check_key(key)


@given(st.text(st.sampled_from([*ALPHABET, "/", "A", "é", "~", " ", "\n"]), max_size=30))
def test_the_check_says_what_the_grammar_says(text):
    segments = text.split("/")
    wanted = all(part not in {"", ".", ".."} and set(part) <= set(ALPHABET) for part in segments)
    assert is_key(text) == wanted
