"""Annotations of classes are behaviour wherever something reads them, so they count; those of functions do not."""

import pytest

from tests.unit.core.sample_code import named_difference, reached

PYDANTIC = """\
import pydantic
from typing import Annotated, Literal, Optional
class B(pydantic.BaseModel):
    v: int = 1
class Kind(pydantic.BaseModel):
    w: int = 10
class M(pydantic.BaseModel):
    a: int
    mode: Literal["x"] = "x"
    some: Annotated[int, pydantic.Field(gt=3)] = 4
    b: "Optional[list[B]]" = None
    kinds: dict[str, Kind | None] = {}
def f(x):
    return M.model_validate(x)
"""


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("a: int\n", "a: float\n", "sample.main:M", id="another-type"),
        pytest.param("a: int\n", "a: int | None\n", "sample.main:M", id="optional"),
        pytest.param('Literal["x"]', 'Literal["x", "y"]', "sample.main:M", id="literal"),
        pytest.param("v: int = 1", "v: int = 2", "sample.main:B.v (field)", id="nested-default"),
        pytest.param("v: int", "v: float", "sample.main:B", id="nested-type"),
        pytest.param("w: int", "w: str", "sample.main:Kind", id="type-of-a-model-in-a-union-in-a-dict"),
    ],
)
def test_the_types_of_a_models_fields_count_and_the_models_that_they_name(sample, old, new, named):
    assert named in named_difference(sample, PYDANTIC, old, new)


def test_what_is_annotated_beside_the_type_counts(sample):
    assert named_difference(sample, PYDANTIC, "gt=3", "gt=2") != ()


CLASSES = """\
class B:
    v = 1
Rows = list[B]
{decorator}
class M{base}:
    a: int
    b: "B"
    c: Rows
def f(x):
    return M
"""


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
@pytest.mark.parametrize(
    ("module", "decorator", "base"),
    [
        ("dataclasses", "@dataclasses.dataclass", ""),
        ("attrs", "@attrs.define", ""),
        ("typing", "", "(typing.NamedTuple)"),
        ("typing", "", "(typing.TypedDict)"),
        ("typing", "", "(typing.Protocol)"),
        ("typing", "", ""),
    ],
)
def test_annotations_of_every_kind_of_class_count(sample, future, module, decorator, base):
    text = f"{future}import {module}\n" + CLASSES.format(decorator=decorator, base=base)
    assert "sample.main:M" in named_difference(sample, text, "a: int", "a: float")
    assert named_difference(sample, text, "v = 1", "v = 2") == ("sample.main:B.v",)


@pytest.mark.parametrize(
    ("annotation", "other"),
    [
        ("int", "bool"),
        ("'int'", "'float'"),
        ("list[int]", "list[str]"),
        ("int | None", "int | str"),
        ("typing.Union[int, None]", "typing.Union[int, str]"),
        ("typing.List['tools.B']", "typing.List['tools.A']"),
        ("typing.Literal[1]", "typing.Literal[True]"),
        ("typing.Literal['B']", "typing.Literal['A']"),
        ("typing.Annotated[int, 1]", "typing.Annotated[int, 2]"),
        ("typing.Callable[[int], str]", "typing.Callable[[str], str]"),
        ("typing.Callable[..., str]", "typing.Callable[[], str]"),
        ("typing.Any", "typing.Hashable"),
        ("typing.ClassVar", "typing.Final"),
        ("typing.TypeVar('T')", "typing.TypeVar('S')"),
        ("typing.NewType('N', int)", "typing.NewType('N', str)"),
        ("dataclasses.InitVar[int]", "dataclasses.InitVar[str]"),
        ("'tools.missing'", "'tools.also_missing'"),
        ("None", "..."),
        ("[int]", "[str]"),
        ("3", "4"),
    ],
)
def test_two_annotations_are_a_difference_and_one_is_none(sample, annotation, other):
    sample.write("tools", "class A: pass\nclass B: pass\n")
    text = f"import dataclasses, typing\nfrom sample import tools\nclass M:\n    a: {annotation}\ndef f(): return M\n"
    before = reached(sample, text)
    assert reached(sample, text).table == before.table
    assert reached(sample, text.replace(f"a: {annotation}", f"a: {other}")).digest != before.digest


def test_a_class_is_reached_through_whatever_names_it(sample):
    sample.write("tools", "class A:\n    v = 1\n")
    text = "import typing\nfrom sample import tools\nclass M:\n    a: {}\ndef f(): return M\n"
    for annotation in (
        "tools.A",
        "'tools.A'",
        "'list[\"tools.A\"]'",
        "typing.Optional[typing.List[tools.A]]",
        "typing.Annotated[tools.A, 1]",
        "typing.Annotated[int, tools.A()]",
        "typing.NewType('N', tools.A)",
        "typing.Literal[1, None] | tools.A",
    ):
        assert "sample.tools:A.v" in reached(sample, text.format(annotation)).table


def test_annotations_that_refer_to_themselves_are_described(sample):
    text = "Loop = list[int]\nclass M:\n    a: 'Loop'\n    b: 'M'\nLoop = list['Loop']\ndef f(): return M\n"
    fingerprint = reached(sample, text)
    assert reached(sample, text).table == fingerprint.table


def test_resolved_types_count_where_a_library_made_the_class_without_a_body(sample):
    text = (
        "import attrs, pydantic\n"
        "class B:\n    v = 1\n"
        "A = attrs.make_class('A', {'a': attrs.field(type=B)})\n"
        "P = pydantic.create_model('P', a=(int, 1))\n"
        "def f(): return A, P\n"
    )
    assert named_difference(sample, text, "v = 1", "v = 2") == ("sample.main:B.v",)
    assert "sample.main:P" in named_difference(sample, text, "(int, 1)", "(float, 1)")


def test_annotations_of_functions_do_not_count(sample):
    text = "class M:\n    def g(self, x: int) -> int: return x\ndef f(x: int) -> int: return M().g(x)\n"
    assert named_difference(sample, text, "def g(self, x: int) -> int", "def g(self, x: float) -> str") == ()


def test_a_class_whose_module_is_gone_is_described_without_its_names(sample):
    sample.write("main", "class M:\n    a: 'B'\nclass B: pass\ndef f(): return M\nM.__module__ = 'sample.gone'\n")
    assert "sample.gone:M" in sample.fingerprint().table
