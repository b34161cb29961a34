"""Code that travels with calls: a remote without the caller's code, or with another one, runs the caller's."""

import os
import shlex
import shutil
import stat
from importlib import import_module
from textwrap import dedent

import pytest

from mops import DockerShell, MemoizingPicklingRunner, use_runner
from tests.integration.code_places import CALL, REPORT, write


# ------------------------------------------------------------------------------------------------ what is imported
def test_the_callers_code_runs_where_another_is_installed(package):
    assert package.run(CALL)[0] == "15.0\n"


@pytest.mark.parametrize("shell", ["SubprocessShell()", "ForkServerShell()"])
def test_it_does_so_through_every_shell_that_starts_a_remote(package, shell):
    out, _ = package.run(f"""
        if __name__ == "__main__":
            from pkg.work import work
            print(use_runner(runner.elsewhere(shell={shell}))(work)(3))
    """)
    assert out == "15.0\n"
    assert len(package.trees()) == 1


def test_nothing_travels_where_calls_run_in_this_process(package):
    out, _ = package.run("runner = runner.elsewhere(shell=InThreadShell())\n" + CALL)
    assert out == "15.0\n"
    assert not package.trees()


@pytest.mark.skipif("MOPS_OTHER_PYTHON" not in os.environ, reason="`make test` provides the second Python")
def test_another_python_runs_it_as_well(package, tmp_path):
    command = shlex.split(os.environ["MOPS_OTHER_PYTHON"])
    inside = os.path.join(command[1], str(tmp_path).lstrip("/"))  # it sees nothing but its own root
    os.makedirs(os.path.dirname(inside), exist_ok=True)
    shutil.move(tmp_path, inside)
    try:
        tmp_path.symlink_to(inside)
        package.caller(".git/HEAD")  # a repository of its own: the one around that root may ignore it
        python = package.caller("python", f'#!/bin/sh\nshift\nexec {shlex.join(command)} -P "$@"\n')
        python.chmod(0o755)
        out, err = package.run(CALL, PYTHON_OF_IMAGE=str(python))
    finally:
        tmp_path.unlink()
        shutil.move(inside, tmp_path)
    assert out == "15.0\n"
    assert "the code cannot be compared: this is cpython-313" in err


def test_what_the_image_has_of_a_package_is_not_merged_into_it(package):
    package.installed("pkg/old.py", "VALUE = 1")
    package.installed("pkg/__init__.py", "")
    package.caller(
        "pkg/work.py",
        """
        def work(x):
            try:
                import pkg.old
            except ModuleNotFoundError as error:
                return error.name
    """,
    )
    assert package.run(CALL)[0] == "pkg.old\n"


def test_a_package_that_the_image_imports_at_its_start_is_replaced(package):
    package.installed("pkg/__init__.py")
    package.installed("pkg/parts.py", "def half(x): return -1")
    package.installed("sitecustomize.py", "import pkg.parts, settings")
    assert package.run(CALL)[0] == "15.0\n"


def test_an_editable_install_of_the_image_is_replaced(package):
    package.installed(
        "sitecustomize.py",
        """
        import sys
        from importlib.machinery import PathFinder
        class Editable:
            def find_spec(name, path=None, target=None):
                return PathFinder.find_spec(name, [__file__.rpartition("/")[0]]) if name == "pkg" else None
        sys.meta_path.insert(0, Editable)
    """,
    )
    assert package.run(CALL)[0] == "15.0\n"


def test_a_namespace_is_shared_and_its_parts_are_replaced(places):
    places.caller("company/models/__init__.py", "from company.models.m import NAME")
    places.caller("company/models/m.py", "NAME = 'mine'")
    places.caller(
        "company/work.py",
        """
        def work():
            import company.lib, company.models
            return company.models.NAME, company.lib.NAME
    """,
    )
    places.installed("company/models/__init__.py", "NAME = 'of the image'")
    places.installed("company/lib/__init__.py", "NAME = 'lib of the image'")
    places.caller("lib/site-packages/company/lib/__init__.py", "NAME = 'lib of the caller'")
    out, _ = places.run("""
        sys.path.append("lib/site-packages")
        from company.work import work
        print(use_runner(runner)(work)())
    """)
    assert out == "('mine', 'lib of the image')\n"


