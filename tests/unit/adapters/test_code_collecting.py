"""Which files of a package travel: source, and what the author names; never what is private, ignored or too large."""

import os
import subprocess
import sys

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
    write(root, "pkg/.ENV", "pkg/.Env.Production", "pkg/prod.env", "pkg/deep/LOCAL.ENV", "pkg/.env.d/a.py")
    assert names(root, "*", "**", ".env", "pkg/.env*") == ["pkg/__init__.py", "pkg/environment"]


def test_a_link_is_as_private_as_what_it_leads_to(root):
    (root / ".git").mkdir()
    (root / ".gitignore").write_text("/data/\n/pkg/settings.py\n")
    write(root, ".env", ".ssh/key", "data/a.py", "pkg/settings.py", "shown/b.py", "shown/secret.csv")
    write(root, "shown/.gitignore", text="secret.csv\n")
    links = {"config.txt": ".env", "keys": ".ssh", "data": "data", "a.py": "data/a.py", "c.py": "pkg/settings.py"}
    for name, target in (links | {"shown": "shown", "chain.txt": "pkg/config.txt"}).items():
        (root / "pkg" / name).symlink_to(root / target)
    made = collector(root, "*", "!.gitignore")
    assert sorted(made.files) == ["pkg/__init__.py", "pkg/shown/b.py"]
    assert made.stays[str(root / "pkg" / "c.py")] == "git ignores it, or what it links to"


def test_what_is_ignored_where_a_linked_folder_lies_does_not_travel(root):
    other = root.parent / "other"
    (other / ".git" / "info").mkdir(parents=True)
    (other / ".git" / "info" / "exclude").write_text("excluded.py\n")
    (other / ".gitignore").write_text("/lib/deep/mine.py\n")
    write(other, "lib/deep/mine.py", "lib/deep/excluded.py", "lib/deep/a.py", "lib/deep/b.py")
    (root / ".gitignore").write_text("/pkg/lib/deep/b.py\n")
    (root / "pkg" / "lib").symlink_to(other / "lib")
    assert names(root) == ["pkg/__init__.py", "pkg/lib/deep/a.py"]


def test_what_git_ignores_never_travels_whatever_the_author_names(root):
    (root / ".git" / "info").mkdir(parents=True)
    (root / ".git" / "info" / "exclude").write_text("mine.py\n")
    (root / ".gitignore").write_text("secret*\nbuild/\n")
    (root / "pkg" / ".gitignore").write_text("*.csv\n!kept.csv\n")
    write(root, "pkg/secret.py", "pkg/mine.py", "pkg/build/a.py", "pkg/deep/a.csv", "pkg/deep/kept.csv", "pkg/b.py")
    made = collector(root, "*")
    assert sorted(made.files) == ["pkg/.gitignore", "pkg/__init__.py", "pkg/b.py", "pkg/deep/kept.csv"]
    assert set(made.stays) == {str(root / "pkg" / name) for name in ("secret.py", "mine.py", "deep/a.csv")}


@pytest.mark.parametrize(
    "text", ["\ufeffsecret.py\n", "secret.py\r\n", "other\nsecret.py", "*\n!*/\n!*.py\nsecret.*\n"]
)
def test_patterns_count_however_an_editor_writes_them(root, text):
    write(root, ".git/HEAD", "pkg/secret.py")
    (root / ".gitignore").write_bytes(text.encode())
    assert names(root) == ["pkg/__init__.py"]


