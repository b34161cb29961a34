"""Signatures by shared keys: whom they convince, and what they never show."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.adapters.signatures import KeyedBlake3

OLD, NEW, OTHER = b"old key", b"new key", b"other key"
GOLDEN = (
    "af66dc6e38efb46808f14a75afdc77bc1ec85503bab5a78394b1a1f3b07221a3"
    "fe3ece8f0fc0ce94f0a4a5eba829207997d63c66e97eba4f37c6acb13df95b4c"
)


@given(st.binary(), st.binary())
def test_one_message_convinces_of_no_other(message, other):
    keys = KeyedBlake3([NEW])
    signature = keys.sign(message)
    assert keys.believes(message, 1, signature)
    assert keys.believes(other, 1, signature) == (message == other)


def test_equal_messages_have_equal_signatures_that_fill_their_place():
    assert KeyedBlake3([NEW]).sign(b"m") == KeyedBlake3([NEW, OLD]).sign(b"m")
    assert len(KeyedBlake3([NEW]).sign(b"m")) == 64


def test_the_signature_stays_what_it_is():
    """A golden value: what was signed once has to be believed by every later version."""
    assert KeyedBlake3([b"k" * 32]).sign(b"message").hex() == GOLDEN


def test_the_first_key_signs_and_every_key_is_believed():
    rotated = KeyedBlake3([NEW, OLD])
    assert rotated.believes(b"m", 1, KeyedBlake3([OLD]).sign(b"m"))
    assert rotated.believes(b"m", 1, rotated.sign(b"m"))
    assert KeyedBlake3([NEW]).believes(b"m", 1, rotated.sign(b"m"))
    assert not KeyedBlake3([OLD]).believes(b"m", 1, rotated.sign(b"m"))
    assert not rotated.believes(b"m", 1, KeyedBlake3([OTHER]).sign(b"m"))


@pytest.mark.parametrize("algorithm", [0, 2, 255])
def test_an_algorithm_that_is_not_known_is_not_believed(algorithm):
    keys = KeyedBlake3([NEW])
    assert not keys.believes(b"m", algorithm, keys.sign(b"m"))


def test_every_flipped_bit_of_a_signature_counts():
    keys = KeyedBlake3([NEW])
    signature = keys.sign(b"m")
    for position in range(len(signature)):
        for bit in range(8):
            forged = bytearray(signature)
            forged[position] ^= 1 << bit
            assert not keys.believes(b"m", 1, bytes(forged))
    assert not keys.believes(b"m", 1, b"")


def test_keys_are_equal_if_they_sign_and_believe_alike():
    assert KeyedBlake3([NEW, OLD]) == KeyedBlake3([NEW, OLD])
    assert hash(KeyedBlake3([NEW, OLD])) == hash(KeyedBlake3([NEW, OLD]))
    assert KeyedBlake3([NEW, OLD]) != KeyedBlake3([OLD, NEW])


def test_keys_do_not_travel_and_are_not_shown():
    keys = KeyedBlake3([b"canary-of-a-signing-key", OLD])
    assert repr(keys) == "<2 signing keys>"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="do not travel"):
            leave(keys)
