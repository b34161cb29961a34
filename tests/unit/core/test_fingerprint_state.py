"""Objects of the author's that are constants: rebinding an attribute counts, unless it is the object's own business."""

import pytest

from tests.unit.core.sample_code import make_fingerprinter

RATED = {
    "plain": "class C:\n    def __init__(self): self.rate = 1; self.other = 1\n",
    "attrs": "import attrs\n@attrs.define\nclass C:\n    rate: int = 1\n    other: int = 1\n",
    "slots": "import dataclasses as d\n@d.dataclass(slots=True)\nclass C:\n    rate: int = 1\n    other: int = 1\n",
    "class-attribute": "class C:\n    rate = 1\n    other = 1\n",
    "property": (
        "class C:\n"
        "    def __init__(self): self._rate = 1\n"
        "    def _set(self, rate): self._rate = rate\n"
        "    rate = property(lambda self: self._rate, _set)\n"
    ),
    "slots-and-property": (
        "class C:\n"
        "    __slots__ = ('_rate', 'unset')\n"
        "    def __init__(self): self._rate = 1\n"
        "    @property\n"
        "    def rate(self): return self._rate\n"
        "    @rate.setter\n"
        "    def rate(self, rate): self._rate = rate\n"
    ),
    "slots-and-getattr": (
        "class C:\n"
        "    __slots__ = ('_rate',)\n"
        "    def __init__(self): self._rate = [1]\n"
        "    def __getattr__(self, name): raise AttributeError(name)\n"
        "    rate = property(lambda self: self._rate[0])\n"
    ),
}


def take(sample, text):
    sample.write("main", text)
    module, fingerprinter = sample.module(), make_fingerprinter()
    return module, lambda: fingerprinter.of(module.f)


@pytest.mark.parametrize("how", ["CFG.rate", "read(CFG)", "(lambda c=CFG: c.rate)()", "HELD[0].rate"])
@pytest.mark.parametrize("kind", RATED.keys() - {"slots-and-getattr"})
def test_a_rebound_attribute_is_another_constant_and_back_again(sample, kind, how):
    text = f"{RATED[kind]}CFG = C()\nHELD = [CFG]\ndef read(c): return c.rate\ndef f(): return {how}\n"
    module, fingerprint = take(sample, text)
    before = fingerprint()
    assert module.f() == 1
    assert before.unchanged()
    module.CFG.rate = 2
    assert not before.unchanged()
    after = fingerprint()
    assert after.digest != before.digest
    assert module.f() == 2
    assert after.unchanged()
    module.CFG.rate = 1
    assert not after.unchanged()
    if kind != "class-attribute":  # there, the object has an attribute more than before
        assert fingerprint().digest == before.digest


@pytest.mark.parametrize("kind", ["plain", "attrs", "slots"])
def test_another_attribute_than_the_one_that_is_named_does_not_count(sample, kind):
    module, fingerprint = take(sample, f"{RATED[kind]}CFG = C()\ndef f(): return CFG.rate\n")
    before = fingerprint()
    module.CFG.other = 2
    assert before.unchanged()


def test_slots_that_a_class_reads_in_its_own_way_are_left_alone(sample):
    text = f"{RATED['slots-and-getattr']}CFG = C()\ndef f(): return CFG.rate, CFG._rate\n"
    module, fingerprint = take(sample, text)
    before = fingerprint()
    del module.CFG._rate
    assert before.unchanged()


def test_a_slot_that_is_filled_later_is_noticed(sample):
    text = "class C:\n    __slots__ = ('rate',)\n    def get(self): return getattr(self, 'rate', 1)\n"
    module, fingerprint = take(sample, f"{text}CFG = C()\ndef f(): return CFG.get() or CFG.rate\n")
    before = fingerprint()
    module.CFG.rate = 2
    assert not before.unchanged()
    assert fingerprint().digest != before.digest


