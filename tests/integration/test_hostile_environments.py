"""Disks that are full or read-only, users without a name or a home, folders that nobody may write, names from hell."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager

import pytest

SHELLS = ("InThreadShell()", "SubprocessShell()")
each_shell = pytest.mark.parametrize("shell", SHELLS)

STAGE = """
    RUNS = {runs!r}

    def work(size):
        with open(RUNS, "a") as file:
            print(size, file=file)
        return os.urandom(size)

    here = use_runner(MemoizingPicklingRunner(InThreadShell(), root), name="stage:here")(work)
    there = use_runner(MemoizingPicklingRunner(SubprocessShell(), root), name="stage:there")(work)

    def attempt(function, *arguments):
        try:
            return function(*arguments)
        except Exception as error:
            return f"{{type(error).__name__}}: {{error}}"
"""


@pytest.fixture
def stage(project, tmp_path):
    project.write("stage.py", STAGE.format(runs=str(tmp_path / "runs")))
    project.runs = lambda: (tmp_path / "runs").read_text().split() if (tmp_path / "runs").exists() else []
    return project


@contextmanager
def mounted(path, *options):
    """A file system of two megabytes at a path, for as long as the context lasts."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(["size=2m", *options]), "none", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


# ------------------------------------------------------------------------------------------------ disks
def test_a_value_for_which_there_is_no_room_is_returned_in_thread_with_a_warning(stage):
    with mounted(stage.root):
        result = stage.run("-c", "from stage import *\nprint(len(here(5_000_000)))")
    assert result.stdout == "5000000\n"
    assert "No space left on device" in result.stderr


def test_a_remote_keeps_the_value_for_which_there_is_no_room_and_says_where(stage, tmp_path):
    kept = tmp_path / "temporary"
    kept.mkdir()
    with mounted(stage.root):
        out = stage.run(
            "-c", "from stage import *\nprint(attempt(there, 5_000_000))", env=stage.environment(TMPDIR=str(kept))
        )
    assert out.stdout.startswith("StoreFull: ")
    (file,) = kept.iterdir()
    assert f"is kept in {file} on the machine that ran it" in out.stdout
    assert file.stat().st_size >= 5_000_000


@pytest.mark.parametrize("function", ["here", "there"])
def test_nothing_runs_where_its_claim_cannot_be_written(stage, function):
    with mounted(stage.root):
        (stage.root / "other").write_bytes(bytes(1 << 20))
        with pytest.raises(OSError, match="No space"), (stage.root / "filler").open("wb") as filler:
            while True:
                filler.write(bytes(4096))
                filler.flush()
        out = stage.run("-c", f"from stage import *\nprint(attempt({function}, 1))", timeout=30).stdout
    assert out.startswith("StoreFull: ")
    assert "No space left on device" in out
    assert "make room under the blob root" in out
    assert stage.runs() == []


@pytest.mark.parametrize("function", ["here", "there"])
def test_a_read_only_root_gives_hits_and_says_why_it_takes_no_misses(stage, function):
    with mounted(stage.root):
        stage.run("-c", f"from stage import *\n{function}(1)")
        subprocess.run(["mount", "-o", "remount,ro", stage.root], check=True)
        out = stage.run(
            "-c", f"from stage import *\nprint(len({function}(1)), attempt({function}, 2))", timeout=30
        ).stdout
    assert out.startswith("1 StoreReadOnly: ")
    assert "name a writable blob root" in out
    assert stage.runs() == ["1"]


@each_shell
def test_a_missing_root_is_made_at_the_first_call(project, shell):
    out = project.script(f"""
        @use_runner(MemoizingPicklingRunner({shell}, root + "/several/levels/deep"))
        def work(x):
            return x
        print(work(1), work.peek(1))
    """)
    assert out == "1 Success(1)\n"


@pytest.mark.parametrize(("root", "words"), [
    ("{folder}/file", "is not a directory"),
    ("nosuchscheme://root", "names no blob root"),
])  # fmt: skip
def test_a_root_that_cannot_be_says_why(project, root, words):
    (project.folder / "file").touch()
    root = root.format(folder=project.folder)
    out = project.script(
        """
        from mops.core.errors import MopsError
        @pure
        def work(x):
            print("ran")
        try:
            work(1)
        except MopsError as error:
            print(error)
    """,
        env=project.environment(MOPS_ROOT=root),
        timeout=30,
    )
    assert words in out
    assert "ran" not in out


def test_a_root_on_another_file_system_serves_large_values(stage):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        assert os.stat(other).st_dev != os.stat(stage.folder).st_dev
        out = stage.run(
            "-c",
            "from stage import *\nfor f in (here, there): assert f(5_000_000) == f(5_000_000)",
            env=stage.environment(MOPS_ROOT=other),
        )
        assert out.stdout == ""
    assert stage.runs() == ["5000000"] * 2


@pytest.mark.parametrize("function", ["here", "there"])
def test_a_root_that_was_copied_elsewhere_still_hits(stage, function, tmp_path):
    call = (
        f"from stage import *\nimport hashlib\nfor n in (9, 5_000_000): print(hashlib.md5({function}(n)).hexdigest())"
    )
    first = stage.run("-c", call).stdout
    shutil.copytree(stage.root, tmp_path / "copy")
    shutil.rmtree(stage.root)
    assert stage.run("-c", call, env=stage.environment(MOPS_ROOT=str(tmp_path / "copy"))).stdout == first
    assert len(stage.runs()) == 2
    assert not stage.root.exists()


