import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mops.core.blob_key import is_key
from mops.core.blob_layout import (
    claim_slot,
    content_key,
    decode_segment,
    describe_folder,
    encode_file_name,
    encode_pipeline,
    encode_segment,
    function_folder,
    is_lasting,
    is_result,
    log_slot,
    memo_folder,
    memo_from_folder,
    output_folder,
    output_key,
    result_slot,
    session_key,
    session_owner,
)
from mops.core.errors import InvalidKey

DIGEST = "ab" * 32
TEXT = st.text(max_size=200) | st.text("aA-.=_/ ", max_size=40)


def test_slots_and_keys_are_frozen():
    assert (result_slot(0), claim_slot(1), log_slot(1, 2)) == ("r0", "e1", "e1.2")
    assert content_key(bytes.fromhex(DIGEST)) == f"mops1/blob/ab/{DIGEST}"
    assert session_key("s") == "mops1/session/s"
    assert len(session_owner("s")) == 32


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("plain_text.v1", "plain_text.v1"),
        ("a-b", "a-b"),
        ("a--b", "a-=2db"),
        ("UPPER", "=55=50=50=45=52"),
        ("with space/slash", "with=20space=2fslash"),
        ("", "=e"),
        (".", "=2e"),
        ("..", "=2e=2e"),
        ("=h", "=3dh"),
        ("ü", "=c3=bc"),
    ],
)
def test_what_users_type_is_encoded_as_frozen(text, encoded):
    assert encode_segment(text) == encoded
    assert decode_segment(encoded) == text


@given(TEXT, TEXT)
@example("a" * 300, "a" * 301)
def test_different_texts_have_different_segments(one, other):
    assert (encode_segment(one) == encode_segment(other)) == (one == other)


@given(TEXT)
def test_every_segment_is_a_key_without_a_double_dash(text):
    encoded = encode_segment(text)
    assert is_key(encoded)
    assert "--" not in encoded
    assert decode_segment(encoded) == text or decode_segment(encoded).endswith("...")


@given(st.text(max_size=400), st.text(max_size=300), st.text(max_size=300), st.none() | st.text(max_size=200))
@example("p", "a" * 29 + "é" * 60, "q" * 90, None)
def test_every_folder_of_a_memo_is_a_key_that_can_be_described(pipeline, module, qualname, logic_key):
    folder = memo_folder(function_folder(pipeline, module, qualname, logic_key), None, DIGEST)
    assert is_key(f"{folder}/e1000.1000")
    assert memo_from_folder(folder).digest.hex() == DIGEST
    assert ":" in describe_folder(folder)[1]


def test_a_folder_says_what_it_is_of():
    folder = memo_folder(function_folder("team/run 1", "pkg.mod", "Cls.f", "v2"), None, DIGEST)
    assert folder == f"mops1/memo/team/run=201/pkg.mod--=43ls.f@v2/any/{DIGEST}"
    assert describe_folder(folder) == ("team/run 1", "pkg.mod:Cls.f", "v2")
    plain = memo_folder(function_folder("default", "m", "f", None), "cd" * 32, DIGEST)
    assert describe_folder(plain) == ("default", "m:f", None)


def test_a_long_pipeline_id_is_one_segment():
    assert encode_pipeline("a/b") == "a/b"
    assert encode_pipeline("a//b") == "a/=e/b"
    assert "/" not in encode_pipeline("/".join(["part"] * 100))


@pytest.mark.parametrize(
    "folder",
    [
        "",
        f"mops1/memo/{DIGEST}",
        f"mops1/memo/default/m--f/any/{DIGEST[:-2]}",
        "mops1/memo/default/m--f/any/not-hexadecimal",
        f"mops1/memo/default/m-f/any/{DIGEST}",
        f"other/memo/default/m--f/any/{DIGEST}",
    ],
)
def test_what_is_no_memo_is_refused(folder):
    with pytest.raises(InvalidKey, match="not the folder of a memo"):
        memo_from_folder(folder)


def test_the_files_of_a_run_lie_beside_those_of_other_runs_of_the_call():
    folder = memo_folder(function_folder("team/run 1", "pkg.mod", "f", "v2"), "cd" * 32, DIGEST)
    assert output_folder(folder, "r") == f"mops1/out/team/run=201/pkg.mod--f@v2/{DIGEST}/r"


@pytest.mark.parametrize(
    ("path", "number", "key"),
    [
        ("a.csv", 1, "out/a.csv"),
        ("sub/./Ä b.csv", 1, "out/sub/=c3=84=20b.csv"),
        ("../x", 1, "out/=2e=2e/x"),
        ("", 1, "out/output"),
        ("a.csv", 2, "out/=2/a.csv"),
        ("/".join(["long" * 20] * 20) + "/a.csv", 1, "out/a.csv"),
    ],
)
def test_the_path_of_an_output_is_kept(path, number, key):
    assert output_key("out", path, number) == key


@given(st.text(max_size=600))
@example("ä" * 200 + ".csv")
@example("a-" * 200 + "-.parquet")
@example("é." + "ü" * 100)
@example("." * 300)
def test_a_file_name_of_any_length_is_one_part_of_a_key(name):
    assert is_key(encode_file_name(name))


def test_a_long_file_name_keeps_its_suffix_and_is_still_told_from_others():
    one, other = encode_file_name("ä" * 200 + "1.csv"), encode_file_name("ä" * 200 + "2.csv")
    assert one.endswith(".csv")
    assert other.endswith(".csv")
    assert one != other
    assert not encode_file_name("ä" * 200 + "." + "b" * 30).endswith("b" * 30)


@given(
    st.text(max_size=120), st.text(max_size=350), st.text(max_size=300), st.text(max_size=400), st.integers(1, 10**6)
)
def test_every_output_has_a_key(pipeline, qualname, logic_key, path, number):
    folder = memo_folder(function_folder(pipeline, "m", qualname, logic_key), None, DIGEST)
    assert is_key(output_key(output_folder(folder, "0" * 16), path, number))


@pytest.mark.parametrize(
    ("key", "result", "lasting"),
    [
        ("mops1/memo/default/m--f/any/00/r0", True, True),
        ("mops1/memo/default/m--f/any/00/r12", True, True),
        ("mops1/memo/default/m--f/any/00/r", False, False),
        ("mops1/memo/default/m--f/any/00/r0.out", False, False),
        ("mops1/memo/default/m--f/any/00/e1", False, False),
        ("mops1/memo/default/r0/any/00/e1.1", False, False),
        ("mops1/blob/00/r0", False, True),
        ("mops1/out/default/m--f/00/run/a.csv", False, True),
        ("mops1/session/r0", False, False),
        ("mops1/batch/r0", False, False),
        ("mops2/memo/default/m--f/any/00/r0", False, False),
        ("r0", False, False),
    ],
)
def test_results_and_what_they_refer_to_are_told_from_who_runs_what(key, result, lasting):
    assert (is_result(key), is_lasting(key)) == (result, lasting)
