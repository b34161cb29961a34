"""Images made from folders of this machine, as an archive that ``docker load`` takes: nothing is pulled."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import mops

IMAGE = "mops-test:latest"
PYTHON = "/usr/local/bin/python"
SITE = "usr/local/lib/python3.11/dist-packages"


def write_image(archive: Path, base: Path) -> Path:
    """An image with Python, what mops needs, and the mops that this process imports.

    Args:
        archive: the file to write.
        base: a folder with the layers of what changes rarely, each a ``*.tar``.
    """
    layers = sorted(base.glob("*.tar"))
    if not layers:
        raise RuntimeError(f"{base} is empty: make test fills it")
    top = archive.with_suffix(".layer")
    write_layer(top, {SITE + "/mops": Path(mops.__file__).parent})
    return write_archive(archive, IMAGE, [*layers, top])


def write_layer(layer: Path, folders: Mapping[str, Path]) -> None:
    """One layer: folders of this machine by their place in the image, owned by root."""
    with tarfile.open(layer, "w") as tar:
        for place, folder in folders.items():
            tar.add(folder, place, filter=_as_in_an_image)


def write_archive(archive: Path, name: str, layers: Sequence[Path]) -> Path:
    """An image of layers, the lowest first."""
    digests = [_digest(layer) for layer in layers]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Entrypoint": ["/bin/false"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        }
    ).encode()
    names = [f"{digest}/layer.tar" for digest in digests]
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": names}]).encode()
    with tarfile.open(archive, "w") as tar:
        for path, layer in zip(names, layers, strict=True):
            tar.add(layer, path)
        for path, data in ((config_name, config), ("manifest.json", manifest)):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive


def _as_in_an_image(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if os.path.basename(member.name) == "__pycache__":
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
