"""Import every module of mops where nothing but mops and its base dependencies is installed. Run as a script.

A module may fail for the lack of the one package that it exists for, and of no other.
"""

import contextlib
import importlib
import importlib.util
import io
import pkgutil
import sys
import tempfile

import mops

ADAPTED = {"numpy", "pandas", "polars", "pyarrow", "pydantic"}  # each by a module of its name
ADAPTERS = {"mops.adapters.values", "mops.adapters.codecs"}
TEST_TOOLS = {"pytest", "hypothesis"}  # by mops.testing


def may_lack(module: str) -> set[str]:
    """What the module exists for."""
    if module.startswith("mops.testing."):
        return TEST_TOOLS
    if module.startswith("mops.adapters.blob_stores.object_store"):
        return {"obstore"}
    if module.startswith("mops.adapters.blob_stores.azure"):
        return {"azure"}
    if module.startswith("mops.adapters.shells.docker."):
        return {"docker"}
    package, _, name = module.rpartition(".")
    return ADAPTED & {name} if package in ADAPTERS else set()


def main() -> int:
    """Print what could not be imported, and return the number of it."""
    present = {name for name in ADAPTED | TEST_TOOLS | {"azure", "docker", "obstore"} if importlib.util.find_spec(name)}
    if present:
        print(f"this environment is not bare, it has {', '.join(sorted(present))}")
        return len(present)
    names = [module.name for module in pkgutil.walk_packages(mops.__path__, "mops.")]
    failures = 0
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in may_lack(name):
                print(f"{name}: {error}")
                failures += 1
    for name in mops.__all__:
        getattr(mops, name)
    print(f"{len(names)} modules, {failures} of them cannot be imported")
    return failures + remembers_nothing()


def remembers_nothing() -> bool:
    """Whether a call runs again that was made already."""
    runs: list[int] = []

    def run(number: int) -> int:
        print(f"running with {number}")
        return number + 1

    with tempfile.TemporaryDirectory() as root:
        memoized = mops.use_runner(mops.MemoizingPicklingRunner(mops.InThreadShell(), root))(run)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            runs += [memoized(1), memoized(1)]
    return runs != [2, 2] or output.getvalue() != "running with 1\n"


if __name__ == "__main__":
    sys.exit(main())