def test_a_further_work_tree_shares_the_patterns_of_its_repository(root, tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a", "-C", str(tmp_path / "repository")]
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", "-b", "other", tmp_path / "work"], check=True)
    (tmp_path / "repository" / ".git" / "info" / "exclude").write_text("secret.py\n")
    write(tmp_path / "work", "pkg/secret.py", "pkg/a.py")
    assert names(tmp_path / "work") == ["pkg/a.py"]


def test_a_repository_that_lies_elsewhere_has_its_own_patterns(root, tmp_path):
    subprocess.run(["git", "init", "-q", "--separate-git-dir", tmp_path / "git", root], check=True)
    (tmp_path / "git" / "info" / "exclude").write_text("secret.py\n")
    write(root, "pkg/secret.py")
    assert names(root) == ["pkg/__init__.py"]


def test_a_package_that_is_a_repository_has_its_own_patterns(root):
    for name in ("pkg", "pkg/inner"):
        (root / name / ".git" / "info").mkdir(parents=True)
        (root / name / ".git" / "info" / "exclude").write_text("secret.py\n")
        write(root, f"{name}/secret.py", f"{name}/a.py")
    assert names(root) == ["pkg/__init__.py", "pkg/a.py", "pkg/inner/a.py"]


def test_patterns_that_cannot_be_read_are_an_error(root):
    (root / "pkg" / ".gitignore").symlink_to(".gitignore")
    with pytest.raises(ConfigurationError, match=r"\.gitignore cannot be read"):
        collector(root)


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


def test_a_package_that_is_a_link_is_ignored_where_it_lies_as_well(root):
    other = root.parent / "other"
    (other / ".git").mkdir(parents=True)
    (other / ".gitignore").write_text("/generated/\n/lib/secret.py\n")
    write(other, "generated/__init__.py", "lib/__init__.py", "lib/secret.py")
    for name in ("generated", "lib"):
        (root / name).symlink_to(other / name)
    assert sorted(collector(root, name="lib").files) == ["lib/__init__.py"]
    with pytest.raises(ConfigurationError, match="git ignores"):
        collector(root, name="generated")


def test_what_lies_above_code_that_arrived_does_not_count(root):
    (root.parent / ".git").mkdir()
    (root.parent / ".gitignore").write_text("root/\n*.json\n")
    write(root, "pkg/a.json")
    made = Collector(["*.json"], Snapshot())
    made.collect(str(root / "pkg"), "pkg", arrived=True)
    assert sorted(made.files) == ["pkg/__init__.py", "pkg/a.json"]


def test_files_of_more_than_ten_mebibytes_never_travel(root):
    for name, size in (("large", LARGEST + 1), ("fits", LARGEST)):
        with (root / "pkg" / name).open("wb") as file:
            file.truncate(size)
    made = collector(root, "*")
    assert sorted(made.files) == ["pkg/__init__.py", "pkg/fits"]
    assert made.stays == {str(root / "pkg" / "large"): "its 10,485,761 bytes are more than 10 MiB"}


def test_environments_and_downloads_of_other_tools_are_not_entered(root):
    write(root, "pkg/venv/pyvenv.cfg", "pkg/venv/bin/tool.py", "pkg/venv/lib/fast.so", "pkg/node_modules/a/a.py")
    write(root, "pkg/.venv/a.py", "pkg/.git/a.py", "pkg/.tox/a.py", "pkg/.venv/lib/fast.so")
    assert names(root, "*") == ["pkg/__init__.py"]


def test_what_was_built_beside_a_package_or_in_an_ignored_folder_keeps_it_from_nothing(root):
    write(root, "pkg.cpython-311-x86_64-linux-gnu.so", "build/lib/pkg/_fast.so", "pkg/build/_fast.so", ".git/HEAD")
    (root / ".gitignore").write_text("build/\n")
    assert names(root) == ["pkg/__init__.py"]


def test_no_pattern_leads_out_of_what_is_collected(root):
    write(root, "secret.txt", "other/secret.txt")
    write(root.parent, "secret.txt")
    patterns = [str(root / "secret.txt"), "../secret.txt", "pkg/../secret.txt", "/secret.txt", "secret.txt", "/**"]
    assert names(root, *patterns) == ["pkg/__init__.py"]


NAMES_IN_ANOTHER_LOCALE = """
import os, sys
from mops.adapters.code.collecting import Collector, Snapshot
from mops.adapters.code.installing import write_files
made = Collector(["*"], Snapshot())
made.collect(sys.argv[1] + "/pkg", "pkg")
print(ascii(sorted(made.files)))
os.mkdir(sys.argv[2])
write_files({name: file.content for name, file in made.files.items()}, sys.argv[2])
"""


def test_names_are_the_same_in_every_locale(root, tmp_path):
    write(root, "pkg/\xe9.py", "pkg/\xe9/\u65e5.json")
    (root / "pkg" / os.fsdecode(b"\xff.txt")).touch()
    answers = set()
    for number, utf8 in enumerate("01"):
        environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0"}
        command = [sys.executable, "-c", NAMES_IN_ANOTHER_LOCALE, root, tmp_path / str(number)]
        answers.add(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
        written = sorted(path.relative_to(tmp_path / str(number)) for path in (tmp_path / str(number)).rglob("*"))
        assert written == sorted(path.relative_to(root) for path in root.rglob("*"))
    assert answers == {ascii(names(root, "*")).encode() + b"\n"}


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


def test_a_module_that_is_gone_or_too_large_is_refused_since_the_remote_may_have_another(root):
    with (root / "large.py").open("wb") as file:
        file.truncate(LARGEST + 1)
    (root / "link.py").symlink_to("gone.py")
    for name, reason in (("large.py", "10 MiB"), ("gone.py", "it is gone"), ("link.py", "it is gone")):
        with pytest.raises(ConfigurationError, match=rf"{name} cannot travel: .*{reason}"):
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


def test_parts_of_a_namespace_are_joined_but_no_packages_in_them(root):
    write(root, "ns/a.py", "ns/whole/__init__.py", "ns/shared/a.py", text="first")
    write(root.parent / "two", "ns/a.py", "ns/b.py", "ns/whole/more.py", "ns/shared/b.py", text="second")
    made = collector(root, name="ns")
    made.collect(str(root.parent / "two" / "ns"), "ns")
    assert sorted(made.files) == ["ns/a.py", "ns/b.py", "ns/shared/a.py", "ns/shared/b.py", "ns/whole/__init__.py"]
    assert made.files["ns/a.py"].content == b"first"


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