def test_a_package_of_the_image_does_not_hide_a_namespace_of_the_callers(places):
    places.caller("company/work.py", "def work(): return 'mine'")
    places.installed("company/__init__.py", "raise RuntimeError('the package of the image was imported')")
    assert places.run("from company.work import work\nprint(use_runner(runner)(work)())")[0] == "mine\n"


EDITABLE = """
    import os, sys
    from importlib.machinery import PathFinder
    class Editable:
        def find_spec(name, path=None, target=None):
            return PathFinder.find_spec(name, [os.path.dirname(__file__) + "/editable"]) if name == "company" else None
    sys.meta_path.insert(0, Editable)
"""


@pytest.mark.parametrize("imported", ["", "import company", "import company.old, company.deep.old"])
@pytest.mark.parametrize("editable", [False, True])
def test_a_package_never_hides_nor_joins_a_namespace_however_it_is_installed(places, editable, imported):
    places.caller("company/deep/part.py", "NAME = 'mine'")
    places.caller(
        "company/work.py",
        """
        import company.deep.part
        def work():
            missing = []
            for name in ("company.old", "company.deep.old"):
                try:
                    __import__(name)
                except ModuleNotFoundError:
                    missing.append(name)
            return company.deep.part.NAME, hasattr(company, "OLD"), missing
    """,
    )
    for name in ("", "old", "deep/", "deep/old"):
        path = f"company/{name}__init__.py" if name.endswith("/") or not name else f"company/{name}.py"
        places.installed("editable/" * editable + path, "OLD = 1")
    places.installed("sitecustomize.py", dedent(EDITABLE * editable) + imported)
    out, _ = places.run("from company.work import work\nprint(use_runner(runner)(work)())")
    assert out == "('mine', False, ['company.old', 'company.deep.old'])\n"


def test_what_the_image_has_imported_of_a_namespace_stays_a_part_of_it(places):
    places.caller("company/deep/part.py", "NAME = 'mine'")
    places.caller("company/models.py", "NAME = 'mine'")
    places.caller(
        "company/work.py",
        """
        from importlib import import_module
        def work():
            lib, inner = import_module("company.lib"), import_module("company.deep.inner")
            from company import deep, models
            company = import_module("company")
            same = company.lib is lib and company.deep is deep and deep.inner is inner
            return same, lib.COUNT, models.NAME, deep.part.NAME
        import company.deep.part
    """,
    )
    places.installed("counted.py", "COUNT = []")
    places.installed("company/lib/__init__.py", "from counted import COUNT\nCOUNT.append(1)")
    places.installed("company/deep/inner.py")
    places.installed("company/models.py", "NAME = 'of the image'")
    places.installed("sitecustomize.py", "import company.lib, company.models, company.deep.inner")
    out, _ = places.run(
        "from company.work import work\nprint(use_runner(runner.elsewhere(on_code_change='ignore'))(work)())"
    )
    assert out == "(True, [1], 'mine', 'mine')\n"


def test_what_an_editable_install_adds_to_a_path_is_no_folder(package):
    package.caller("company/work.py", "import pkg.work\ndef work(x): return pkg.work.work(x)")
    out, _ = package.run("""
        import company.work, pkg
        for module in (company, pkg):
            module.__path__ = [*module.__path__, f"__editable__.{module.__name__}-1.0.finder.__path_hook__"]
        print(use_runner(runner)(company.work.work)(3))
    """)
    assert out == "15.0\n"


@pytest.mark.parametrize(
    "statement",
    [
        "import other",
        "import os, other as another",
        "import os, \\\n    other",
        "from other import (\n    VALUE,\n)",
        "try: import other\nexcept ImportError: pass",
        "x = 1; import other",
        "from importlib import import_module; import_module('other')",
        "__import__('other')",
    ],
)
def test_what_a_file_of_the_package_imports_travels_though_the_function_does_not_reach_it(places, statement):
    places.caller("pkg/__init__.py")
    places.caller("pkg/indirect.py", statement)
    places.caller("pkg/work.py", "import sys\ndef work():\n    return __import__('ot' + 'her').VALUE")
    places.caller("other.py", "VALUE = 'mine'")
    places.installed("other.py", "VALUE = 'of the image'")
    places.caller("others.py")
    assert places.run("import others, pkg.indirect\n" + CALL.replace("(3)", "()"))[0] == "mine\n"
    (tree,) = places.trees()
    assert b'"others.py"' not in tree.read_bytes()


