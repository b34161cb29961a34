"""Which files of a package travel: source, and what the author names; never what is private, ignored or too large."""

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mops.adapters.code.collecting import LARGEST, Collector, Snapshot
from mops.core.errors import ConfigurationError


@pytest.fixture
def root(tmp_path):
    """An import root with a package of one file."""
    write(tmp_path / "root", "pkg/__init__.py")
    return tmp_path / "root"


def write(root, *names, text=""):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def collector(root, *include, name="pkg"):
    made = Collector(include, Snapshot())
    made.collect(str(root / name), name)
    return made


def names(root, *include):
    return sorted(collector(root, *include).files)


def test_source_travels_from_all_folders_and_nothing_else(root):
    write(root, "pkg/deep/er/a.py", "pkg/data.json", "pkg/__pycache__/a.py", "pkg/.hidden/a.py", "pkg/.#a.py")
    write(root, "pkg/venv/lib/site-packages/a.py", "other/__init__.py")
    assert names(root) == ["pkg/__init__.py", "pkg/deep/er/a.py"]


def test_what_the_author_names_travels_too(root):
    write(root, "pkg/data.json", "pkg/deep/data.json", "pkg/templates/a/b.html", "pkg/templates/secret.txt", "pkg/x.md")
    assert names(root, "*.json") == ["pkg/__init__.py", "pkg/data.json", "pkg/deep/data.json"]
    assert names(root, "/pkg/data.json") == ["pkg/__init__.py", "pkg/data.json"]
    assert names(root, "templates/", "!secret.txt") == ["pkg/__init__.py", "pkg/templates/a/b.html"]


def test_private_files_never_travel_whatever_the_author_names(root):
    write(root, "pkg/.env", "pkg/.env.local", "pkg/deep/.env", "pkg/.envrc", "pkg/.env.py", "pkg/environment")
    assert names(root, "*", "**", ".env", "pkg/.env*") == ["pkg/__init__.py", "pkg/environment"]


def test_what_git_ignores_never_travels_whatever_the_author_names(root):
    (root / ".git" / "info").mkdir(parents=True)
    (root / ".git" / "info" / "exclude").write_text("mine.py\n")
    (root / ".gitignore").write_text("secret*\nbuild/\n")
    (root / "pkg" / ".gitignore").write_text("*.csv\n!kept.csv\n")
    write(root, "pkg/secret.py", "pkg/mine.py", "pkg/build/a.py", "pkg/deep/a.csv", "pkg/deep/kept.csv", "pkg/b.py")
    made = collector(root, "*")
    assert sorted(made.files) == ["pkg/.gitignore", "pkg/__init__.py", "pkg/b.py", "pkg/deep/kept.csv"]
    assert set(made.stays) == {str(root / "pkg" / name) for name in ("secret.py", "mine.py", "deep/a.csv")}


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
def test_the_patterns_of_the_whole_project_count(root, marker):
    (root.parent / marker).touch()
    (root.parent / ".gitignore").write_text("secret.py\n")
    write(root, "pkg/secret.py")
    assert names(root) == ["pkg/__init__.py"]


@pytest.mark.parametrize("pattern", ["pkg/", "root/", "/root/pkg"])
def test_a_package_that_git_ignores_is_refused(root, pattern):
    (root.parent / ".git").mkdir()
    (root.parent / ".gitignore").write_text(pattern + "\n")
    with pytest.raises(ConfigurationError, match="git ignores"):
        collector(root)


def test_files_of_more_than_ten_mebibytes_never_travel(root):
    for name, size in (("large", LARGEST + 1), ("fits", LARGEST)):
        with (root / "pkg" / name).open("wb") as file:
            file.truncate(size)
    made = collector(root, "*")
    assert sorted(made.files) == ["pkg/__init__.py", "pkg/fits"]
    assert list(made.stays) == [str(root / "pkg" / "large")]


