"""Values whose keys are frozen for ever. Run as a script it prints the key of each, as JSON."""

import array
import atexit
import collections
import datetime as dt
import decimal
import enum
import fractions
import json
import pathlib
import re
import shutil
import struct
import tempfile
import uuid
import zoneinfo
from dataclasses import dataclass
from typing import NamedTuple

import attrs

from mops.api.functions.key_registry import registry
from mops.core.canonical import Encoder
from mops.core.invocation import FunctionReference, compile_binder
from mops.core.memo_key import ArgumentKeyer


class Color(enum.Enum):
    RED = "red"
    NONE = object()


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Data:
    x: int
    y: str = "y"


@dataclass(slots=True)
class Slotted:
    x: int
    y: str = "y"


@attrs.frozen
class Attrs:
    x: int
    y: str = "y"


class Plain:
    def __init__(self, x):
        self.x = x


class Reduced:
    def __reduce__(self):
        return Plain, (1,), {"s": 1}, iter([2]), iter([(3, 4)])


class Keyed:
    def __mops_key__(self):
        return ("keyed", 1)


class Text(str):
    __slots__ = ()


class Mapping(dict):
    pass


def function(a, b=2, *rest, c=3, **options):
    return a, b, rest, c, options


for definition in (Color, Access, Level, Point, Data, Slotted, Attrs, Plain, Reduced, Keyed, Text, Mapping, function):
    definition.__module__ = "golden"  # wherever the tests live

NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0001))[0]
MIXED = [1, 1.0, True, "1", b"1", None, (1,), [1], {"a": 1}, {1}]


def made_files():
    """A folder with a file, and a directory of small and large ones."""
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    (folder / "file.txt").write_bytes(b"content")
    for name, size in {"a/empty.txt": 0, "a/large": 1 << 20, "ü": 100, "run": 5}.items():
        path = folder / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([7]) * size)
    (folder / "folder" / "run").chmod(0o755)
    (folder / "folder" / "no files").mkdir()
    for number in range(80):  # more than one pack
        (folder / "folder" / str(number)).write_bytes(bytes([number]) * 100_000)
    return folder


