"""A fresh ext4 with a journal, in a file: creating files on one without a journal slows down after mass deletion."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 24 * 2**30  # sparse: only what is written takes space


@contextmanager
def journalled(folder: Path) -> Iterator[tuple[Path, str]]:
    """Mount one under the folder; give its mount point and a description of what was really measured on."""
    image, mount_point = folder / "disk.img", folder / "disk"
    mount_point.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(SIZE)
    try:
        _run("mkfs.ext4", "-q", "-F", image)
        # Direct I/O: without it each page would be cached twice, and the second cache throttles the writers.
        device = _run("losetup", "--find", "--show", "--direct-io=on", image).strip()
        _run("mount", device, mount_point)
    except (OSError, subprocess.CalledProcessError) as error:
        image.unlink()
        print(f"no file system of its own: {error}")
        yield mount_point, "the file system of the checkout, which may have no journal"
        return
    try:
        features = _run("dumpe2fs", "-h", image)
        assert "has_journal" in features, "the new file system has no journal"
        yield mount_point, f"ext4 with a journal on a loop device ({_mounted(mount_point)})"
    finally:
        _run("umount", "--lazy", mount_point)
        _run("losetup", "--detach", device)
        image.unlink()


def _run(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def _mounted(mount_point: Path) -> str:
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next(f"{kind}, {options}" for _, where, kind, options, *_ in lines if where == str(mount_point.resolve()))
