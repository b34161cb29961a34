"""Why a call is a hit or a miss, and what is said when its code changed."""

import logging
import os
import subprocess
import sys
import textwrap
from importlib import import_module, invalidate_caches
from itertools import count

import pytest

from mops import MemoizingPicklingRunner, use_runner
from mops.adapters.blob_stores.memory import MemoryBlobStore
from mops.api.worlds import world_of
from mops.core.blob_layout import memo_from_folder
from mops.core.claim import void
from mops.core.errors import StoreUnavailable
from mops.runtime.inline import drive
from mops.testing.fault_stores import CountingBlobStore

_numbers = count(1)

SAMPLE = """
    from threading import Lock

    TABLE = bytes(100_000)
    LOCK = Lock()

    class One(int):
        pass

    class Two(int):
        pass

    def helper(x):
        return x + 1

    def add(x, y=0):
        return helper(x) + y

    def fail(x):
        raise ValueError(f"{x} is refused")

    def opaque():
        return len(TABLE), LOCK.locked()
"""


@pytest.fixture
def store():
    return CountingBlobStore(MemoryBlobStore(f"explained-{next(_numbers)}"))


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write, or write anew, a module of a name of its own, and import it."""
    name = f"explained_{os.getpid()}_{next(_numbers)}"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write_and_import(*edit):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(SAMPLE).replace(*(edit or ("", ""))))
        invalidate_caches()
        sys.modules.pop(name, None)
        return import_module(name)

    yield write_and_import
    sys.modules.pop(name, None)


EDIT = ("return x + 1", "return 1 + x")


def decorated(store, function, **settings):
    return use_runner(MemoizingPicklingRunner(blob_root=store, **settings))(function)


def said(caplog):
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "mops"]


# ------------------------------------------------------------------------------------------------ said on a miss
def test_a_miss_says_once_which_definition_changed(store, load, caplog):
    caplog.set_level(logging.INFO)
    module = load()
    before = decorated(store, module.add)
    before(1), before(2)
    assert said(caplog) == []

    after = decorated(store, load(*EDIT).add)
    after(1), after(2), after(1)

    assert said(caplog) == [("INFO", f"{module.__name__}:add: computed anew because {module.__name__}:helper changed")]


def test_a_call_that_was_never_made_is_not_said_to_be_computed_anew(store, load, caplog):
    caplog.set_level(logging.INFO)
    module = load()
    decorated(store, module.add)(1)
    decorated(store, load(*EDIT).add)(5)

    name = module.__name__
    assert said(caplog) == [("INFO", f"{name}:add: its code is not the one of earlier calls: {name}:helper changed")]


def test_arguments_of_another_class_are_no_change_of_the_code(store, load, caplog):
    caplog.set_level(logging.INFO)
    module = load()
    before = decorated(store, module.add)
    before(module.One(1)), before(module.Two(1)), before(1)
    assert said(caplog) == []

    edited = load(*EDIT)
    decorated(store, edited.add)(edited.Two(5))
    name = module.__name__
    assert said(caplog) == [("INFO", f"{name}:add: its code is not the one of earlier calls: {name}:helper changed")]


def test_a_revert_and_a_hit_say_nothing(store, load, caplog):
    decorated(store, load().add)(1)
    decorated(store, load(*EDIT).add)(1)
    caplog.set_level(logging.INFO)

    decorated(store, load().add)(1)

    assert said(caplog) == []


def test_what_changed_costs_one_listing_where_somebody_listens_and_nothing_elsewhere(store, load, caplog):
    decorated(store, load().add)(1)
    caplog.set_level(logging.WARNING)
    silent = decorated(store, load(*EDIT).add)
    store.operations.clear()
    silent(1), silent(2)
    assert (store.count("list"), store.count()) == (0, 6)

    caplog.set_level(logging.INFO)
    heard = decorated(store, load("return x + 1", "return x + 1 + 0").add)
    store.operations.clear()
    heard(1), heard(2), heard(1)
    assert (store.count("list"), store.count()) == (1, 7 + 2)
    assert len(said(caplog)) == 1


def test_a_store_that_cannot_be_listed_fails_no_call(store, load, caplog, monkeypatch):
    decorated(store, load().add)(1)
    caplog.set_level(logging.INFO)

    def refuse(self, prefix="", /, *, after=""):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(CountingBlobStore, "list", refuse)

    assert decorated(store, load(*EDIT).add)(1) == 2
    assert said(caplog) == []


@pytest.mark.parametrize("damage", [b"", b"not an envelope"])
def test_an_earlier_claim_that_cannot_be_read_fails_no_call(store, load, caplog, damage):
    before = decorated(store, load().add)
    before(1)
    store.put(f"{before.memo_uri(1).removeprefix(store.uri + '/')}/e1", damage)
    caplog.set_level(logging.INFO)

    assert decorated(store, load(*EDIT).add)(1) == 2
    assert said(caplog) == []


def test_a_miss_imports_neither_logging_nor_explanations(tmp_path):
    program = (
        "import sys, mops\n"
        f"f = mops.use_runner(mops.MemoizingPicklingRunner(blob_root={str(tmp_path)!r}))(lambda: 1)\n"
        "f()\n"
        "print(sorted({'logging', 'mops.api.records.explanation', 'click', 'rich'} & set(sys.modules)))\n"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"


# ------------------------------------------------------------------------------------------------ said on a hit
def test_a_result_of_other_code_is_served_with_a_warning_that_names_what_changed(store, load, caplog):
    module = load()
    decorated(store, module.add, on_code_change="warn")(1)
    after = decorated(store, load(*EDIT).add, on_code_change="warn")

    assert [after(1), after(1), after.submit(1).result()] == [2, 2, 2]

    name = module.__name__
    text = f"{name}:add: served from the store, although its code changed since it was computed: {name}:helper changed"
    assert said(caplog) == [("WARNING", text)]


def test_a_submitted_hit_of_other_code_warns_too(store, load, caplog):
    decorated(store, load().add, on_code_change="warn")(1)

    assert decorated(store, load(*EDIT).add, on_code_change="warn").submit(1).result() == 2

    assert [(level, "helper changed" in text) for level, text in said(caplog)] == [("WARNING", True)]


def test_the_warning_costs_one_request_once(store, load, caplog):
    before = decorated(store, load().add, on_code_change="warn")
    before(1), before(2)
    after = decorated(store, load(*EDIT).add, on_code_change="warn")
    store.operations.clear()

    after(1), after(2), after(1)

    assert (store.count("get"), store.count()) == (4, 4)
    assert len(said(caplog)) == 1


def test_the_warning_does_without_the_names_where_the_claim_is_gone(store, load, caplog):
    before = decorated(store, load().add, on_code_change="warn")
    before(1)
    store.delete(f"{before.memo_uri(1).removeprefix(store.uri + '/')}/e1")

    assert decorated(store, load(*EDIT).add, on_code_change="warn")(1) == 2

    assert [text.partition(": ")[2] for _, text in said(caplog)] == [
        "served from the store, although its code changed since it was computed"
    ]


def test_the_policy_to_ignore_says_nothing(store, load, caplog):
    caplog.set_level(logging.INFO)
    decorated(store, load().add, on_code_change="ignore")(1)
    decorated(store, load(*EDIT).add, on_code_change="ignore")(1)
    decorated(store, load(*EDIT).add, on_code_change="ignore")(2)

    assert said(caplog) == []


# ------------------------------------------------------------------------------------------------ explain
def test_explain_says_that_nothing_like_it_is_stored(store, load):
    add = decorated(store, load().add, pipeline_id="daily")

    explanation = add.explain(1)

    assert not explanation.hit
    assert explanation.reason == f"no call of {add.__module__}:add is stored in pipeline daily"
    assert explanation.memo_uri == add.memo_uri(1)
    assert add.peek(1) is None


def test_explain_says_who_computed_a_hit(store, load):
    add = decorated(store, load().add)
    add(1)

    explanation = add.explain(1)

    assert explanation.hit
    assert explanation.reason.startswith("computed by ")
    assert explanation.differences == ()
    assert str(explanation).startswith("hit: computed by ")


def test_explain_names_the_argument_or_the_definition_that_makes_a_miss(store, load):
    add = decorated(store, load().add)
    add(1, y=2)

    assert add.explain(1, y=3).differences == ("argument y: 2 -> 3",)
    assert add.explain(1, y=3).reason == f"the nearest call that is stored is {add.memo_uri(1, y=2)}"
    edited = decorated(store, load(*EDIT).add)
    assert edited.explain(1, y=2).differences == (f"{add.__module__}:helper changed",)


def test_explain_names_what_changed_where_the_change_does_not_count(store, load):
    decorated(store, load().add, on_code_change="warn")(1)
    edited = decorated(store, load(*EDIT).add, on_code_change="warn")

    explanation = edited.explain(1)

    assert explanation.hit
    assert explanation.differences == (f"{edited.__module__}:helper changed",)


def test_explain_tells_of_an_attempt_that_failed_and_of_a_result_that_was_voided(store, load):
    module = load()
    add, fail = decorated(store, module.add), decorated(store, module.fail)
    add(1)
    drive(void(memo_from_folder(add.memo_uri(1).removeprefix(store.uri + "/")), 0, 0), world_of(store, 10.0).perform)
    with pytest.raises(ValueError, match="refused"):
        fail(7)

    assert fail.explain(7).reason == "no result stands: its last attempt failed with ValueError: 7 is refused"
    assert add.explain(1).reason == "no result stands: its result was voided"
    assert not add.explain(1).hit


def test_explain_tells_of_a_result_that_cannot_be_read_and_leaves_it(store, load):
    add = decorated(store, load().add)
    add(1)
    key = f"{add.memo_uri(1).removeprefix(store.uri + '/')}/r0"
    store.put(key, b"damaged")

    explanation = add.explain(1)

    assert not explanation.hit
    assert explanation.reason.startswith("what is stored cannot be read: ")
    assert store.get(key) == b"damaged"


def test_explain_tells_of_a_call_that_is_running(store, load, monkeypatch):
    module = load()
    add = decorated(store, module.add)
    reasons = []
    monkeypatch.setattr(module, "helper", lambda x: reasons.append(add.explain(x).reason) or x)

    add(1)

    assert len(reasons) == 1
    assert reasons[0].startswith("it is being computed, by ")


def test_explain_names_the_constants_whose_change_is_not_noticed(store, load):
    opaque = decorated(store, load().opaque)

    names = {f"{opaque.__module__}:TABLE", f"{opaque.__module__}:LOCK"}
    assert set(opaque.explain().opaque) == names
    assert all(name in str(opaque.explain()) for name in names)


def test_explain_writes_nothing(store, load):
    add = decorated(store, load().add)
    add(1)
    store.operations.clear()

    add.explain(1), add.explain(2)

    assert store.count("get") + store.count("list") == store.count()