# ------------------------------------------------------------------------------------------------ users and folders
NOBODY = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "--no-new-privs",
          "--inh-caps=+dac_override,+dac_read_search", "--ambient-caps=+dac_override,+dac_read_search"]  # fmt: skip


def test_a_user_without_a_name_calls_functions(stage):
    """The capabilities let that user read this interpreter, wherever it is installed."""
    call = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"
    program = "from stage import *\nprint(os.getuid(), len(here(1)), len(there(2)), here.submit(1).metadata)"
    result = stage.run("-c", call, *NOBODY, sys.executable, "-c", program)
    assert result.stdout.startswith("54321 1 2 ")
    assert stage.runs() == ["1", "2"]


def test_a_user_without_a_home_is_asked_for_a_root(project):
    program = """
        from mops.core.errors import ConfigurationError
        @pure
        def work(x):
            return x
        try:
            work(1)
        except ConfigurationError as error:
            print(error)
    """
    path = project.write("program.py", program)
    environment = {name: value for name, value in project.environment().items() if name != "HOME"}
    path.write_text(path.read_text().replace("root = os.environ['MOPS_ROOT']", "del os.environ['MOPS_ROOT']"))
    call = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"
    result = project.run("-c", call, *NOBODY, sys.executable, path, env=environment)
    assert "set MOPS_ROOT" in result.stdout
    assert not (project.folder / "~").exists()


@pytest.mark.parametrize("function", ["here", "there"])
def test_a_working_directory_that_cannot_be_written_does_not_matter(stage, function, tmp_path):
    with mounted(tmp_path / "sealed", "ro") as sealed:
        path = os.pathsep.join([str(stage.folder), os.environ.get("PYTHONPATH", "")])
        result = stage.run(
            "-c", f"from stage import *\nprint(len({function}(3)))", cwd=sealed, env=stage.environment(PYTHONPATH=path)
        )
    assert result.stdout == "3\n"


@pytest.mark.parametrize("function", ["here", "there"])
def test_a_working_directory_that_was_removed_does_not_matter(stage, function):
    result = stage.run(
        "-c",
        f"""if True:
        from stage import *
        os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
        sys.path[0] = {str(stage.folder)!r}
        print(len({function}(3)))
    """,
    )
    assert result.stdout == "3\n"


def test_nothing_is_written_outside_of_the_root(stage, tmp_path):
    (tmp_path / "temporary").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "runs").touch()
    environment = stage.environment(
        HOME=str(tmp_path / "home"), TMPDIR=str(tmp_path / "temporary"), PYTHONDONTWRITEBYTECODE="1"
    )
    before = everything_in(tmp_path)
    stage.run(
        "-c",
        """if True:
        from stage import *
        for function in (here, there):
            function(10), function(10), function.submit(5_000_000).result(), function.peek(10)
            attempt(function, "no number")
    """,
        env=environment,
    )
    assert len(stage.results()) == 4
    assert everything_in(tmp_path) == before


def everything_in(folder):
    return sorted(str(path) for path in folder.rglob("*") if folder / "root" not in (path, *path.parents))


# ------------------------------------------------------------------------------------------------ names
NAMES = [
    "a b", "a/b", "a//b", "..", "../../../../escape", ".", "Größe", "GRÖSSE", "größe", "x" * 300, "x" * 301, "a\nb",
    "a\\b", "CON", "con", "a:b", "-", "--", "~", "$HOME", "a@b", "=61", "e1", "r0", "any", "\U0001f40d" * 80,
]  # fmt: skip


@pytest.mark.parametrize("setting", ["pipeline_id", "logic_key", "name"])
def test_every_name_is_a_place_of_its_own_under_the_root(project, setting):
    out = project.script(f"""
        def make(name):
            settings = {{"{setting}": name if "{setting}" != "name" else "m:" + name.replace(":", "")}}
            runner = {{key: settings.pop(key) for key in ("pipeline_id",) if key in settings}}

            @use_runner(MemoizingPicklingRunner(blob_root=root, **runner), **settings)
            def work(x):
                return name
            return work

        names = {NAMES!r}
        for name in names:
            assert make(name)(1) == name, name
        uris = {{make(name).memo_uri(1) for name in names}}
        assert all(uri.startswith("file://" + root + "/mops1/memo/") for uri in uris)
        print(len(uris))
    """)
    assert out == f"{len(NAMES)}\n"
    assert len(project.results()) == len(NAMES)
    assert sorted(path.name for path in project.root.parent.iterdir()) == ["project", "root"]
    assert sorted(path.name for path in project.root.iterdir()) == ["mops1"]


@pytest.mark.parametrize("name", ["../../escape", "größe und mehr", "x" * 300])
def test_hostile_names_travel_to_a_remote_and_back(project, name):
    out = project.script(f"""
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root, pipeline_id={name!r}), logic_key={name!r})
        def work(x):
            return x + 1
        print(work(1), work.peek(1))
    """)
    assert out == "2 Success(2)\n"


def test_a_root_with_a_hostile_name_is_found_by_remotes(project):
    root = project.folder / "a b" / "größe%20;'\"$x"
    out = project.script(
        """
        @use_runner(MemoizingPicklingRunner(SubprocessShell(), root))
        def work(x):
            return x + 1
        print(work(1), work.peek(1))
    """,
        env=project.environment(MOPS_ROOT=str(root)),
    )
    assert out == "2 Success(2)\n"
    assert len(project.results(root)) == 1