def test_data_that_the_author_names_travels_with_the_package(places):
    places.caller("pkg/__init__.py")
    places.caller("pkg/data/rates.json", "[1, 2]")
    places.caller("pkg/data/other.txt", "3")
    places.caller(
        "pkg/work.py",
        """
        from importlib.resources import files
        def work():
            data = files("pkg") / "data"
            return data.joinpath("rates.json").read_text(), [each.name for each in data.iterdir()]
    """,
    )
    out, _ = places.run("""
        from pkg.work import work
        print(use_runner(runner.elsewhere(include=["*.json"]))(work)())
    """)
    assert out == "('[1, 2]', ['rates.json'])\n"


def test_what_is_installed_here_does_not_travel(places):
    places.caller("lib/site-packages/third/__init__.py", "NAME = 'of the caller'")
    places.installed("third/__init__.py", "NAME = 'of the image'")
    places.caller("work.py", "def work():\n    import third\n    return third.NAME")
    out, _ = places.run("""
        sys.path.append("lib/site-packages")
        from work import work
        print(use_runner(runner.elsewhere(first_party=["third"], on_code_change="ignore"))(work)())
    """)
    assert out == "of the image\n"


def test_what_an_argument_is_made_of_can_be_named_before_it_is_imported(places):
    places.caller("late.py", "class Thing:\n    size = 3")
    places.caller("work.py", "def work(thing):\n    return thing.size")
    out, _ = places.run("""
        from work import work
        work = use_runner(runner.elsewhere(first_party=["late"]), ignore=["thing"])(work)
        from late import Thing
        print(work(Thing()))
    """)
    assert out == "3\n"


def test_a_container_runs_code_that_its_image_has_not(docker, tmp_path, monkeypatch):
    write(tmp_path / "code" / "only_here" / "__init__.py", "def work(x):\n    return x + 1, __file__")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o777)
    shell = DockerShell(docker.image, user=os.getuid(), network="none")
    runner = MemoizingPicklingRunner(shell, root, code="tree")
    value, file = use_runner(runner)(import_module("only_here").work)(1)
    assert value == 2
    assert file.startswith("/tmp/mops-")


# ------------------------------------------------------------------------------------------------ which functions
def test_a_function_of_a_script_travels_by_value_and_what_it_imports_as_files(package):
    out, _ = package.run("""
        from pkg.parts import half
        @use_runner(runner)
        def work(x):
            return half(x) + 1
        print(work(3))
    """)
    assert out == "2.5\n"


def test_a_module_that_is_run_as_a_program_travels(package):
    text = """
        from elsewhere import runner
        @use_runner(runner)
        def work(x): return x + 1
        if __name__ == "__main__":
            print(work(1))
    """
    environment = package.project.environment(IMAGE=str(package.image))
    for name in ("pkg/program.py", "program.py"):
        package.project.write(name, text)
        module = name.removesuffix(".py").replace("/", ".")
        assert package.project.run("-m", module, env=environment).stdout == "2\n"
    assert len(package.trees()) == 2


def test_a_call_inside_of_a_call_ships_the_same_code(places):
    places.caller("pkg/__init__.py")
    places.project.write(
        "pkg/work.py",
        """
        from elsewhere import runner
        @use_runner(runner)
        def inner(x): return x + 1
        @use_runner(runner)
        def outer(x): return inner(x) * 2
    """,
    )
    out, _ = places.run("from pkg.work import outer\nprint(outer(1))")
    assert out == "4\n"
    assert len(places.trees()) == 1


# ------------------------------------------------------------------------------------------------ the snapshot
def test_equal_code_is_stored_once_whoever_packs_it_and_when(package):
    package.run("from pkg.work import work\nwork = use_runner(runner)(work)\nprint(work(1), work(2))")
    (tree,) = package.trees()
    for path in package.project.folder.rglob("*.py"):
        os.utime(path, (1, 1))
    package.run("from pkg.work import work\nwork = use_runner(runner)(work)\nprint(work(1), work(3))")
    assert package.trees() == [tree]


