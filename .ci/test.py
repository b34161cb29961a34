"""Everything that must hold before a change lands; with names as arguments, those stages alone.

The tests run against the built wheel: from a folder that has the tests and all that they read, but not the sources.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from environments import (
    AZURITE,
    CACHE,
    PROJECT,
    SECOND_PYTHON,
    SITE_OF_SECOND_PYTHON,
    bare_environment,
    build_wheel,
    environment,
    image_layers,
    install_debian,
    install_wheel,
    node_tool,
    one_at_a_time,
    second_python,
)
from stages import Stage, close, report_file, run_lanes

ROOM = CACHE / "room"
CONTAINERS = "test_docker*.py"
SEEDS = "1000"  # of each simulated scenario, unless MOPS_SIM_SEEDS says otherwise


def main(names: Sequence[str]) -> int:
    """Set up, run the stages in two lanes, one a core, and return the exit status."""
    python = environment("test", "test")
    wheel = build_wheel(python)
    install_wheel(python, wheel)
    prepare_room()
    lanes = ([*lint_stages(python), *test_stages(python, wheel)], [simulation(python)])
    chosen = [[stage for stage in lane if not names or stage.name in names] for lane in lanes]
    return close(run_lanes(*filter(None, chosen)))


def prepare_room() -> None:
    """Copy what the tests read into a folder where ``import mops`` can only mean the installed wheel."""
    shutil.rmtree(ROOM, ignore_errors=True)
    litter = shutil.ignore_patterns("__pycache__", "results", ".mops-demo")
    for name in ("tests", "examples", "docs", "benchmarks", ".ci"):
        shutil.copytree(PROJECT / name, ROOM / name, ignore=litter)
    for file in (*PROJECT.glob("*.md"), *map(PROJECT.joinpath, ("pyproject.toml", "Makefile", "LICENSE"))):
        shutil.copy(file, ROOM)


def lint_stages(python: Path) -> list[Stage]:
    """Formatting, lint, types and import contracts, on the sources."""
    tools = python.parent
    ruff = str(tools / "ruff")
    return [
        Stage("lint", lambda: [[ruff, "check"], [ruff, "format", "--check"]], PROJECT, clean()),
        Stage("types", lambda: [[str(tools / "mypy")]], PROJECT, clean()),
        Stage("public-types", lambda: [[str(tools / "pyright"), "--pythonpath", str(python)]], PROJECT, clean()),
        Stage("imports", lambda: [[str(tools / "lint-imports")]], PROJECT, clean()),
    ]


def test_stages(python: Path, wheel: Path) -> list[Stage]:
    """The tests, apart from the long simulation."""

    def unit() -> list[list[str]]:
        node_tool(*AZURITE)
        install_docker(python)
        return [[str(python), "-m", "coverage", "run", *_pytest("unit", "tests/unit", "tests/contract")]]

    def without_extras() -> list[list[str]]:
        return [[str(bare_environment(wheel)), "tests/import_every_module.py"]]

    def integration() -> list[list[str]]:
        install_debian(strace="strace")
        node_tool(*AZURITE)
        install_docker(python)
        second_python(python, wheel)
        return [[str(python), *_pytest("integration", "tests/integration", f"--ignore-glob=*/{CONTAINERS}")]]

    def containers() -> list[list[str]]:
        install_docker(python)
        files = sorted(str(file.relative_to(ROOM)) for file in ROOM.glob(f"tests/integration/{CONTAINERS}"))
        return [[str(python), *_pytest("containers", *files)]]

    services = {"MOPS_TEST_AZURITE": str(CACHE / AZURITE[0]), "MOPS_TEST_IMAGE": str(CACHE / "image")}
    other = f"chroot {SECOND_PYTHON} /usr/bin/env PYTHONPATH=/{SITE_OF_SECOND_PYTHON} /usr/bin/python3.13"
    return [
        Stage("no-extras", without_extras, ROOM, clean()),
        Stage("unit", unit, ROOM, clean(**services), 1800),
        Stage("coverage", lambda: _coverage(python), ROOM, clean()),
        Stage("integration", integration, ROOM, clean(MOPS_OTHER_PYTHON=other, **services), 2400),
        Stage("containers", containers, ROOM, clean(**services), 1200),
    ]


def install_docker(python: Path) -> None:
    """Install a Docker engine, and make what its images consist of."""
    install_debian(dockerd="docker.io", **{"docker-init": "tini"})
    image_layers(python)


def simulation(python: Path) -> Stage:
    """The protocol under virtual time with faults, many seeds."""
    seeds = os.environ.get("MOPS_SIM_SEEDS", SEEDS)
    unhurried = ["-o", "faulthandler_exit_on_timeout=false"]
    command = [str(python), *_pytest("simulation", "tests/simulation"), "-s", *unhurried]
    return Stage("simulation", lambda: [command], ROOM, clean(MOPS_SIM_SEEDS=seeds), max(1200, int(seeds)))


def clean(**extra: str) -> dict[str, str]:
    """The environment without what would let tests import another mops than the wheel; the same by hand and in CI."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("MOPS_TEST_") or not name.startswith(("PYTHON", "MOPS_"))
    }
    return {**inherited, "CI": "true", "MOPS_TEST_WHEEL": "1", **extra}


def _pytest(stage: str, *folders: str) -> list[str]:
    return ["-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report_file(stage)}", *folders]


def _coverage(python: Path) -> list[list[str]]:
    coverage = [str(python), "-m", "coverage"]
    return [[*coverage, "combine", "--quiet"], [*coverage, "report"]]


if __name__ == "__main__":
    with one_at_a_time():
        sys.exit(main(sys.argv[1:]))
