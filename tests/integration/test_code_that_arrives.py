"""Code that arrived, in the remote: what it meets there, what is left of it, and what goes wrong with it."""

import os
import shutil
import subprocess
from textwrap import dedent

import pytest

from tests.integration.code_places import CALL, REPORT


# ------------------------------------------------------------------------------------------------ one after another
def test_a_warm_worker_runs_the_trees_of_different_calls_one_after_another(places):
    places.caller("settings.py", "SCALE = 10")
    places.installed("settings.py", "SCALE = 99")
    places.installed("first/old.py")
    for name in ("first", "second"):
        places.caller(f"{name}/__init__.py")
        places.caller(
            f"{name}/work.py",
            f"""
            import sys, settings
            def work(x):
                others = [each for each in ("first", "second", "first.old") if each in sys.modules]
                return "{name}", x * settings.SCALE, others
        """,
        )
    out, _ = places.run("""
        if __name__ == "__main__":
            import first.work, second.work
            warm = runner.elsewhere(shell=ForkServerShell(max_workers=1))
            for x in (1, 2):
                print(use_runner(warm)(first.work.work)(x), use_runner(warm)(second.work.work)(x))
    """)
    assert out.splitlines() == [
        f"('first', {scaled}, ['first']) ('second', {scaled}, ['second'])" for scaled in (10, 20)
    ]
    assert len(places.trees()) == 2


def test_a_call_whose_code_travelled_is_a_hit_for_who_ships_none(package):
    assert package.run(CALL)[0] == "15.0\n"
    out, _ = package.run("runner = runner.elsewhere(code='installed')\n" + CALL, MOPS_ALLOW_TREE="0")
    assert out == "15.0\n"
    assert len(package.project.claims()) == 1


def test_a_replay_runs_the_code_that_is_here_and_says_what_differs(package):
    package.run(CALL)
    package.caller("pkg/parts.py", "def half(x): return x")
    (memo,) = package.project.root.glob("mops1/memo/default/*/*/*")
    done = package.project.run("-m", "mops", "replay", f"file://{memo}")
    assert done.stdout == "30\n"
    assert "the code here is not the one that was called: pkg.parts:half" in done.stderr


def test_an_exception_of_a_class_that_travelled_arrives_as_the_callers_own(package):
    package.caller("pkg/errors.py", "class Problem(Exception):\n    def __reduce__(self): return Problem, self.args")
    package.caller("pkg/work.py", "from pkg.errors import Problem\ndef work(x): raise Problem(x)")
    out, _ = package.run("""
        from pkg.errors import Problem
        from pkg.work import work
        try:
            use_runner(runner)(work)(3)
        except Problem as error:
            print(type(error) is Problem, error.args)
    """)
    assert out == "True (3,)\n"


def test_a_call_inside_of_a_call_ships_what_arrived_wherever_that_lies(places):
    places.caller(".gitignore", "temporary/")
    (places.project.folder / ".git").mkdir()
    temporary = places.project.folder / "temporary"
    temporary.mkdir()
    places.project.write(
        "work.py",
        """
        from elsewhere import runner
        @use_runner(runner)
        def inner(x): return x + 1
        @use_runner(runner)
        def outer(x): return inner(x) * 2
    """,
    )
    assert places.run("from work import outer\nprint(outer(1))", TMPDIR=str(temporary))[0] == "4\n"
    assert len(places.trees()) == 1


def test_processes_that_the_function_forks_or_spawns_import_what_arrived(package):
    package.caller(
        "pkg/work.py",
        """
        import multiprocessing
        from pkg.parts import half
        def work(x):
            found = []
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(1) as pool:
                    found += pool.map(half, [x])
            return found
    """,
    )
    assert package.run(CALL)[0] == "[1.5, 1.5]\n"


# ------------------------------------------------------------------------------------------------ what is found
@pytest.mark.parametrize("named", [True, False])
def test_an_editable_install_of_the_caller_travels_before_it_is_imported(places, named):
    places.caller("src/hooked/__init__.py", "from hooked.value import VALUE")
    places.caller("src/hooked/value.py", "VALUE = 'mine'")
    places.installed("hooked/__init__.py", "VALUE = 'of the image'")
    body = (
        "import hooked"
        if not named
        else "from importlib import import_module\n    hooked = import_module('hook' + 'ed')"
    )
    places.caller("work.py", f"def work():\n    {body}\n    return hooked.VALUE")
    out, _ = places.run(f"""
        from importlib.machinery import PathFinder
        class Editable:
            def find_spec(name, path=None, target=None):
                return PathFinder.find_spec(name, ["src"]) if name == "hooked" else None
        sys.meta_path.append(Editable)
        from work import work
        print(use_runner(runner.elsewhere(first_party={["hooked"] * named}))(work)())
    """)
    assert out == "mine\n"


