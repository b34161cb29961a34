"""The documentation is true: its code runs and prints what stands there, its links lead somewhere, its tests exist.

A page is run from top to bottom, in a folder of its own and with a blob root of its own. What runs is

- a ``python`` block: in the one process of the page; a ``text`` block right below it is what it prints;
- a ``python`` block that begins with ``# name.py``: it is written to that file;
- a ``console`` block: what follows ``$`` is given to a POSIX shell, and the lines below are what it prints.

``...`` stands for any text. Other blocks (``sh``, ``toml``, ``text`` elsewhere) are for reading alone.
"""

import doctest
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

import mops

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")] + sorted(PROJECT.glob("docs/**/*.md"))
CODE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)*)`")
CONTRACT = re.compile(r"contract `([^`]+)`")
MARK = "\x1e"


class Step(NamedTuple):
    """What the process of a page does next, and what it is to print."""

    code: str
    output: str


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def steps_of(page: Path) -> list[Step]:
    text = page.read_text()
    blocks = list(CODE.finditer(text))
    steps = []
    for index, block in enumerate(blocks):
        language, content = block.groups()
        if language == "console":
            steps += [Step(run_command(command), output) for command, output in commands_of(content)]
        elif language == "python" and (file := re.match(r"# (\w+\.py)\n", content)):
            steps.append(Step(write_file(file[1], content), ""))
        elif language == "python":
            following = blocks[index + 1] if index + 1 < len(blocks) else None
            shown = following and following[1] == "text" and not text[block.end() : following.start()].strip()
            steps.append(Step(content, following[2] if following and shown else ""))
    return steps


def commands_of(block: str) -> list[tuple[str, str]]:
    """Each command of a console block, and what it prints."""
    return [tuple(part.split("\n", 1)) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def write_file(file: str, content: str) -> str:
    return f"__import__('pathlib').Path({file!r}).write_text({content!r})"


def run_command(command: str) -> str:
    return f"__import__('subprocess').run({command!r}, shell=True)"


def run(page: Path, folder: Path) -> list[str]:
    """What each step of a page prints."""
    program = folder / "page.py"
    mark = f"\nprint({MARK!r}, flush=True)\n"
    program.write_text("".join(step.code + mark for step in steps_of(page)))
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("MOPS_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MOPS_ROOT": str(folder / "root"),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.split(MARK + "\n")[:-1]


@pytest.mark.parametrize("page", [page for page in PAGES if steps_of(page)], ids=name)
def test_code_runs_and_prints_what_stands_below_it(page: Path, tmp_path: Path):
    for step, printed in zip(steps_of(page), run(page, tmp_path), strict=True):
        same = doctest.OutputChecker().check_output(step.output, printed, doctest.ELLIPSIS)
        assert same, f"{step.code}\nprints\n{printed}\nand not\n{step.output}"


def test_the_check_of_what_is_printed_notices_another_output():
    check = doctest.OutputChecker().check_output

    assert check("process ... says 4\n", "process 4711 says 4\n", doctest.ELLIPSIS)
    assert not check("process ... says 4\n", "process 4711 says 5\n", doctest.ELLIPSIS)
    assert not check("", "something\n", doctest.ELLIPSIS)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_pages_and_headings(page: Path):
    for link in LINK.findall(CODE.sub("", page.read_text())):
        if re.match(r"https?:", link):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)} links to {link}, which is not there"
        assert not heading or heading in headings(target), f"{name(page)} links to {link}: no such heading"


def headings(page: Path) -> set[str]:
    """The anchors of a page, as code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_can_be_reached_from_the_readme():
    seen: set[Path] = set()
    pending = [PROJECT / "README.md"]
    while pending:
        page = pending.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            links = (link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link)
            pending += [(page.parent / link).resolve() for link in links if link]
    assert not set(PAGES) - seen


def test_tests_that_are_named_exist():
    named = {match.groups() for page in PAGES for match in TEST.finditer(page.read_text())}
    assert named
    missing = [file + nodes for file, nodes in sorted(named) if not (PROJECT / file).exists()]
    assert not missing
    unknown = [file + nodes for file, nodes in sorted(named) if nodes and file + nodes not in collected(named)]
    assert not unknown


def collected(named: set[tuple[str, str]]) -> set[str]:
    """The tests that pytest finds in these files, without their parameters."""
    if not _collected:
        files = sorted({file for file, _ in named})
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", *files]
        done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stdout
        _collected.update(line.partition("[")[0] for line in done.stdout.splitlines())
    return _collected


_collected: set[str] = set()


def test_import_contracts_that_are_named_exist():
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    named = {title for page in PAGES for title in CONTRACT.findall(page.read_text())}

    assert named
    assert not named - {contract["name"] for contract in contracts}


@pytest.mark.parametrize("page", sorted((PROJECT / "docs" / "adr").glob("*.md")), ids=name)
def test_decisions_are_short_and_name_what_holds_them(page: Path):
    text = page.read_text()
    sections = ["Status", "Context", "Considered options", "Decision", "Consequences", "Confirmation"]

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == sections
    assert text.count("\n") <= 60
    confirmation = text.partition("## Confirmation")[2]
    assert TEST.search(confirmation) or CONTRACT.search(confirmation)


def test_every_error_is_explained():
    from mops.core import errors

    page = (PROJECT / "docs" / "errors.md").read_text()
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert not {each for each in classes if f"`{each}`" not in page}


def test_install_commands_name_the_distribution():
    sources = [*PAGES, *Path(mops.__file__).parent.rglob("*.py")]
    texts = (source.read_text() for source in sources)
    commands = {found for text in texts for found in re.findall(r"pip install [^`\n]*mops[^`\n]*", text)}

    assert len(commands) > 3
    assert not {command for command in commands if "mops-run" not in command}
