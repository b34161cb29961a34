"""Output is kept from its beginning and its end, and what is between them is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.core.blob_layout import memo_from_folder
from mops.core.envelope import END, seal
from mops.core.errors import CorruptBlob
from mops.core.kept_output import HEAD, TAIL, KeptOutput, read_output
from tests.unit.core.desk import MEMO


def kept(*pieces: bytes) -> KeptOutput:
    output = KeptOutput()
    for piece in pieces:
        output.add(piece)
    return output


def stored(output: KeptOutput) -> KeptOutput:
    return read_output(MEMO, 3, b"".join(output.parts(MEMO, 3, 12.5)))


def test_short_output_is_kept_whole():
    output = kept(b"one\n", b"", b"two\n")
    assert output.after(0) == b"one\ntwo\n"
    assert (output.printed, output.left_out) == (8, 0)


def test_long_output_keeps_its_beginning_and_its_end_and_says_what_is_between():
    output = kept(b"a" * HEAD, b"b" * 1000, b"c" * TAIL)
    assert output.after(0) == b"a" * HEAD + b"\n[1000 bytes are left out here]\n" + b"c" * TAIL
    assert (output.printed, output.left_out) == (HEAD + 1000 + TAIL, 1000)


@given(st.lists(st.integers(0, 3 * HEAD), max_size=12), st.integers(0, 4 * TAIL))
def test_what_comes_after_a_position_follows_on_what_was_there_before(sizes, position):
    text = b"".join(bytes([index]) * size for index, size in enumerate(sizes))
    output = kept(*(bytes([index]) * size for index, size in enumerate(sizes)))
    assert output.printed == len(text)
    head, tail_from = text[:HEAD], max(HEAD, len(text) - TAIL)
    missing = tail_from - max(HEAD, position)
    note = b"\n[%d bytes are left out here]\n" % missing if tail_from > HEAD and missing > 0 else b""
    assert output.after(position) == head[position:] + note + text[max(tail_from, position) :]


def test_what_is_stored_goes_on_where_it_ended():
    output = stored(kept(b"a" * HEAD, b"b" * 1000, b"c" * TAIL))
    output.add(b"d" * 10)
    assert output.after(0) == b"a" * HEAD + b"\n[1010 bytes are left out here]\n" + b"c" * (TAIL - 10) + b"d" * 10
    assert stored(KeptOutput()).after(0) == b""


def test_the_last_lines_are_the_last_lines():
    assert kept(b"one\ntw", b"o\nthree").last_lines(2) == b"two\nthree"


def test_what_belongs_to_another_epoch_or_is_something_else_is_refused():
    data = b"".join(kept(b"printed").parts(MEMO, 3, 12.5))
    with pytest.raises(CorruptBlob, match="another key"):
        read_output(MEMO, 4, data)
    with pytest.raises(CorruptBlob, match="another key"):
        read_output(memo_from_folder("mops1/memo/default/m--f/any/" + "5b" * 32), 3, data)
    for header in (b"{}", b'{"left_out":0}'):
        other = b"".join(seal(END, owner=MEMO.digest, slot="e3.out", header=header))
        with pytest.raises(CorruptBlob, match="not what a remote printed"):
            read_output(MEMO, 3, other)
