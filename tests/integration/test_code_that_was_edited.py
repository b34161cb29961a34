"""Code that is edited while a process runs: what travels is never another code than the one that the key is made of."""

from textwrap import dedent

import pytest

ATTEMPT = """
    import importlib, pathlib
    from pkg.work import work
    import settings

    def attempt(function, *arguments):
        try:
            print(function(*arguments))
        except MopsError as error:
            print(type(error).__name__, error)

    def edit(path, text):  # to another size: what Python compiled is told by it, and by the second
        pathlib.Path(path).write_text(text)
"""


def run(package, text, **environment):
    return package.run(dedent(ATTEMPT) + dedent(text), **environment)


def test_a_constant_that_was_edited_between_import_and_packing_is_not_computed_with(package):
    out, _ = run(
        package,
        """
        edit("settings.py", "SCALE = 99  # edited")
        attempt(use_runner(runner)(work), 3)
    """,
    )
    assert out.startswith("CodeMismatchError")
    assert "settings:SCALE" in out
    assert "start that process anew" in out
    assert not package.project.results()


def test_a_module_that_is_loaded_anew_after_packing_is_not_mistaken_for_what_was_packed(package):
    out, _ = run(
        package,
        """
        work = use_runner(runner)(work)
        attempt(work, 1)
        edit("settings.py", "SCALE = 99  # edited")
        attempt(work, 2)
        importlib.reload(settings)
        attempt(work, 3)
    """,
    )
    first, second, third = out.splitlines()[:3]
    assert (first, second) == ("5.0", "10.0")
    assert third.startswith("CodeMismatchError")
    assert "settings:SCALE" in third
    assert len(package.project.results()) == 2


def test_a_module_that_was_loaded_anew_before_packing_travels(package):
    out, _ = run(
        package,
        """
        edit("settings.py", "SCALE = 99  # edited")
        importlib.reload(settings)
        attempt(use_runner(runner)(work), 2)
    """,
    )
    assert out == "99.0\n"


def test_a_forked_process_knows_that_its_parent_imported_before_the_edit(package):
    out, _ = run(
        package,
        """
        edit("settings.py", "SCALE = 99  # edited")
        time.sleep(0.1)  # the child begins later than the edit
        child = os.fork()
        if child == 0:
            attempt(use_runner(runner)(work), 3)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
    """,
    )
    assert out.startswith("CodeMismatchError")
    assert "settings:SCALE" in out


@pytest.mark.parametrize("code", ["installed", "tree"])
def test_a_function_by_value_does_not_call_what_its_key_does_not_know(package, code):
    shell = "" if code == "tree" else ".elsewhere(code='installed', shell=SubprocessShell())"
    out, _ = run(
        package,
        f"""
        from pkg.parts import half
        edit("pkg/parts.py", "def half(x): return 1000")
        @use_runner(runner{shell})
        def plus_one(x):
            return half(x) + 1
        attempt(plus_one, 3)
    """,
    )
    assert out.startswith("CodeMismatchError")
    assert "pkg.parts:half" in out
    assert not package.project.results()


def test_constants_may_differ_where_nothing_was_edited(package):
    package.caller("settings.py", "import os\nSCALE = int(os.environ['PWD_LENGTH'])")
    package.caller(
        "elsewhere.py", package.read("elsewhere.py").replace('"PYTHONPATH"', '"PWD_LENGTH": "7", "PYTHONPATH"')
    )
    out, _ = run(package, "attempt(use_runner(runner)(work), 2)", PWD_LENGTH="5")
    assert out == "7.0\n"


def test_a_call_inside_of_a_call_takes_what_arrived_for_what_was_imported(package):
    package.caller("settings.py", "import os\nSCALE = os.getpid()")
    package.project.write(
        "pkg/nested.py",
        """
        import settings
        from elsewhere import runner
        @use_runner(runner)
        def inner(x): return x * settings.SCALE > 0
        @use_runner(runner)
        def outer(x): return inner(x)
    """,
    )
    out, _ = run(package, "from pkg.nested import outer\nattempt(outer, 1)")
    assert out == "True\n"


def test_a_module_that_is_removed_before_packing_is_not_the_one_of_the_image(package):
    out, _ = run(package, 'os.unlink("settings.py")\nattempt(use_runner(runner)(work), 3)')
    assert out.startswith("ConfigurationError")
    assert "settings.py cannot travel: it is gone" in out
    assert not package.project.claims()


def test_a_file_that_is_removed_after_packing_travels_all_the_same(package):
    package.caller("pkg/other.py", "from pkg.parts import half\ndef work(x): return half(x)")
    out, _ = run(
        package,
        """
        import pkg.other
        attempt(use_runner(runner)(work), 2)
        os.unlink("pkg/parts.py")
        edit("pkg/new.py", "")
        attempt(use_runner(runner.elsewhere(first_party=["json"]))(pkg.other.work), 2)
        attempt(use_runner(runner.elsewhere(include=["*.txt"]))(pkg.other.work), 4)
    """,
    )
    assert out == "10.0\n1.0\n2.0\n"
