"""What classes, instances and functions hold, read without running a property or a ``__getattr__``."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial, partialmethod
from types import CellType, FunctionType, GenericAlias, MappingProxyType, MemberDescriptorType, MethodType, UnionType
from typing import Any

ATOMS = frozenset((bool, int, float, complex, str, bytes, type(None), type(...), type(NotImplemented)))
# Objects that are nothing but a way to call what they hold, and where they hold it.
TRANSPARENT: dict[type, tuple[str, ...]] = {
    MethodType: ("__func__", "__self__"),
    partial: ("func", "args", "keywords"),
    partialmethod: ("func", "args", "keywords"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    cached_property: ("func",),
}
UNSET = object()
CONTENTS = "cell_contents"
_MOST_WRAPPERS = 100  # around one function; more are a circle
_EMPTY = CellType()
_SEQUENCES: tuple[Any, ...] = (list, tuple, deque)
_CONTAINERS = (dict, list, tuple, deque, set, frozenset, MappingProxyType)

# What the machinery of classes leaves behind: derived from what counts anyway, or a place. Annotations count apart.
_DERIVED = frozenset(
    (
        "__abstractmethods__", "__annotations__", "__annotations_cache__",
        "__attrs_attrs__", "__attrs_own_setattr__", "__attrs_props__", "__classcell__", "__conditional_annotations__",
        "__dataclass_fields__", "__dataclass_params__", "__dict__", "__doc__", "__firstlineno__", "__module__",
        "__orig_bases__", "__parameters__", "__private_attributes__", "__pydantic_fields__", "__qualname__",
        "__signature__", "__slotnames__", "__static_attributes__", "__type_params__", "__weakref__", "_abc_impl",
        "model_fields",
    )
)  # fmt: skip
_FIELD_TABLES = (
    "__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__", "model_fields", "__private_attributes__",
)  # fmt: skip
_ACCESSORS = ("member_descriptor", "_tuplegetter")  # of slots and of named tuples
_FIELD_ANNOTATIONS = frozenset(("annotation", "inherited", "type"))


# attrs writes the seeded hash of a string into the code of `__hash__`; what it hashes is told by the fields.
_GENERATED = "<attrs generated hash>"


class Description(dict[str, object]):
    """What a dataclass, attrs or pydantic knows of one field, annotations apart. Made anew for each walk."""


def class_members(kind: type) -> Iterator[tuple[str, object]]:
    """Name and value of everything that the body of a class defines: methods, attributes, fields, enum members.

    Fields count with their defaults, factories, validators and metadata; annotations are not among it.
    """
    inside = vars(kind)
    members = inside.get("_member_map_")
    for name, value in list(inside.items()):
        if name in _DERIVED or name.startswith("__pydantic_") or type(value).__name__ in _ACCESSORS:
            continue
        if members is not None and (name in members or (_is_sunder(name) and type(value) is not FunctionType)):
            continue
        yield name, _GENERATED if name == "__hash__" and _is_from_attrs(value) else value
    if members is not None:
        yield from ((name, dict(instance_entries(member)).get("_value_")) for name, member in members.items())
    yield from _fields(inside)


def instance_entries(value: object) -> Iterator[tuple[str, object]]:
    """Name and value of what an instance holds, in its dictionary and in its slots."""
    yield from list(dict_of(value).items())
    yield from ((name, held) for name, held in slots_of(value) if held is not UNSET)


def slots_of(value: object) -> Iterator[tuple[str, object]]:
    """Name and value of each slot of an instance; `UNSET` for one that was never assigned."""
    for base in type(value).__mro__:
        if base.__module__ != "builtins":  # what these hold is reached by their meaning
            slots = [(name, member) for name, member in vars(base).items() if type(member) is MemberDescriptorType]
            yield from ((name, read_slot(member, value)) for name, member in slots)


def slot_of(kind: type, name: str) -> MemberDescriptorType | None:
    """The slot in which instances of a class hold an attribute, if that is all there is to reading it."""
    reads: object = kind.__getattribute__
    if reads is not object.__getattribute__ or hasattr(kind, "__getattr__"):
        return None
    base = next((base for base in kind.__mro__ if name in vars(base)), object)
    member = vars(base).get(name)
    return member if type(member) is MemberDescriptorType and base.__module__ != "builtins" else None


def read_slot(slot: MemberDescriptorType, value: object) -> object:
    """What an instance holds in a slot; `UNSET` where it was never assigned."""
    try:
        return slot.__get__(value)
    except AttributeError:
        return UNSET


def carried(function: FunctionType, name: str) -> Iterator[tuple[str, object]]:
    """What a function holds apart from its closure, by a name below `name`: defaults, and what it wraps."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    parameters = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    yield from ((f"{name}({parameter})", value) for parameter, value in zip(parameters, defaults, strict=True))
    yield from ((f"{name}({parameter})", value) for parameter, value in (function.__kwdefaults__ or {}).items())
    if "__wrapped__" in function.__dict__:
        yield f"{name}.__wrapped__", function.__dict__["__wrapped__"]


