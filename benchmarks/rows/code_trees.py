"""Code that travels: what the first call of a process waits for, here until it is packed, there until it is unpacked.

Each is measured in a fresh process, with all that it imports on the way.
"""

from pathlib import Path

from harness import OURS, Budget, Contestant, Row, Sample, in_fresh_process

FILES = 300
FUNCTIONS = 100
"""In each file."""

PACK = """
import sys
from pathlib import Path
from time import perf_counter
import mops
from mops.api.memoizing_runner import MemoizingPicklingRunner
folder = sys.argv[1]
sys.path.insert(0, folder)
import pkg.part0.m1
started = perf_counter()
from mops.api.calls.shipped_code import code_tree
tree = code_tree(frozenset({"pkg.part0.m1"}), (), ("*.json",), print)
stopped = perf_counter()
Path(folder, "tree").write_bytes(b"".join(tree.as_file().pieces()))
print(stopped - started)
"""
UNPACK = """
import sys
from pathlib import Path
from time import perf_counter
import mops.api.remote
from mops.core.canonical.leaves import content_digest
blob = Path(sys.argv[1], "tree").read_bytes()
started = perf_counter()
from mops.api.arrived_code import use_code
content_digest(blob)
use_code(blob)
stopped = perf_counter()
from pkg.part29.m299 import function_1
assert function_1(1) == 2
print(stopped - started)
"""


def package(folder: Path) -> None:
    """Write a package with folders of ten modules, in a repository with a ``.gitignore``."""
    text = "".join(f"def function_{number}(x):\n    return x + {number}\n\n\n" for number in range(FUNCTIONS))
    (folder / ".git").mkdir()  # a repository of its own: one around it may ignore the folder
    (folder / ".gitignore").write_text("*.pyc\n*.log\nbuild/\ndist/\n.venv/\n/data\nsecret*\n")
    for number in range(FILES):
        name = "__init__.py" if number % 10 == 0 else f"m{number}.py"
        path = folder / "pkg" / f"part{number // 10}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "pkg" / "__init__.py").touch()


def packing(folder: Path) -> Sample:
    """Find, read, frame and digest; with the distributions that are imported, and their versions."""
    package(folder)
    return lambda: in_fresh_process(PACK, folder)


def unpacking(folder: Path) -> Sample:
    """Verify, read, write, and have the process import from there; not the imports."""
    package(folder)
    in_fresh_process(PACK, folder)
    return lambda: in_fresh_process(UNPACK, folder)


def row(name: str, contestant: Contestant, limit: float) -> Row:
    """A row of ours alone: nobody else does this."""
    return Row(name, Budget(limit), 9, {OURS: contestant})


ROWS = [
    row("packing the code of 300 files", packing, 0.05),
    row("unpacking the code of 300 files", unpacking, 0.03),
]