def test_calls_that_are_made_at_once_share_one_archive(package):
    out, _ = package.run("""
        from pkg.work import work
        work = use_runner(runner)(work)
        print(work.map(range(8)).wait())
    """)
    assert out == f"{[x * 5.0 for x in range(8)]}\n"
    assert len(package.trees()) == 1


def test_a_hit_packs_nothing(package):
    package.run(CALL)
    out, _ = package.run(CALL + "\nprint([name for name in sys.modules if name.startswith('mops.adapters.code.')])")
    assert out == "15.0\n[]\n"


def test_a_process_ships_what_it_packed_first_and_says_once_that_a_file_was_edited(package):
    out, err = package.run("""
        import pathlib
        from pkg.work import work
        work = use_runner(runner)(work)
        print(work(1))
        pathlib.Path("pkg/parts.py").write_text("def half(x): return 0")
        time.sleep(1.1)
        print(work(2), work(3))
    """)
    assert out == "5.0\n10.0 15.0\n"
    assert err.count("pkg/parts.py was edited after it was packed") == 1
    assert len(package.trees()) == 1


def test_a_file_that_was_edited_between_import_and_packing_is_not_run(package):
    out, _ = package.run("""
        import pathlib
        from pkg.work import work
        pathlib.Path("pkg/parts.py").write_text("def half(x): return 0")
        try:
            use_runner(runner)(work)(1)
        except MopsError as error:
            print(type(error).__name__, error)
    """)
    assert out.startswith("CodeMismatchError")
    assert "pkg.parts:half" in out
    assert "edited after the orchestrator had imported it" in out


def test_the_code_lies_in_a_private_folder_that_goes_with_the_remote(places):
    places.caller(
        "work.py",
        """
        import os
        def work():
            folder = os.path.dirname(__file__)
            return folder, os.stat(folder).st_mode, os.stat(__file__).st_mode
    """,
    )
    out, _ = places.run("from work import work\nprint(*use_runner(runner)(work)(), sep='|')")
    folder, *modes = out.rstrip().split("|")
    assert not os.path.exists(folder)
    assert all(stat.S_IMODE(int(mode)) & 0o077 == 0 for mode in modes)


# ------------------------------------------------------------------------------------------------ refused, and said


def test_a_compiled_extension_is_refused_before_anything_is_stored(package):
    package.caller("pkg/_fast.so")
    out, _ = package.run(REPORT)
    assert "pkg/_fast.so is a compiled extension" in out
    assert out.endswith("ConfigurationError\n")
    assert not package.project.claims()


def test_a_module_that_is_imported_here_and_ignored_by_git_is_named(package):
    package.caller(".gitignore", "_version.py")
    package.caller("pkg/_version.py", "version = '1'")
    package.caller("pkg/__init__.py", "from pkg._version import version")
    out, err = package.run(REPORT)
    assert "pkg/_version.py does not travel to remotes: git ignores it" in err
    assert "No module named 'pkg._version'" in out or "there is no module 'pkg._version'" in out
    assert "ignored by git, does not travel" in out
    assert out.endswith("FunctionNotFoundError\n")


@pytest.mark.parametrize("where", ["environment", "file", "program"])
def test_a_configuration_forbids_to_ship_code(package, where):
    if where == "file":
        package.caller(".mops.toml", "allow_tree = false")
    stated = "mops.config(allow_tree=False)" if where == "program" else "contextlib.nullcontext()"
    call = REPORT.replace("print(use_runner", f"with {stated}: print(use_runner")
    environment = {"MOPS_ALLOW_TREE": "0"} if where == "environment" else {}
    out, _ = package.run("import contextlib, mops\n" + dedent(call), **environment)
    assert "allow_tree forbids" in out
    assert out.endswith("ConfigurationError\n")
    assert not package.project.claims()


def test_an_image_forbids_code_that_is_not_its_own(package):
    package.installed(".mops.toml", "allow_tree = false")
    out, _ = package.run(REPORT)
    assert "allow_tree forbids here to run it" in out
    assert out.endswith("ConfigurationError\n")


DISTRIBUTION = "Third_Party-{}.dist-info/RECORD"


