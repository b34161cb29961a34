"""Values of the standard library whose pickled form is not the same in every Python, or hides what can be observed.

Instances count by whatever else they hold, too.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mops.core.canonical.instances import Layout
from mops.core.errors import UnkeyableArgumentError

if TYPE_CHECKING:  # a class is looked up by its name, so a program that has an Enum loads no Decimal
    import array
    import collections
    import datetime as dt
    import enum
    import zoneinfo

Structure = Callable[[Any], object]


def structure_for(cls: type) -> Structure | None:
    """Give the function that makes the structure of an instance of a class, if the class is one of these."""
    names = [f"{base.__module__}:{base.__qualname__}" for base in cls.__mro__]
    structure = next((_STRUCTURES[name] for name in names if name in _STRUCTURES), None)
    if structure is None or (names[0] in _STRUCTURES and not cls.__dictoffset__):
        return structure
    return _with_state(cls, structure)


def _with_state(cls: type, structure: Structure) -> Structure:
    state = Layout(cls).state

    def extended(value: Any) -> object:
        held = {name: _named(each, cls) for name, each in state(value).items() if not _is_of_enum(name)}
        return (structure(value), held) if held else structure(value)

    return extended


def _named(value: Any, cls: type) -> Any:
    """Name a member that another one of the same enumeration refers to, since both may refer to each other."""
    is_sibling = type(value) is cls and hasattr(cls, "__members__")
    return value.name if is_sibling else value


def _is_of_enum(name: str) -> bool:
    return name.startswith("_") and name.endswith("_")


def _member(member: "enum.Enum") -> object:
    value = member._value_
    return member._name_, None if type(value) is object else value  # a bare object() is but a way to say "a new member"


def _flag(flag: "enum.Flag") -> object:
    return flag._value_  # combinations are named differently by different Pythons


def _zone(zone: "zoneinfo.ZoneInfo") -> object:
    if zone.key is None:
        raise UnkeyableArgumentError("a ZoneInfo made from a file has no key", advice="use ZoneInfo(key)")
    return zone.key


def _time(value: "dt.time | dt.datetime") -> tuple[object, ...]:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds, value.microsecond, value.fold, value.tzinfo


def _array(value: "array.array[Any]") -> object:
    return value.typecode, value.itemsize, value.tobytes()


def _ordered_dict(value: "collections.OrderedDict[Any, Any]") -> object:
    return [[key, value[key]] for key in value]


_STRUCTURES: dict[str, Structure] = {
    "enum:Flag": _flag,
    "enum:Enum": _member,
    "datetime:datetime": lambda value: (value.toordinal(), *_time(value)),
    "datetime:date": lambda value: value.toordinal(),
    "datetime:time": _time,
    "datetime:timedelta": lambda value: (value.days, value.seconds, value.microseconds),
    "datetime:timezone": lambda value: (value.utcoffset(None), value.tzname(None)),
    "zoneinfo:ZoneInfo": _zone,
    "decimal:Decimal": lambda value: tuple(value.as_tuple()),
    "fractions:Fraction": lambda value: (value.numerator, value.denominator),
    "uuid:UUID": lambda value: (value.int, value.is_safe),
    "re:Pattern": lambda value: (value.pattern, value.flags),
    "array:array": _array,
    "collections:Counter": dict.copy,
    "collections:OrderedDict": _ordered_dict,
    "collections:defaultdict": lambda value: (value.default_factory, dict.copy(value)),
    "collections:deque": lambda value: (value.maxlen, list(value)),
}