def test_a_part_of_a_namespace_travels_that_only_the_finder_of_an_editable_install_knows(places):
    places.caller("flat/parts/mine/__init__.py", "from company.mine.value import VALUE")
    places.caller("flat/parts/mine/value.py", "VALUE = 'mine'\ndef work(): return VALUE, __name__")
    places.caller("flat/parts/single.py", "VALUE = 'single'")
    places.installed("company/mine/__init__.py", "VALUE = 'of the image'")
    places.installed("company/lib/__init__.py")
    places.caller("work.py", "def work():\n    from company import mine, single\n    return mine.VALUE, single.VALUE")
    out, _ = places.run("""
        from importlib.machinery import ModuleSpec, PathFinder
        class Editable:
            def find_spec(name, path=None, target=None):
                if name == "company":
                    spec = ModuleSpec(name, None, is_package=True)
                    spec.submodule_search_locations = ["__editable__.company-1.0.finder.__path_hook__"]
                    return spec
                return PathFinder.find_spec(name, ["flat/parts"]) if name.startswith("company.") else None
        sys.meta_path.append(Editable)
        import work
        from company.mine.value import work as inner
        print(use_runner(runner)(work.work)(), use_runner(runner)(inner)())
    """)
    assert out == "('mine', 'single') ('mine', 'company.mine.value')\n"


@pytest.mark.parametrize("module", ["zipped", "packed"])
def test_code_in_an_archive_is_refused_with_what_to_do(places, module):
    places.caller("archive/zipped/__init__.py", "def work(x): return x")
    places.caller("archive/packed.py", "def work(x): return x")
    shutil.make_archive(str(places.project.folder / "lib"), "zip", places.project.folder / "archive")
    out, _ = places.run(f"sys.path.append('lib.zip')\n{dedent(REPORT).replace('pkg.work', module)}")
    assert f"lib.zip/{module}" in out
    assert "code='installed'" in out
    assert out.endswith("ConfigurationError\n")
    assert not places.project.claims()


def test_it_is_said_where_nothing_travels_since_all_is_installed(places):
    places.caller("lib/site-packages/third/__init__.py", "def work(x): return x")
    places.installed("third/__init__.py", "def work(x): return x")
    out, err = places.run("""
        sys.path.append("lib/site-packages")
        from third import work
        work = use_runner(runner)(work)
        print(work(1), work(2))
    """)
    assert out == "1 2\n"
    assert err.count("no code travels to remotes: third is installed here") == 1
    assert not places.trees()


def test_the_code_of_mops_never_travels(places):
    places.caller("work.py", "import mops\ndef work():\n    import mops\n    return mops.__file__")
    out, _ = places.run("""
        import mops
        from work import work
        work = use_runner(runner.elsewhere(first_party=["mops"]))(work)
        print(work() == mops.__file__)
    """)
    assert out == "True\n"
    (tree,) = places.trees()
    assert b"mops/" not in tree.read_bytes()


@pytest.mark.parametrize(
    "surroundings", [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Asia/Tokyo"}]
)
def test_the_archive_is_the_same_whoever_packs_it_and_where(package, surroundings, tmp_path):
    package.run(CALL)
    (first,) = package.trees()
    moved = tmp_path / "moved"
    shutil.copytree(package.project.folder, moved)  # in another order of the file system, at another time
    package.project.folder = moved
    for path in moved.rglob("*"):
        path.chmod(0o700)
    umask = os.umask(0o077)
    try:
        package.run(CALL.replace("(3)", "(4)"), **surroundings)
    finally:
        os.umask(umask)
    assert package.trees() == [first]


# ------------------------------------------------------------------------------------------------ what goes wrong
def test_nothing_is_left_of_the_code_of_a_function_that_was_killed(package, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    package.caller(
        "pkg/work.py",
        "import os\ndef work(x):\n    open(os.environ['IMAGE'] + '/ran', 'w').close()\n    os.kill(os.getpid(), 9)",
    )
    out, _ = package.run(REPORT, TMPDIR=str(temporary))
    assert out.endswith("RemoteCrashed\n")
    assert (package.image / "ran").exists()
    assert not list(temporary.iterdir())


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_named_and_nothing_is_left_on_it(package, small_disk):
    package.caller("pkg/large.py", "# " + "x" * (2 << 20))
    out, _ = package.run(REPORT, TMPDIR=str(small_disk))
    assert "the code of the call cannot be unpacked: [Errno 28] No space left on device" in out
    assert out.endswith("ShellFailed\n")
    assert not list(small_disk.iterdir())
