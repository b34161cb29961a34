"""Nodes whose children are being encoded, and the path that a stack of them spells."""

from collections.abc import Sequence
from itertools import chain

from mops.core.canonical.descriptions import describe
from mops.core.canonical.leaves import node

_LONGEST = 400


class Frame:
    """One node whose children are being encoded.

    Attributes:
        tag: the tag of the node.
        children: everything that it consists of.
        pending: the iterator over the children that are still to do.
        done: the encodings of the others.
        identity: the ``id`` of the value that the node stands for; 0 for what exists for the encoding alone.
    """

    __slots__ = ("children", "done", "identity", "pending", "tag")

    def __init__(self, tag: bytes, children: Sequence[object], identity: int) -> None:
        self.tag = tag
        self.children = children
        self.pending = iter(children)
        self.done: list[bytes] = []
        self.identity = identity

    def close(self) -> bytes:
        """Encode the node, all of whose children are done."""
        done = self.done
        if self.tag == b"d":
            done = [*chain.from_iterable(sorted(zip(done[::2], done[1::2], strict=True)))]
        elif self.tag in b"sz":
            done.sort()
        return node(self.tag, done)


def path_to_child(frames: Sequence[Frame]) -> str:
    """Spell the path from the outermost frame to the child that the innermost is at: ``.client._lock``."""
    path = "".join(_labels(frames))
    return path if len(path) <= _LONGEST else f"{path[: _LONGEST // 2]}...{path[-_LONGEST // 2 :]}"


def _labels(frames: Sequence[Frame]) -> list[str]:
    labels = []
    within_object = False  # then entries of a dict are attributes, and tuples are the reader's business no more
    for frame in frames:
        index = len(frame.done)
        if frame.tag in b"oxkvrCFgw":
            within_object = (frame.tag, index) not in {(b"x", 1), (b"r", 4), (b"r", 5)}
            continue
        if frame.tag == b"t" and within_object:
            continue
        labels.append(_label(frame, index, within_object=within_object))
        within_object = False
    return labels


def _label(frame: Frame, index: int, *, within_object: bool) -> str:
    if frame.tag == b"d":
        key = frame.children[index & ~1]
        if not index & 1:
            return f".keys()[{index >> 1}]"
        return f".{key}" if within_object and type(key) is str else f"[{describe(key)}]"
    if frame.tag == b"M":
        return (".__func__", ".__self__")[index]
    return "{...}" if frame.tag in b"sz" else f"[{index}]"
