"""Import every module of mops where nothing but mops and its base dependencies is installed. Run as a script.

A module may fail for the lack of the one package that it exists for, and of no other.
"""

import importlib
import importlib.util
import pkgutil
import sys

import mops

ADAPTED = {"numpy", "pandas", "polars", "pyarrow", "pydantic"}  # each by mops.adapters.values.<name>
TEST_TOOLS = {"pytest", "hypothesis"}  # by mops.testing


def may_lack(module: str) -> set[str]:
    """What the module exists for."""
    if module.startswith("mops.testing."):
        return TEST_TOOLS
    return ADAPTED & {module.removeprefix("mops.adapters.values.")}


def main() -> int:
    """Print what could not be imported, and return the number of it."""
    present = {name for name in ADAPTED | TEST_TOOLS if importlib.util.find_spec(name)}
    if present:
        print(f"this environment is not bare, it has {', '.join(sorted(present))}")
        return len(present)
    names = [module.name for module in pkgutil.walk_packages(mops.__path__, "mops.")]
    failures = 0
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            if error.name not in may_lack(name):
                print(f"{name}: {error}")
                failures += 1
    for name in mops.__all__:
        getattr(mops, name)
    print(f"{len(names)} modules, {failures} of them cannot be imported")
    return failures


if __name__ == "__main__":
    sys.exit(main())
