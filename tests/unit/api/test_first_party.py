"""Which modules count as the user's own code."""

import os
import subprocess
import sys
import types

import attrs
import pytest

from mops.api.functions.first_party import FirstParty


def module_at(name: str, file: str | None) -> types.ModuleType:
    module = types.ModuleType(name)
    if file is not None:
        module.__file__ = file
    return module


def test_the_package_of_the_function_is_first_party_even_where_packages_are_installed():
    file = "/env/lib/python3.11/site-packages/mine/tools.py"
    assert FirstParty("mine.main")("mine.tools", module_at("mine.tools", file))
    assert not FirstParty("yours.main")("mine.tools", module_at("mine.tools", file))


@pytest.mark.parametrize("name", ["json", "os.path", "builtins", "asyncio.events", "__future__"])
def test_the_standard_library_is_not(name):
    assert not FirstParty("mine.main")(name, sys.modules.get(name))


def test_a_module_that_shares_its_name_with_the_standard_library_is_judged_by_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "this", module_at("this", str(tmp_path / "this.py")))
    assert FirstParty("mine.main")("this", sys.modules["this"])


@pytest.mark.parametrize("name", ["_sysconfigdata__of_some_system", "_distutils_system_mod"])
def test_what_lies_in_the_folder_of_the_standard_library_is_not_whatever_its_name(name):
    folder = os.path.dirname(os.__file__)
    first_party = FirstParty("mine.main")
    assert not first_party(name, module_at(name, f"{folder}/{name}.py"))
    assert first_party(name, module_at(name, f"{folder}-of-mine/{name}.py"))
    assert FirstParty(f"{name}.main")(name, module_at(name, f"{folder}/{name}.py"))


@pytest.mark.parametrize("name", ["sitecustomize", "usercustomize"])
def test_what_sets_an_interpreter_up_is_not_wherever_it_lies(name, tmp_path):
    assert not FirstParty("mine.main")(name, module_at(name, str(tmp_path / f"{name}.py")))
    assert FirstParty("mine.main", [name])(name, module_at(name, str(tmp_path / f"{name}.py")))
    assert FirstParty("mine.main")(f"{name}s", module_at(f"{name}s", str(tmp_path / f"{name}s.py")))


def test_installed_distributions_are_not():
    first_party = FirstParty("mine.main")
    assert not first_party("attrs", attrs)
    assert not first_party("yaml", module_at("yaml", "/usr/lib/python3/dist-packages/yaml/__init__.py"))
    assert not first_party("blake3", None)


def test_an_installed_module_that_calls_itself_a_package_is_not():
    module = module_at("six", "/env/lib/python3.11/site-packages/six.py")
    module.__path__ = []
    assert not FirstParty("mine.main")("six", module)


def test_installed_packages_that_were_named_are_with_their_submodules_and_no_others():
    first_party = FirstParty("mine.main", ["company.models", "attrs"])
    assert first_party("attrs", attrs)
    assert first_party("company.models.linear", None)
    installed = "/env/lib/python3.11/site-packages/company/modelsuite.py"
    assert not first_party("company.modelsuite", module_at("company.modelsuite", installed))


def test_mops_itself_never_is_not_even_for_its_own_functions():
    assert not FirstParty("mops.core", ["mops"])("mops.core.errors", sys.modules.get("mops.core.errors"))


@pytest.mark.parametrize("name", ["__main__", "__mp_main__"])
def test_the_main_module_is(name):
    assert FirstParty("mine.main")(name, sys.modules.get(name))


def test_modules_that_were_never_a_file_are():
    assert FirstParty("mine.main")("made_in_a_notebook", module_at("made_in_a_notebook", None))


def test_other_packages_of_a_checkout_or_an_editable_install_are(tmp_path):
    assert FirstParty("mine.main")("sibling", module_at("sibling", str(tmp_path / "sibling.py")))


RECORD = """\
thing/__init__.py,sha256=x,10
thing/part/tools.py,,
single.py,sha256=y,20
fast.cpython-311-x86_64-linux-gnu.so,,
thing-1.0.dist-info/RECORD,,
"""


def test_packages_that_an_installer_recorded_in_a_target_folder_are_not(tmp_path):
    (tmp_path / "thing-1.0.dist-info").mkdir()
    (tmp_path / "thing-1.0.dist-info" / "RECORD").write_text(RECORD)
    package = module_at("thing", str(tmp_path / "thing" / "__init__.py"))
    package.__path__ = [str(tmp_path / "thing")]
    assert not FirstParty("mine.main")("thing", package)
    assert not FirstParty("mine.main")("single", module_at("single", str(tmp_path / "single.py")))
    assert not FirstParty("mine.main")("fast", module_at("fast", str(tmp_path / "fast.cpython-311-x86_64.so")))
    assert FirstParty("thing.main")("thing", package)


def test_modules_beside_what_an_installer_recorded_are(tmp_path):
    (tmp_path / "thing-1.0.dist-info").mkdir()
    (tmp_path / "thing-1.0.dist-info" / "RECORD").write_text(RECORD)
    (tmp_path / "unrecorded-1.0.dist-info").mkdir()
    assert FirstParty("mine.main")("helpers", module_at("helpers", str(tmp_path / "helpers.py")))
    assert FirstParty("mine.main")("thingy", module_at("thingy", str(tmp_path / "thingy.py")))


def test_a_folder_that_cannot_be_listed_holds_no_distributions():
    assert FirstParty("mine.main")("gone", module_at("gone", "/no/such/folder/gone.py"))


def test_namespace_packages_are_judged_by_where_they_lie(tmp_path):
    spaced = module_at("spaced", None)
    spaced.__path__ = ["/env/lib/python3.11/site-packages/spaced"]
    assert not FirstParty("mine.main")("spaced", spaced)
    spaced.__path__ = [str(tmp_path / "spaced")]
    assert FirstParty("mine.main")("spaced", spaced)


def test_a_submodule_is_judged_by_its_top_level_package(monkeypatch):
    top = module_at("thing", "/env/lib/python3.11/site-packages/thing/__init__.py")
    top.__path__ = ["/env/lib/python3.11/site-packages/thing"]
    monkeypatch.setitem(sys.modules, "thing", top)
    assert not FirstParty("mine.main")("thing.made", module_at("thing.made", None))


def test_a_module_that_is_not_loaded_is_judged_by_where_it_would_come_from(tmp_path, monkeypatch):
    (tmp_path / "later.py").write_text("raise AssertionError('imported')")
    (tmp_path / "later_package").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    first_party = FirstParty("mine.main")
    assert first_party("later", None)
    assert first_party("later_package.part", None)
    assert not first_party("there_is_no_such_module", None)


def test_loading_imports_a_module_and_answers_none_where_that_fails(tmp_path, monkeypatch):
    (tmp_path / "loadable.py").write_text("VALUE = 1\n")
    (tmp_path / "failing.py").write_text("raise RuntimeError('no device')\n")
    monkeypatch.syspath_prepend(tmp_path)
    first_party = FirstParty("mine.main")
    assert first_party.load("loadable").VALUE == 1
    assert first_party.load("failing") is None
    assert first_party.load("absent") is None
    monkeypatch.delitem(sys.modules, "loadable")


def test_nothing_reads_the_metadata_of_distributions():
    code = (
        "import sys; from mops.api.functions.first_party import FirstParty as F; import attrs; F('a')('attrs', attrs)"
    )
    code += "; print('importlib.metadata' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