@pytest.mark.parametrize("body", ["import third_party; third_party.gone()", "import nowhere", "return 1"])
def test_distributions_that_differ_are_a_table_in_the_error(package, body):
    for put, version in ((package.caller, "1.0"), (package.installed, "2.0")):
        prefix = "lib/site-packages/" if put == package.caller else ""
        put(f"{prefix}third_party.py", "def gone(): return 'here'" if version == "1.0" else "")
        put(prefix + DISTRIBUTION.format(version), "third_party.py,,\n")
    package.caller("pkg/work.py", f"import third_party\ndef work(x):\n    {body}\n")
    out, _ = package.run("sys.path.append('lib/site-packages')\n" + dedent(REPORT))
    if body == "return 1":
        assert out == "1\n"
    else:
        assert (
            "what is installed differs:\n  distribution  orchestrator  remote\n  third-party   1.0           2.0\n"
            in out
        )


def test_a_distribution_that_every_interpreter_imports_by_itself_is_no_difference(package):
    package.caller("lib/site-packages/_distutils_hack/__init__.py")
    package.caller("lib/site-packages/setuptools-0.0.1.dist-info/RECORD", "_distutils_hack/__init__.py,,\n")
    package.caller("pkg/work.py", "def work(x):\n    import nowhere\n")
    start = (
        "sys.path.insert(0, 'lib/site-packages')\nsys.modules.pop('_distutils_hack', None)\nimport _distutils_hack\n"
    )
    out, _ = package.run(start + dedent(REPORT))
    assert "No module named 'nowhere'" in out
    assert "setuptools" not in out


def test_a_wrong_setting_is_refused_at_once(places):
    out, _ = places.run("""
        wrong = {"code": "image"}, {"code": "tree", "include": "*.json"}, {"include": ["*.json"]}, {"include": [1]}
        wrong += ({"code": "tree", "include": ["*.json", "pkg/../../*.json"]},)
        for settings in wrong:
            try:
                MemoizingPicklingRunner(elsewhere, root, **settings)
            except MopsError as error:
                print(error)
    """)
    assert out.splitlines() == [
        "code is 'installed' or 'tree', not 'image'",
        "include is a list of patterns, not '*.json'",
        "include= says what travels beside *.py, and with code='installed' nothing travels",
        "include is a list of patterns, not (1,)",
        "include has 'pkg/../../*.json': what lies outside of the packages does not travel",
    ]


# ------------------------------------------------------------------------------------------------ trust
SWAPPING = """
    import pathlib
    from blake3 import blake3
    from mops.core.blob_layout import content_key
    from mops.core.code_tree import pack_tree

    evil = b"".join(pack_tree({"pkg/__init__.py": b"open('../trap', 'w')", "pkg/work.py": b"def work(x): return 0"}))

    def replace(path, content):
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    def swap_the_blob(argv):
        (tree,) = pathlib.Path(root).glob("mops1/blob/*/*")
        replace(tree, evil)
        elsewhere(argv)

    def swap_the_claim(argv):
        (tree,) = pathlib.Path(root).glob("mops1/blob/*/*")
        other = pathlib.Path(root, content_key(blake3(evil).digest()))
        replace(other, evil)
        (claim,) = (path for path in pathlib.Path(root).glob("mops1/memo/**/e1") if path.is_file())
        covered = claim.read_bytes()[104:].replace(tree.name.encode(), other.name.encode())
        replace(claim, claim.read_bytes()[:72] + blake3(covered).digest() + covered)
        elsewhere(argv)
"""


@pytest.mark.parametrize("verify", ["off", "require"])
@pytest.mark.parametrize("swap", ["swap_the_blob", "swap_the_claim"])
def test_code_that_was_swapped_in_the_store_is_run_only_where_nothing_is_signed(package, swap, verify):
    call = f"runner = runner.elsewhere(shell={swap}, verify={verify!r})\n"
    environment = {"MOPS_SIGNING_KEY": "the-key-of-the-team-" * 2} if verify == "require" else {}
    out, err = package.run(dedent(SWAPPING) + call + dedent(REPORT), **environment)
    if swap == "swap_the_blob":
        assert out.endswith("CorruptBlob\n")
    elif verify == "require":
        assert "is not believed here" in err
    else:
        assert "CodeMismatchError" in out  # by then it was imported: who can write to such a root is believed
    assert (package.image.parent / "trap").exists() == (swap == "swap_the_claim" and verify == "off")