def test_an_attribute_that_is_added_is_noticed(sample):
    text = "class C:\n    def get(self): return vars(self).get('rate', 1)\nCFG = C()\ndef f(): return CFG.get()\n"
    module, fingerprint = take(sample, text)
    before = fingerprint()
    module.CFG.rate = 2
    assert not before.unchanged()
    assert fingerprint().digest != before.digest


LAZY = """\
import functools
class Client:
    def __init__(self): self.host, self.calls, self._connection = "here", 0, None
    def _connect(self):
        if self._connection is None: self._connection = [1]
    @functools.lru_cache
    def ask(self): self.calls += 1; self._connect(); return self.host
    def move(self, host): self.host = host
CLIENT = Client()
def f(): return CLIENT.ask()
"""


def test_what_a_called_method_assigns_is_the_objects_own_business(sample):
    module, fingerprint = take(sample, LAZY)
    before = fingerprint()
    module.f()
    assert (module.CLIENT.calls, module.CLIENT._connection) == (1, [1])
    assert before.unchanged()
    assert fingerprint().digest == before.digest


def test_what_a_method_assigns_that_the_program_calls_counts(sample):
    module, fingerprint = take(sample, LAZY)
    before = fingerprint()
    module.CLIENT.move("there")
    assert not before.unchanged()
    assert fingerprint().digest != before.digest


def test_a_cached_property_that_gets_its_value_changes_no_digest(sample):
    text = "import functools\nclass C:\n    @functools.cached_property\n    def rate(self): return 1\n"
    module, fingerprint = take(sample, f"{text}CFG = C()\ndef f(): return CFG.rate\n")
    before = fingerprint()
    module.f()
    after = fingerprint()
    assert after.digest == before.digest
    assert after.unchanged()


def test_no_more_than_a_hundred_objects_of_a_constant_are_looked_at(sample):
    text = "class C:\n    def __init__(self): self.rate = 1\nALL = [C() for _ in range(150)]\ndef f(): return ALL\n"
    module, fingerprint = take(sample, text)
    before = fingerprint()
    module.ALL[120].rate = 2
    assert before.unchanged()
    module.ALL[99].rate = 2
    assert not before.unchanged()


# ------------------------------------------------------------------------------------------------ globals that are set
GETTER = "_cfg = None\ndef get():\n    global _cfg\n    if _cfg is None: _cfg = 3\n    return _cfg\n"


@pytest.mark.parametrize(
    "setter",
    [
        pytest.param("def set_cfg(x):\n    global _cfg\n    _cfg = x\n", id="function"),
        pytest.param("class S:\n    @staticmethod\n    def set(x):\n        global _cfg\n        _cfg = x\n"
                     "set_cfg = S.set\n", id="method"),
        pytest.param("def set_cfg(x):\n    global _cfg\n    _cfg = x or None\n", id="or-none"),
        pytest.param("def set_cfg(x):\n    global _cfg\n    _cfg = x if x else None\n", id="else-none"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("use", ["get()", "_cfg"])
def test_a_global_counts_that_code_assigns_which_the_function_does_not_reach(sample, setter, use):
    module, fingerprint = take(sample, f"{GETTER}{setter}def f(): return {use}\n")
    before = fingerprint()
    module.set_cfg(5)
    assert not before.unchanged()
    assert fingerprint().digest != before.digest


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("def reset():\n    global _cfg\n    _cfg = None\n", id="reset"),
        pytest.param("def show():\n    print(_cfg)\n", id="reader"),
        pytest.param("from sample.tools import set_cfg\n", id="of-another-module"),
    ],
)
def test_a_global_that_nobody_else_fills_counts_by_its_first_value(sample, other):
    sample.write("tools", "_cfg = 1\ndef set_cfg(x):\n    global _cfg\n    _cfg = x\n")
    module, fingerprint = take(sample, f"{GETTER}{other}def f(): return get()\n")
    before = fingerprint()
    assert module.f() == 3
    assert before.unchanged()
    assert fingerprint().digest == before.digest
