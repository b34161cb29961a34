"""Signatures by shared keys: whom they convince, and what they never show."""

import copy
import hashlib
import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.adapters.signatures import HmacSha512

OLD, NEW, OTHER = b"old key", b"new key", b"other key"


@given(st.binary(), st.binary())
def test_one_message_convinces_of_no_other(message, other):
    keys = HmacSha512([NEW])
    signature = keys.sign(message)
    assert keys.believes(message, 1, signature)
    assert keys.believes(other, 1, signature) == (message == other)


def test_equal_messages_have_equal_signatures_that_fill_their_place():
    assert HmacSha512([NEW]).sign(b"m") == HmacSha512([NEW, OLD]).sign(b"m")
    assert len(HmacSha512([NEW]).sign(b"m")) == 64


def test_the_signature_stays_what_it_is():
    """What was signed once has to be believed by every later version, and is what any other HMAC-SHA-512 gives."""
    golden = hmac.new(b"k" * 32, b"mops-run 2026-11 signatures of stored records\0message", hashlib.sha512)
    assert HmacSha512([b"k" * 32]).sign(b"message") == golden.digest()


def test_the_first_key_signs_and_every_key_is_believed():
    rotated = HmacSha512([NEW, OLD])
    assert rotated.believes(b"m", 1, HmacSha512([OLD]).sign(b"m"))
    assert rotated.believes(b"m", 1, rotated.sign(b"m"))
    assert HmacSha512([NEW]).believes(b"m", 1, rotated.sign(b"m"))
    assert not HmacSha512([OLD]).believes(b"m", 1, rotated.sign(b"m"))
    assert not rotated.believes(b"m", 1, HmacSha512([OTHER]).sign(b"m"))


@pytest.mark.parametrize("algorithm", [0, 2, 255])
def test_an_algorithm_that_is_not_known_is_not_believed(algorithm):
    keys = HmacSha512([NEW])
    assert not keys.believes(b"m", algorithm, keys.sign(b"m"))


def test_every_flipped_bit_of_a_signature_counts():
    keys = HmacSha512([NEW])
    signature = keys.sign(b"m")
    for position in range(len(signature)):
        for bit in range(8):
            forged = bytearray(signature)
            forged[position] ^= 1 << bit
            assert not keys.believes(b"m", 1, bytes(forged))
    assert not keys.believes(b"m", 1, b"")


def test_keys_are_equal_if_they_sign_and_believe_alike():
    assert HmacSha512([NEW, OLD]) == HmacSha512([NEW, OLD])
    assert hash(HmacSha512([NEW, OLD])) == hash(HmacSha512([NEW, OLD]))
    assert HmacSha512([NEW, OLD]) != HmacSha512([OLD, NEW])


def test_keys_do_not_travel_and_are_not_shown():
    keys = HmacSha512([b"canary-of-a-signing-key", OLD])
    assert repr(keys) == "<2 signing keys>"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="do not travel"):
            leave(keys)