FOLDER = made_files()
VALUES = {
    "none": None,
    "true": True,
    "false": False,
    "ellipsis": ...,
    "not implemented": NotImplemented,
    "zero": 0,
    "one": 1,
    "minus one": -1,
    "2**63-1": 2**63 - 1,
    "2**63": 2**63,
    "-2**63": -(2**63),
    "-2**63-1": -(2**63) - 1,
    "2**600": 2**600,
    "0.0": 0.0,
    "-0.0": -0.0,
    "1.5": 1.5,
    "infinity": float("inf"),
    "nan": float("nan"),
    "other nan": NAN,
    "complex": complex(1.5, -0.0),
    "empty str": "",
    "str": "grüße 𐐷",
    "lone surrogate": "\ud800",
    "str of 63 bytes": "x" * 63,
    "str of 64 bytes": "x" * 64,
    "str of 100,000": "x" * 100_000,
    "bytes": b"\x00\xff",
    "bytes of 10 MiB": bytes(10 << 20),
    "bytearray": bytearray(b"\x00\xff"),
    "empty list": [],
    "list": [1, "a", [2.0]],
    "list of 7": list(range(7)),
    "list of 8": list(range(8)),
    "list of 8 floats": [index / 2 for index in range(8)],
    "list of 8 bools": [True, False] * 4,
    "list of 8 strs": [f"s{index}" for index in range(8)],
    "list of 8 bytes": [b"%d" % index for index in range(8)],
    "list of 8 nones": [None] * 8,
    "list of wide ints": [2**64 + index for index in range(8)],
    "empty tuple": (),
    "tuple": (1, "a"),
    "tuple of 8": tuple(range(8)),
    "mixed": MIXED,
    "mixed tuple": tuple(MIXED),
    "pairs": [(index, str(index)) for index in range(10)],
    "lists": [[index] * index for index in range(10)],
    "long lists": [list(range(20)) for _ in range(8)],
    "empty dict": {},
    "dict": {"b": 1, "a": [2]},
    "dict of mixed keys": {1: "a", "b": 2, (3,): None, None: 4},
    "dict of 8": {f"k{index}": index for index in range(8)},
    "dict of 8 ints": {index: str(index) for index in range(8)},
    "rows": [{"a": index, "b": str(index)} for index in range(8)],
    "ragged rows": [{"a": index} if index % 2 else {"b": index, "a": None} for index in range(9)],
    "rows by int": [{0: index, 1: [index]} for index in range(8)],
    "nested rows": [{"a": {"b": {"c": {"d": {"e": index}}}}} for index in range(8)],
    "dict of rows": {f"k{index}": {"a": index} for index in range(9)},
    "set": {"a", 1, (2,)},
    "set of 8": {f"m{index}" for index in range(8)},
    "frozenset": frozenset({"a", 1}),
    "frozenset of 9": frozenset(range(9)),
    "depth": [[[[[[[[[[1]]]]]]]]]],
    "class": Plain,
    "int type": int,
    "function": function,
    "builtin": len,
    "bound method": "a".upper,
    "namedtuple": Point(1, 2),
    "dataclass": Data(1),
    "slotted": Slotted(1),
    "attrs": Attrs(1),
    "plain": Plain([1]),
    "namedtuples": [Point(index, 1) for index in range(8)],
    "dataclasses": [Data(index) for index in range(8)],
    "slotted ones": [Slotted(index) for index in range(8)],
    "reduced": Reduced(),
    "registered": Keyed(),
    "str subclass": Text("a"),
    "dict subclass": Mapping(b=1, a=2),
    "enum": Color.RED,
    "enum of object": Color.NONE,
    "flag": Access.READ | Access.WRITE,
    "int enum": Level.LOW,
    "counter": collections.Counter("abca"),
    "ordered dict": collections.OrderedDict(b=1, a=2),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "deque": collections.deque([1, 2], 5),
    "decimal": decimal.Decimal("1.00"),
    "fraction": fractions.Fraction(1, 3),
    "date": dt.date(2020, 2, 29),
    "datetime": dt.datetime(2020, 2, 29, 12, 30, 1, 5, fold=1),  # noqa: DTZ001 (a naive one is a value, too)
    "aware datetime": dt.datetime(2020, 2, 29, tzinfo=dt.UTC),
    "zoned datetime": dt.datetime(2020, 2, 29, tzinfo=zoneinfo.ZoneInfo("Europe/Zurich")),
    "time": dt.time(1, 2, 3),
    "timedelta": dt.timedelta(days=-1, microseconds=1),
    "uuid": uuid.UUID(int=5),
    "pattern": re.compile("a+", re.IGNORECASE),
    "array": array.array("d", [1.0, 2.0]),
    "file": FOLDER / "file.txt",
    "directory": FOLDER / "folder",
    "pure path": pathlib.PurePosixPath("a/b"),
    "range": range(1, 10, 2),
    "slice": slice(1, None, 2),
}


def digests():
    """The key of each value, and of a few calls, in hex."""
    hooks = registry.hooks()
    found = {name: Encoder(hooks).encode(value, name).hex() for name, value in VALUES.items()}
    binder = compile_binder(function)
    for logic_key in (None, "1"):
        keyer = ArgumentKeyer(FunctionReference("golden", "function"), logic_key, binder, hooks)
        found[f"call, logic key {logic_key}"] = keyer.digest(binder.bind(1, 2, 3, c=[4], x=5))[0].hex()
        found[f"call by value, logic key {logic_key}"] = keyer.digest(binder.bind(1), {"n": 1})[0].hex()
    single = compile_binder(lambda x: x)
    keyer = ArgumentKeyer(FunctionReference("golden", "single"), None, single, hooks)
    found |= {"single int": keyer.digest((1,))[0].hex(), "single list": keyer.digest(([1],))[0].hex()}
    return found


if __name__ == "__main__":
    print(json.dumps(digests(), indent=0))
