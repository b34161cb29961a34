"""What is loaded when, and how large the pieces are."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import pytest

import mops

LONGEST_FUNCTION = 50  # lines, docstring apart
LONGEST_MODULE = 400
FULL_LINE = 90  # columns: what follows goes on with its paragraph

SDKS = {"numpy", "pandas", "polars", "pyarrow", "pydantic", "cloudpickle", "azure", "obstore", "docker", "kubernetes"}
FOR_PEOPLE = {"click", "rich"}
TEST_TOOLS = {"pytest", "hypothesis", "mops.testing"}
SLOW = {"inspect", "logging", "importlib.metadata", "subprocess", "concurrent.futures"}

PACKAGE = Path(mops.__file__).parent
TOUCHING = {"open", "print", "input", "__import__", "breakpoint", "exit", "quit"}

CORE = sorted((PACKAGE / "core").rglob("*.py"))
MODULES = sorted(PACKAGE.rglob("*.py"))


def loaded_by(program: str) -> set[str]:
    """The modules that a program loads in a fresh interpreter, beyond what an empty one has."""
    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*(set(sys.modules) - before))",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(answer.stdout.split())


def test_importing_mops_loads_no_sdk_no_test_tool_and_nothing_slow():
    loaded = loaded_by("import mops")

    assert "mops" in loaded
    assert not loaded & (SDKS | FOR_PEOPLE | TEST_TOOLS | SLOW)


@pytest.mark.skipif("MOPS_TEST_WHEEL" not in os.environ, reason="these tests run on the source tree")
def test_these_tests_run_against_the_installed_wheel():
    assert PACKAGE.parent.name == "site-packages"
    assert not (Path.cwd() / "mops").exists()


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_and_functions_stay_small(path: Path):
    source = path.read_text()

    assert source.count("\n") <= LONGEST_MODULE
    too_long = {f.name: length(f) for f in functions(ast.parse(source)) if length(f) > LONGEST_FUNCTION}
    assert not too_long


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_leave_no_word_or_two_alone_on_a_line(path: Path):
    alone = [
        line.strip()
        for before, line, after in zip(*[lines_of_docstrings(path)[skipped:] for skipped in range(3)], strict=False)
        if len(before) > FULL_LINE and re.fullmatch(r"\s*\w+,?( \w+,?){0,2}", line) and after.strip()
    ]
    assert not alone


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_core_calls_no_built_in_that_touches_the_world(path: Path):
    names = {node.func.id for node in ast.walk(ast.parse(path.read_text())) if is_call_by_name(node)}

    assert not names & TOUCHING


def lines_of_docstrings(path: Path) -> list[str]:
    """The lines of all texts that stand by themselves, each text ended by an empty one."""
    texts = [
        node.value.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return [line for text in texts for line in (*text.splitlines(), "")]


def is_call_by_name(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, without the docstring: a contract may be as long as it has to be."""
    first = function.body[0]
    docstring = first if ast.get_docstring(function, clean=False) is not None else None
    lines = (function.end_lineno or 0) - function.lineno + 1
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0)
