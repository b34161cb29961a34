"""Columns: the fast encoding of long sequences.

Which form applies depends on the value alone, never on how its parts are shared. A column is the one child of ``L`` or
``T`` and stands for 8 or more elements in order:

    p     scalars of one exact type: letter of the type, then the data (``core/canonical/leaves.py``)
    m     elements of several exact types: packed numbers of the types, by first appearance; a list for each type
    q Q   lists, tuples, of 16 elements or less on average: packed lengths; list of all elements; within another column
          only where all elements are scalars
    R     dicts with the same keys: list of the sorted keys; for each, a list of its values
    G     dicts with different keys: packed sizes; list of all keys, row by row and sorted there; list of their values
    X     instances of one subclass of tuple, without state, of 16 elements or less on average: class; list of tuples
    O     instances of one class: class; list of their states, as dicts
    P     instances of one class, slotted and complete: class; list of the slots' names; for each, a list of its values

Keys of such dicts are all exact ``str`` or all exact ``int``. The lists within a column are encoded like any list, by
columns of their own; but as columns see through sharing, they nest three deep at most, and dicts have at most 64
entries on average: what lies deeper is encoded object by object, each object once.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from mops.core.canonical.leaves import SCALARS, packed

SHORTEST = 8
"""Elements of the shortest column."""

DEEPEST = 3
"""Columns around the deepest list that may still be encoded by columns."""

_MEAN_ENTRIES = 64  # of dicts
MEAN_ELEMENTS = 16
"""Elements of the lists or tuples that stand in a column of all their elements, on average."""

Expansion: TypeAlias = tuple[bytes, Sequence[object]]
"""Tag and children of a node that is not encoded yet."""


class Column(NamedTuple):
    """A list that exists for the encoding alone.

    Attributes:
        items: the elements.
        level: columns around it.
    """

    items: Sequence[Any]
    level: int


class Part(NamedTuple):
    """A node that exists for the encoding alone."""

    tag: bytes
    children: Sequence[object]


def sorted_alike(items: Iterable[Any]) -> list[Any] | None:
    """Sort members or keys that are all exact ``str``, all exact ``int`` or all exact ``bytes``; else give ``None``."""
    kinds = set(map(type, items))
    return sorted(items) if len(kinds) == 1 and kinds <= {str, int, bytes} else None


def column_of(items: Sequence[Any], level: int) -> object | None:
    """Give the column that stands for 8 or more elements.

    Returns:
        A child for a node; ``None`` where none of the forms applies, which leaves instances of one class to the caller.
    """
    kinds = dict.fromkeys(map(type, items))
    if len(kinds) == 1:
        (kind,) = kinds
        if kind in SCALARS:
            return packed(kind, items)
        if kind is list or kind is tuple:
            return _flat(kind, items, level)
        return _records(items, level + 1) if kind is dict and level < DEEPEST else None
    return _mixed(items, kinds, level) if level < DEEPEST or kinds.keys() <= SCALARS else None


def _mixed(items: Sequence[Any], kinds: Iterable[type], level: int) -> Part:
    buckets: dict[type, list[Any]] = {kind: [] for kind in kinds}
    for item in items:
        buckets[type(item)].append(item)
    numbers = {kind: number for number, kind in enumerate(buckets)}
    codes = packed(int, [numbers[kind] for kind in map(type, items)])
    return Part(b"m", [codes, *(Column(bucket, level) for bucket in buckets.values())])


def _flat(kind: type, items: Sequence[Sequence[Any]], level: int) -> Part | None:
    lengths = list(map(len, items))
    if sum(lengths) > MEAN_ELEMENTS * len(items):
        return None
    if level > 0 and not all(type(item) in SCALARS for item in chain.from_iterable(items)):
        return None
    flat = list(chain.from_iterable(items))
    return Part(b"q" if kind is list else b"Q", (packed(int, lengths), Column(flat, level + 1)))


def _records(rows: Sequence[dict[Any, Any]], level: int) -> Part | None:
    sizes = list(map(len, rows))
    if sum(sizes) > _MEAN_ENTRIES * len(rows):
        return None
    kinds = set(map(type, chain.from_iterable(rows)))
    if len(kinds) != 1 or not kinds <= {str, int}:
        return None
    if len(set(sizes)) > 1:
        return _ragged(rows, level)
    names = sorted(rows[0])
    try:
        columns = [Column(list(map(itemgetter(name), rows)), level) for name in names]
    except KeyError:
        return _ragged(rows, level)
    return Part(b"R", [Column(names, level), *columns])


def _ragged(rows: Sequence[dict[Any, Any]], level: int) -> Part:
    sizes = packed(int, list(map(len, rows)))
    keys = list(map(sorted, rows))
    values = [row[key] for row, names in zip(rows, keys, strict=True) for key in names]
    return Part(b"G", (sizes, Column(list(chain.from_iterable(keys)), level), Column(values, level)))
