"""Directories as they are stored: a manifest of files, and packs of the small ones.

Small files lie together in packs of some MiB, one behind the other in the order of their names, so that ten thousand of
them are a handful of blobs; a large one is a blob of its own, under its own digest. Where a pack ends depends on names,
so that a change of one file changes few packs.

Equal directories have equal manifests, and others have others: the digest of its manifest is what a directory is keyed
by. Names, contents and executable bits count, and folders with nothing in them.

The manifest is JSON. Names are relative, joined by ``/``, and any bytes but NUL; what is no UTF-8 stands there as lone
surrogates, as in ``os.fsdecode``. Folders are listed where nothing is in them; all others follow from the names. Where
a small file lies follows from the sizes.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Never

from blake3 import blake3

from mops.core.errors import CorruptBlob, FormatTooNew

FORMAT: Final = "mops directory 1"
ALONE_FROM: Final = 1 << 20
"""Bytes from which a file is a blob of its own."""
LARGEST_PACK: Final = 8 << 20
"""Bytes that no pack exceeds."""

_PACK_FROM: Final = 2 << 20
_DIGEST: Final = 32
_ENDS: Final = 32  # of 256: the share of the files that end a pack that is large enough
_COMPONENT: Final = rb"(?!\.\.?(?:/|\Z))[^/\0]+"
is_relative: Final = re.compile(rb"%b(?:/%b)*" % (_COMPONENT, _COMPONENT)).fullmatch
"""Whether a name leads to something below the folder that it is relative to."""


class StoredEntry(NamedTuple):
    """One file of a directory.

    Attributes:
        name: relative to the directory.
        size: bytes.
        executable: its owner may run it.
        digest: of its content, if that is a blob of its own; else empty.
    """

    name: bytes
    size: int
    executable: bool
    digest: bytes = b""


class Pack(NamedTuple):
    """A blob of small files.

    Attributes:
        digest: of its content.
        files: how many files are in it. Those without content are in none.
    """

    digest: bytes
    files: int


class Manifest(NamedTuple):
    """A directory.

    Attributes:
        files: sorted by name.
        folders: sorted names of the empty ones.
        packs: of the small files, in the order of their names.
    """

    files: Sequence[StoredEntry]
    folders: Sequence[bytes]
    packs: Sequence[Pack]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    def all_folders(self) -> list[bytes]:
        """The names of all folders, each behind the one that it is in."""
        found = set(self.folders)
        for name in (*self.folders, *(file.name for file in self.files)):
            above = name.rpartition(b"/")[0]
            while above and above not in found:
                found.add(above)
                above = above.rpartition(b"/")[0]
        return sorted(found)


def ends_pack(size: int, name: bytes) -> bool:
    """Whether a pack that has grown to a size ends with the file of that name."""
    return size > LARGEST_PACK - ALONE_FROM or (size >= _PACK_FROM and blake3(name).digest()[0] < _ENDS)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as it is stored."""
    import json  # not for a program without directories

    files = manifest.files
    content = {
        "format": FORMAT,
        "names": [_text(file.name) for file in files],
        "sizes": [file.size for file in files],
        "executables": [index for index, file in enumerate(files) if file.executable],
        "digests": [file.digest.hex() for file in files if file.size >= ALONE_FROM],
        "folders": [_text(name) for name in manifest.folders],
        "packs": [[pack.digest.hex(), pack.files] for pack in manifest.packs],
    }
    return json.dumps(content, separators=(",", ":")).encode()


def decode_manifest(content: bytes | memoryview) -> Manifest:
    """Read a manifest, which nobody has to trust: no name in it leads out of the directory.

    Raises:
        CorruptBlob: it is none.
        FormatTooNew: a later mops wrote it.
    """
    import json

    try:
        fields = json.loads(bytes(content))
        stated = fields["format"]
        if stated != FORMAT:
            _refuse(stated)
        manifest = Manifest(_files(fields), [_name(name) for name in fields["folders"]], _packs(fields["packs"]))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise CorruptBlob(f"the manifest of a directory cannot be read: {error}") from error
    _check(manifest)
    return manifest


def _refuse(stated: object) -> Never:
    if str(stated).startswith("mops directory "):
        raise FormatTooNew(f"a directory is stored as {stated!r}, this mops knows {FORMAT!r}")
    raise ValueError(f"{stated!r} is no format of it")


def _files(fields: dict[str, Any]) -> list[StoredEntry]:
    executables = frozenset(fields["executables"])
    files = [
        StoredEntry(_name(name), _count(size), index in executables)
        for index, (name, size) in enumerate(zip(fields["names"], fields["sizes"], strict=True))
    ]
    alone = [index for index, file in enumerate(files) if file.size >= ALONE_FROM]
    for index, digest in zip(alone, fields["digests"], strict=True):
        files[index] = files[index]._replace(digest=_digest(digest))
    return files


def _packs(fields: list[Any]) -> list[Pack]:
    return [Pack(_digest(digest), _count(files)) for digest, files in fields]


def _digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if len(digest) != _DIGEST:
        raise ValueError(f"{text!r} is no digest")
    return digest


def _check(manifest: Manifest) -> None:
    names = [file.name for file in manifest.files]
    if len(set(names)) < len(names) or not set(names).isdisjoint(manifest.all_folders()):
        raise CorruptBlob("the manifest of a directory names something twice")
    if sum(pack.files for pack in manifest.packs) != sum(0 < file.size < ALONE_FROM for file in manifest.files):
        raise CorruptBlob("the manifest of a directory has more or fewer small files than its packs")


def _count(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"{number!r} is no size")
    return number


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _name(text: str) -> bytes:
    name = text.encode("utf-8", "surrogateescape")
    if not is_relative(name):
        raise ValueError(f"{text!r} does not stay in the directory")
    return name
