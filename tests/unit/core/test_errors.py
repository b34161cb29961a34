"""The tree of errors: as drawn, and able to cross processes."""

import pickle
import re
import subprocess
import sys

import pytest

from mops.core import errors
from mops.core.errors import MopsError, RemoteCrashed, StoreError, UnkeyableArgumentError

ERRORS = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, MopsError)]


def drawn_parents() -> dict[str, str]:
    """Child to parent, as the docstring of the module draws them."""
    parents: dict[str, str] = {}
    branch = ["MopsError"]
    for bars, name in re.findall(r"^ {4}((?:[│ ] {3})*[├└]── )(\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(bars) // 4
        parents[name] = branch[depth - 1]
        branch[depth:] = [name]
    return parents


def test_the_drawn_tree_is_the_real_one():
    drawn = drawn_parents()

    # StoreError cuts across the tree: it is what adapters may raise, not something that the reader does next
    assert set(drawn) | {"MopsError", "StoreError"} == {error.__name__ for error in ERRORS}
    for child, parent in drawn.items():
        direct = {base.__name__ for base in getattr(errors, child).__bases__}
        assert parent in direct, f"{child} is drawn below {parent}, but its bases are {direct}"


def test_each_store_error_says_what_to_do_next():
    for error in ERRORS:
        if issubclass(error, StoreError) and error is not StoreError:
            assert issubclass(error, errors.SetupError | errors.TransientError | errors.DefectError), error


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_survives_pickling(error: type[MopsError], protocol: int):
    original = error("something happened", function="pkg.mod:f", memo_uri="file:///root/memo", advice="do this")
    for name in vars(original):
        if name not in {"function", "memo_uri", "advice"}:
            setattr(original, name, f"value of {name}")

    copy = pickle.loads(pickle.dumps(original, protocol))

    assert type(copy) is error
    assert vars(copy) == vars(original)
    assert copy.args == original.args
    assert str(copy) == str(original)


def test_an_error_crosses_into_another_process():
    original = RemoteCrashed("killed", exit_code=-9, function="pkg.mod:f")
    program = "import pickle, sys; e = pickle.load(sys.stdin.buffer); print(type(e).__name__, e.exit_code, e.function)"

    answer = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(original), capture_output=True, check=True
    )

    assert answer.stdout.split() == [b"RemoteCrashed", b"-9", b"pkg.mod:f"]


def test_the_text_names_call_memo_and_advice():
    error = UnkeyableArgumentError("a lock has no value", path="cfg.lock", function="pkg.mod:f", memo_uri="file:///m")

    assert str(error).splitlines() == [
        "a lock has no value",
        "  function: pkg.mod:f",
        "  memo: file:///m",
        f"  to do: {UnkeyableArgumentError.advice}",
    ]


def test_a_bare_error_shows_its_message_alone():
    assert str(MopsError("that")) == "that"


def test_about_names_a_call_once():
    error = MopsError("that")

    assert error.about("first", "uri") is error
    error.about("second", "other")

    assert (error.function, error.memo_uri) == ("first", "uri")