def cells_of(function: FunctionType) -> list[tuple[str, CellType]]:
    """The closure, by variable, without variables that are not assigned yet."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return [(variable, cell) for variable, cell in cells if cell != _EMPTY]  # compares no contents with an empty one


def functions_in(space: Mapping[str, Any]) -> Iterator[tuple[str, FunctionType]]:
    """The functions of a module or class by name, below decorators; of a property, the one that reads."""
    for name, value in list(space.items()):
        function, steps = value, 0
        while function is not None and type(function) is not FunctionType and steps < _MOST_WRAPPERS:
            places = next((TRANSPARENT[base] for base in type(function).__mro__ if base in TRANSPARENT), None)
            function = getattr(function, places[0]) if places else entry_of(function, "__wrapped__")
            steps += 1
        if type(function) is FunctionType:
            yield name, function


def entry_of(value: object, name: str) -> object:
    """What an instance holds under `name`, in its dictionary or in a slot; None where it holds nothing."""
    held = dict_of(value).get(name)
    if held is not None:
        return held
    for base in type(value).__mro__:
        member = vars(base).get(name)
        if type(member) is MemberDescriptorType:
            held = read_slot(member, value)
            return None if held is UNSET else held
    return None


def dict_of(value: object) -> Mapping[str, Any]:
    """The attributes that an object holds itself; empty where it has no plain dictionary of them."""
    try:
        held = value.__dict__
    except Exception:  # noqa: BLE001 - a proxy may raise whatever it likes
        return {}
    return held if type(held) is dict else {}


def _fields(inside: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for table in _FIELD_TABLES:
        fields = inside.get(table)
        if isinstance(fields, tuple):
            fields = {field.name: field for field in fields}
        if isinstance(fields, Mapping):
            yield from ((f"{name} (field)", _described(field)) for name, field in fields.items())


def _described(field: object) -> Description:
    return Description(
        (name, dict(value) if type(value) is MappingProxyType else value)
        for name, value in instance_entries(field)
        if name not in _FIELD_ANNOTATIONS and not name.startswith("_")
    )


def _is_from_attrs(value: object) -> bool:
    return isinstance(value, FunctionType) and value.__code__.co_filename.startswith("<attrs generated")


def _is_sunder(name: str) -> bool:
    return name.startswith("_") and name.endswith("_") and not name.startswith("__")


def is_code(value: object) -> bool:
    """Whether `value` is there to be called: a function, a class, or a wrapper around one."""
    kind = type(value)
    if kind is FunctionType or issubclass(kind, type) or not TRANSPARENT.keys().isdisjoint(kind.__mro__):
        return True
    return entry_of(value, "__wrapped__") is not None


def elements(value: Any) -> Iterable[object]:
    """What a container holds, in an order that does not depend on hashes; nothing for what is no container."""
    kind = type(value)
    if issubclass(kind, dict):
        return [*dict.keys(value), *dict.values(value)]
    for base in _SEQUENCES:
        if issubclass(kind, base):
            return list(base.__iter__(value))
    for base in (set, frozenset):
        if issubclass(kind, base):
            return sorted(base.__iter__(value), key=_label)
    if kind is MappingProxyType:
        return list(value.values())
    return (*value.__args__, getattr(value, "__origin__", None)) if is_type_expression(value) else ()


def is_container(value: object) -> bool:
    """Whether `value` is there to hold others."""
    return is_type_expression(value) or issubclass(type(value), _CONTAINERS)


def is_type_expression(value: object) -> bool:
    """Whether `value` is a type that is made of others: ``list[Model]``, ``Model | None``, ``Optional[Model]``."""
    kind = type(value)
    return issubclass(kind, (GenericAlias, UnionType)) or (kind.__module__ == "typing" and "__args__" in dict_of(value))


def _label(value: object) -> str:
    named = value if is_code(value) else type(value)
    return f"{getattr(named, '__module__', '')}:{getattr(named, '__qualname__', '')}"


def is_nothing(part: object) -> bool:
    """Whether one of the places in `TRANSPARENT` is empty."""
    return part is None or (type(part) in (tuple, dict) and not part)
