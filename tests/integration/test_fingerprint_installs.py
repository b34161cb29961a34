"""One package, installed in every way that people install packages, has one fingerprint."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "sampled"
version = "1.0"
"""
BACKEND = """
import pathlib, zipfile

ABOUT = {
    "METADATA": "Metadata-Version: 2.1\\nName: sampled\\nVersion: 1.0\\n",
    "WHEEL": "Wheel-Version: 1.0\\nGenerator: sample\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "RECORD": "",
}

def write(folder, files):
    with zipfile.ZipFile(pathlib.Path(folder) / "sampled-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in [*files, *((f"sampled-1.0.dist-info/{name}", text) for name, text in ABOUT.items())]:
            wheel.writestr(name, text)
    return "sampled-1.0-py3-none-any.whl"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    files = pathlib.Path("src/sampled").glob("*.py")
    return write(folder, [(f"sampled/{file.name}", file.read_text()) for file in files])

def build_editable(folder, config_settings=None, metadata_directory=None):
    return write(folder, [("_sampled.pth", str(pathlib.Path("src").resolve()))])
"""
MAIN = '''
import os
from pathlib import Path

import attrs

from sampled.helpers import Model, run

HERE = Path(__file__).parent
DATA = HERE / "data" / "table.csv"
FOLDER = os.path.dirname(__file__)


def f(x, n=3):
    """Compute."""
    from sampled import lazily

    assert x not in {"a", "b", "c"}
    return run(x) + n + len(str(DATA)) + len(FOLDER) + Model(1).size + lazily.late(x) + len(attrs.fields(Model))
'''
HELPERS = """
import attrs

@attrs.frozen
class Model:
    size: int = 1

def run(x):
    return x + 1
"""
PROBE = """
import json, sys
from mops.api.functions.first_party import FirstParty
from mops.core.fingerprint import Fingerprinter
from mops.core.fingerprint.surroundings import Surroundings
import sampled.main

def digest(value, roots):
    text = str(value)
    for root in roots:
        text = text.replace(root, "")
    return text.encode(), ()

first_party = FirstParty("sampled.main")
world = Surroundings(cache_tag=sys.implementation.cache_tag, is_first_party=first_party, modules=sys.modules,
              load=first_party.load, constant=digest, logic_key_of=lambda value: None)
fingerprint = Fingerprinter(world).of(sampled.main.f)
print(json.dumps([sampled.main.__file__, fingerprint.digest.hex(), dict(fingerprint.table)]))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    package = root / "src" / "sampled"
    package.mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "backend.py").write_text(BACKEND)
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text(MAIN)
    (package / "helpers.py").write_text(HELPERS)
    (package / "lazily.py").write_text("FACTOR = 4\ndef late(x):\n    return x * FACTOR\n")
    return root


def install(checkout: Path, target: Path, *options: str) -> Path:
    """Install into `target`, which stands for the folder of packages of some environment."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), *options, str(checkout)], check=True, timeout=120)
    return target


def probe(folder: Path, *, follow_path_files: bool = False) -> tuple[str, str, dict[str, str]]:
    """Take the fingerprint in a fresh process that finds the package in `folder`, as an environment would."""
    add = "import site; site.addsitedir" if follow_path_files else "import sys; sys.path.append"
    answer = subprocess.run(
        [sys.executable, "-c", f"{add}({str(folder)!r})\n{PROBE}"],
        env=os.environ | {"PYTHONHASHSEED": "random"},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    file, digest, table = json.loads(answer.stdout)
    return file, digest, table


def test_a_checkout_an_editable_install_and_a_wheel_have_the_same_fingerprint(checkout, tmp_path):
    wheel = install(checkout, tmp_path / "lib" / "python3" / "site-packages")
    editable = install(checkout, tmp_path / "editable" / "site-packages", "--editable")

    places = [probe(checkout / "src"), probe(editable, follow_path_files=True), probe(wheel)]

    source = str(checkout / "src" / "sampled" / "main.py")
    assert [file for file, _, _ in places] == [source, source, str(wheel / "sampled" / "main.py")]
    assert {digest for _, digest, _ in places} == {places[0][1]}
    reached = {"f", "DATA", "FOLDER", "f(n)"}
    assert {f"sampled.main:{name}" for name in reached} < set(places[0][2])
    assert {"sampled.helpers:run", "sampled.helpers:Model", "sampled.lazily:late"} < set(places[0][2])


def test_an_edit_is_seen_through_an_editable_install_and_not_through_a_wheel(checkout, tmp_path):
    wheel = install(checkout, tmp_path / "site-packages")
    before = probe(wheel)
    helpers = checkout / "src" / "sampled" / "helpers.py"
    helpers.write_text(HELPERS.replace("x + 1", "x + 2"))
    try:
        edited = probe(checkout / "src")
    finally:
        helpers.write_text(HELPERS)
    assert probe(wheel) == before
    assert edited[1] != before[1]
    assert [name for name in edited[2] if edited[2][name] != before[2].get(name)] == ["sampled.helpers:run"]