@pytest.mark.parametrize("name", ["pkg/deep/_fast.cpython-311-x86_64-linux-gnu.so", "pkg/_fast.pyd", "_fast.abi3.so"])
def test_a_compiled_extension_is_refused_even_where_git_ignores_it(root, name):
    write(root, name)
    (root / ".git").mkdir()
    (root / ".gitignore").write_text("*.so\n")
    with pytest.raises(ConfigurationError, match=r"_fast.* compiled extension") as caught:
        collector(root, name="pkg" if name.startswith("pkg") else name)
    assert "code='installed'" in caught.value.advice


def test_a_module_in_an_archive_is_refused(root):
    write(root, "lib.zip")
    for name in ("lib.zip/pkg", "lib.zip/mod.py"):
        with pytest.raises(ConfigurationError):
            collector(root, name=name)


def test_a_file_that_cannot_be_read_is_named(root):
    write(root, "pkg/a.py")
    os.rename(root / "pkg/a.py", root / "pkg/b.py")
    (root / "pkg/a.py").symlink_to("a.py")
    with pytest.raises(ConfigurationError, match=r"a\.py cannot be read"):
        collector(root)


def test_links_are_followed_but_not_in_circles_nor_to_nothing(root):
    write(root.parent, "elsewhere/linked.py")
    (root / "pkg" / "inside").symlink_to(root.parent / "elsewhere")
    (root / "pkg" / "circle").symlink_to(root / "pkg")
    (root / "pkg" / "gone.py").symlink_to("nothing")
    os.mkfifo(root / "pkg" / "pipe.py")
    assert names(root) == ["pkg/__init__.py", "pkg/inside/linked.py"]


def test_each_file_is_read_once(root):
    snapshot = Snapshot()
    for text in ("first", "second"):
        write(root, "pkg/a.py", text=text)
        made = Collector((), snapshot)
        made.collect(str(root / "pkg"), "pkg")
        assert made.files["pkg/a.py"].content == b"first"
    assert made.files["pkg/a.py"].was_edited()
    os.utime(root / "pkg" / "__init__.py", (1, 1))
    assert not made.files["pkg/__init__.py"].was_edited()  # touched, or checked out again
    (root / "pkg" / "__init__.py").unlink()
    assert made.files["pkg/__init__.py"].was_edited()


FOLDERS = [f"{above}{below}" for above in ("a/", "b/", "ab/", "q/") for below in ("", "x/", "b/", "c/")]
NAMES = ["a", "b", "ab", "a.py", "c", "[a]", "a b", "-x", "!a", "#a", "a\\"]
PIECES = [
    "a",
    "b",
    "x",
    "*",
    "**",
    "?",
    "/",
    "/",
    "**/",
    "/**",
    "!",
    "#",
    " ",
    "\\",
    "\\a",
    "\\*",
    ".py",
    "-",
    "[",
    "]",
]
PIECES += ["[ab]", "[!a]", "[^b]", "[a-c]", "[]a]", "[a", "[[:alpha:]]", "[[:no:]]", "[\\]]", "[!]a]", "[a-]", "[c-a"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with files of many names, none of which is tracked."""
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", folder], check=True)
    write(folder / "pkg", *(above + name for above in FOLDERS for name in NAMES if f"{above}{name}/" not in FOLDERS))
    return folder


def not_ignored(repository):
    """The files that git would add."""
    command = ["git", "-C", repository, "-c", "core.excludesFile=", "ls-files", "-z", "--others", "--exclude-standard"]
    answer = subprocess.run([*command, "pkg"], check=True, capture_output=True, text=True).stdout
    return sorted(filter(None, answer.split("\0")))


@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join), min_size=1, max_size=3))
def test_git_itself_ignores_the_same(repository, lines):
    (repository / "pkg" / ".gitignore").write_text("\n".join(lines))
    assert names(repository, "*") == not_ignored(repository)
