"""The environments, the wheel and the second Python that the checks run in: made under .cache/, kept between runs."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
CACHE = PROJECT / ".cache"
SECOND_PYTHON = CACHE / "trixie"
SITE_OF_SECOND_PYTHON = "opt/site"  # relative to its root folder
AZURITE = ("azurite", "3.37.0")  # the emulator of Azure Blob Storage
IMAGE = ("--variant=minbase", "--include=python3,tzdata,ca-certificates", "bookworm")


def run(*command: str | Path, **environment: str) -> None:
    """Run one command from the project's folder; print what it said and raise ``CalledProcessError`` if it fails."""
    print("+", *command, flush=True)
    done = subprocess.run(
        command,
        check=False,
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        print(done.stdout.decode(errors="replace"), flush=True)
    done.check_returncode()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other run uses what lies under .cache/."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another run that uses {CACHE}", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_debian(**package_of_command: str) -> None:
    """Install the Debian packages of those commands that are missing.

    Raises:
        OSError: this is no Debian with root.
        subprocess.CalledProcessError: a package cannot be had; what was said about it is printed.
    """
    missing = {package for command, package in package_of_command.items() if not shutil.which(command)}
    if missing:
        if not shutil.which("apt-get") or os.getuid():
            raise OSError(f"install {', '.join(sorted(missing))}: only root of a Debian has it done by itself")
        run("apt-get", "update")
        run("apt-get", "install", "-y", *sorted(missing), DEBIAN_FRONTEND="noninteractive")


def environment(name: str, *groups: str) -> Path:
    """Make ``.cache/<name>`` with these dependency groups and what mops itself needs; return its Python.

    It is made anew when its requirements or the Python that makes it have changed.
    """
    folder = CACHE / name
    python = folder / "bin" / "python"
    key = _key(groups)
    if not _is_current(folder, key):
        shutil.rmtree(folder, ignore_errors=True)
        run(sys.executable, "-m", "venv", folder)
        run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip")
        run(python, "-m", "pip", "install", "--quiet", *_base_requirements(), *(f"--group={group}" for group in groups))
        _stamp(folder).write_text(key)
    return python


def node_tool(name: str, version: str) -> Path:
    """Install a tool of npm's into ``.cache/<name>``, if it is not there in that version; return the folder."""
    folder = CACHE / name
    if not _is_current(folder, version):
        install_debian(npm="npm")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        run("npm", "install", *quiet, "--prefix", folder, f"{name}@{version}")
        _stamp(folder).write_text(version)
    return folder


def build_wheel(python: Path) -> Path:
    """Build the wheel of this tree with an environment that has hatchling."""
    folder = CACHE / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ".")
    (wheel,) = folder.glob("*.whl")
    return wheel


def install_wheel(python: Path, wheel: Path) -> None:
    """Put the wheel, and nothing else, into an environment in place of an earlier one."""
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", wheel)


def bare_environment(wheel: Path) -> Path:
    """Make an environment anew by nothing but ``pip install <wheel>``."""
    folder = CACHE / "bare"
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)
    return folder / "bin" / "python"


def second_python(python: Path, wheel: Path) -> None:
    """Make a Debian 13 in ``SECOND_PYTHON``: Python 3.13, the wheel, and the libraries whose values mops keys.

    These libraries have the versions that they have for the first Python.
    """
    versions = CACHE / "versions.txt"
    versions.write_text(_output(python, "-m", "pip", "freeze", "--exclude", "mops-run"))
    key = _key([versions.read_text()])
    if not _is_current(SECOND_PYTHON, key):
        install_debian(debootstrap="debootstrap")
        shutil.rmtree(SECOND_PYTHON, ignore_errors=True)
        run("debootstrap", "--variant=minbase", "--include=python3,tzdata", "trixie", SECOND_PYTHON)
        _install_into_second_python(python, "--group=values", "--constraint", versions, *_base_requirements())
        _stamp(SECOND_PYTHON).write_text(key)
    _install_into_second_python(python, "--no-deps", "--upgrade", wheel)


def image_layers(python: Path) -> Path:
    """Make ``.cache/image``: what an image for tests has below mops, a Debian 12 with Python and what mops needs.

    Returns:
        A folder with two layers: ``0.tar`` is Debian, and ``1.tar`` what mops needs. It is made anew when what it is
        made from has changed, and where making it was interrupted or failed.
    """
    folder = CACHE / "image"
    key = _key(["image", *IMAGE])
    if not _is_current(folder, key):
        install_debian(debootstrap="debootstrap")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        root, site = folder / "root", folder / "site"
        run("debootstrap", *IMAGE, root)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for litter in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"):
            shutil.rmtree(root / litter, ignore_errors=True)
        packages = site / "usr/local/lib/python3.11/dist-packages"
        target = ("--target", packages, "--python-version", "3.11", "--only-binary", ":all:")
        run(python, "-m", "pip", "install", "--quiet", *target, *_base_requirements())
        for layer, content in enumerate((root, site)):
            owned = ("--owner=0", "--group=0", "--numeric-owner", "--sort=name")
            run("tar", *owned, "-cf", folder / f"{layer}.tar", "-C", content, ".")
            shutil.rmtree(content)
        _stamp(folder).write_text(key)
    return folder


def _install_into_second_python(pip: Path, *what: str | Path) -> None:
    site = SECOND_PYTHON / SITE_OF_SECOND_PYTHON
    target = ("--target", site, "--python-version", "3.13", "--only-binary", ":all:")
    run(pip, "-m", "pip", "install", "--quiet", *target, *what)


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, cwd=PROJECT, stdout=subprocess.PIPE, text=True).stdout


def _project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())


def _base_requirements() -> list[str]:
    return list(_project()["project"]["dependencies"])


def _key(own: Sequence[str]) -> str:
    """What an environment depends on: all groups, because one may include another, and the Python that makes it."""
    project = _project()
    inputs = (sys.version, project["project"]["dependencies"], project["dependency-groups"], own)
    return hashlib.sha256(repr(inputs).encode()).hexdigest()


def _stamp(folder: Path) -> Path:
    return folder / ".made-from"


def _is_current(folder: Path, key: str) -> bool:
    stamp = _stamp(folder)
    return stamp.exists() and stamp.read_text() == key
