"""A code tree: the source files of some packages, as one blob that is a matter of their names and contents alone.

It is the blob of a shared object (``shared.py``): the names first, as JSON, then the contents in the order of their
names. Names are relative to an import root, joined by ``/``. When files were changed, who may read them, and where they
lay does not count: equal code is stored once, whoever packs it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mops.core.directory import is_relative
from mops.core.errors import CorruptBlob, FormatTooNew
from mops.core.shared import pack, unpack

FORMAT: Final = "mops code 1"
CODE_TREE: Final = "code tree"
"""What the claim of a call calls it, among the files."""
_INIT: Final = "/__init__.py"


def pack_tree(files: Mapping[str, bytes]) -> list[bytes | memoryview]:
    """The pieces of the blob that holds some files, by name. Contents are not copied."""
    names = sorted(files)
    header = json.dumps({"format": FORMAT, "names": names}, separators=(",", ":")).encode()
    return pack([header, *(files[name] for name in names)])


def unpack_tree(blob: bytes | memoryview) -> dict[str, memoryview]:
    """The files that a blob holds, by name, as views of it. Nobody has to trust it: no name leads out of a folder.

    Raises:
        CorruptBlob: it is no such blob.
        FormatTooNew: a later mops wrote it.
    """
    buffers = [memoryview(buffer) for buffer in unpack(blob)]
    try:
        header, *contents = buffers
        names = _names_in(json.loads(bytes(header)))
        files = dict(zip(names, contents, strict=True))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorruptBlob(f"a code tree cannot be read: {error}") from error
    if len(files) < len(contents) or not files.keys().isdisjoint(folders_of(files)):
        raise CorruptBlob("a code tree names something twice")
    return files


def _names_in(fields: dict[str, Any]) -> list[str]:
    stated, names = fields["format"], fields["names"]
    if stated != FORMAT and str(stated).startswith("mops code "):
        raise FormatTooNew(f"code is stored as {stated!r}, this mops knows {FORMAT!r}")
    if stated != FORMAT or not all(is_relative(name.encode("utf-8", "surrogateescape")) for name in names):
        raise ValueError("it names what is no file below it")
    return list(names)


def folders_of(names: Iterable[str]) -> set[str]:
    """All folders that some files lie in."""
    found: set[str] = set()
    for name in names:
        above = name.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return found


class Shipped(NamedTuple):
    """What can be imported from a code tree.

    Attributes:
        whole: packages and modules that come from there with all that is below them, and from nowhere else.
        namespaces: packages that are no more than a folder: others may have further parts of them.
    """

    whole: frozenset[str]
    namespaces: frozenset[str]

    def has(self, module: str) -> bool:
        """Whether a module comes from there, or from nowhere."""
        while module:
            if module in self.whole:
                return True
            module = module.rpartition(".")[0]
        return False


def shipped_in(names: Iterable[str]) -> Shipped:
    """What can be imported, given the names of the files."""
    files = list(names)
    packages = {name.removesuffix(_INIT) for name in files if name.endswith(_INIT)}
    whole, namespaces = set(), set()
    for name in files:
        if not name.endswith(".py"):
            continue
        above = name.split("/")[:-1]
        folders = ["/".join(above[: end + 1]) for end in range(len(above))]
        package = next((folder for folder in folders if folder in packages), None)
        whole.add(package or name.removesuffix(".py"))
        namespaces.update(folders[: folders.index(package) if package else None])
    return Shipped(_modules(whole), _modules(namespaces))


def _modules(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path.replace("/", ".") for path in paths)


def differing_versions(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """A table of the distributions that are not the same on both sides; empty where all are.

    Args:
        theirs: of the orchestrator: those that count, by name.
        ours: of the remote.
    """
    rows = [(name, version, ours.get(name, "none")) for name, version in sorted(theirs.items())]
    differing = [row for row in rows if row[1] != row[2]]
    if not differing:
        return ""
    table = [("distribution", "orchestrator", "remote"), *differing]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
    return "what is installed differs:\n" + "\n".join(f"  {line}" for line in lines)
