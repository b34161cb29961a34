"""What the state of an instance consists of, by its class."""

import copyreg
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any

from mops.core.canonical.columns import MEAN_ELEMENTS, Part
from mops.core.errors import UnkeyableArgumentError

_HASH_OF_ATTRS = "_attrs_cached_hash"
_POINTER = 8
_everything = slice(None)

_CONTENT: Mapping[type | None, Callable[[Any], object]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, _everything),
    bytearray: lambda value: bytearray.__getitem__(value, _everything),
    tuple: lambda value: tuple.__getitem__(value, _everything),
    list: lambda value: list.__getitem__(value, _everything),
    dict: lambda value: Part(b"d", [*chain.from_iterable(dict.items(value))]),
    set: lambda value: Part(b"s", [*set.__iter__(value)]),
    frozenset: lambda value: Part(b"z", [*frozenset.__iter__(value)]),
}
"""What a subclass has of its built-in base, taken without a call of its own methods, and of ``==`` or ``hash``."""


class Layout:
    """The instances of one class. Immutable, and holds no reference to the class.

    The state is every slot, every declared field of attrs and dataclasses, and the instance's ``__dict__``, values that
    a ``functools.cached_property`` left there included; not in it is the hash that attrs caches.

    Args:
        cls: the class.
        cached_properties: whether what a ``functools.cached_property`` left behind is part of the state.

    Attributes:
        declares_fields: it is a dataclass or a class of attrs.
        has_content: it has a built-in base.
        content: takes the content of a value as its built-in base has it.
        is_hidden: another base, one that is written in C, has state that neither slots nor ``__dict__`` show.
        is_explicit: state and content are all there is to an instance: it declares fields, or is pickled by default.
    """

    __slots__ = (
        "_has_dict",
        "_ignored",
        "_is_read_plainly",
        "_is_tuple",
        "_names",
        "content",
        "declares_fields",
        "has_content",
        "is_explicit",
        "is_hidden",
    )

    def __init__(self, cls: type, *, cached_properties: bool = True) -> None:
        base = next((base for base in cls.__mro__ if base in _CONTENT), None)
        self.has_content = base is not None
        self.content = _CONTENT.get(base, lambda _: None)
        self._is_tuple = base is tuple
        self._ignored = frozenset({_HASH_OF_ATTRS} if cached_properties else {_HASH_OF_ATTRS, *_cached(cls)})
        names = chain.from_iterable(map(_declared, reversed(cls.__mro__)))
        self._names = tuple(dict.fromkeys(name for name in names if name not in self._ignored))
        self._has_dict = cls.__dictoffset__ != 0
        self.is_hidden = base is None and cls.__basicsize__ > _visible_size(cls)
        reads: object = cls.__getattribute__
        self._is_read_plainly = reads is object.__getattribute__ and not hasattr(cls, "__getattr__")
        self.declares_fields = hasattr(cls, "__attrs_attrs__") or hasattr(cls, "__dataclass_fields__")
        self.is_explicit = self.declares_fields or not _pickles_its_own_way(cls, base)

    def state(self, value: object) -> dict[str, object]:
        """Give the state of one instance, by name. It may be the very ``__dict__`` of the instance."""
        own: dict[str, object] = object.__getattribute__(value, "__dict__") if self._has_dict else {}
        if not self._names and self._ignored.isdisjoint(own):
            return own
        state = {**dict(self._slots_of(value)), **own}
        return {name: state[name] for name in state if name not in self._ignored}

    def states(self, rows: Sequence[object]) -> list[dict[str, object]]:
        """Give the states of many instances."""
        if self._has_dict and self._is_read_plainly:
            own: list[dict[str, object]] = list(map(attrgetter("__dict__"), rows))
            if all(map(frozenset(self._names).issubset, own)) and all(map(self._ignored.isdisjoint, own)):
                return own
        return list(map(self.state, rows))

    def contents(self, rows: Sequence[Any]) -> list[tuple[object, ...]] | None:
        """Give short tuples that are the whole of every row, or ``None``."""
        if not self._is_tuple or self._has_dict or self._names:
            return None
        if sum(map(tuple.__len__, rows)) > MEAN_ELEMENTS * len(rows):
            return None
        return [tuple.__getitem__(row, _everything) for row in rows]

    def slots(self, rows: Sequence[object]) -> tuple[Sequence[str], list[list[object]]] | None:
        """Give the names of the slots and their values; ``None`` where that is not the whole state of every row."""
        if self._has_dict or not self._names or not self._is_read_plainly:
            return None
        try:
            return self._names, [list(map(attrgetter(name), rows)) for name in self._names]
        except AttributeError:
            return None

    def _slots_of(self, value: object) -> Iterator[tuple[str, object]]:
        for name in self._names:
            try:
                yield name, object.__getattribute__(value, name)
            except AttributeError:  # declared, but not set
                continue


def reduction(value: object) -> str | tuple[Any, ...]:
    """Ask a value what pickle would store of it.

    Returns:
        The name of a global, or constructor, arguments, state, list items, dict items, as ``__reduce_ex__(4)`` has
        them.

    Raises:
        UnkeyableArgumentError: it cannot be pickled, has no state but its identity, or is consumed by looking at it.
    """
    cls = type(value)
    if cls is object:
        raise UnkeyableArgumentError("object() is nothing but its identity", advice="use a member of an Enum, or None")
    if hasattr(cls, "__next__") and _says_nothing_of_its_state(cls):
        raise UnkeyableArgumentError(f"an iterator ({cls.__qualname__}) is used up by reading it", advice="pass a list")
    reducer = copyreg.dispatch_table.get(cls)
    try:
        reduced: str | tuple[Any, ...] = value.__reduce_ex__(4) if reducer is None else reducer(value)
    except Exception as error:
        raise UnkeyableArgumentError(
            f"{cls.__module__}.{cls.__qualname__} has no meaning as a value: {error}"
        ) from error
    if isinstance(reduced, str) and "<" in reduced:
        raise UnkeyableArgumentError(f"{cls.__module__}.{cls.__qualname__} {reduced} cannot be imported")
    return reduced


def chain_of(value: object) -> tuple[object, ...]:
    """Give what pickle drops of an exception: cause, context, whether that is suppressed, attributes of its C base."""
    if not isinstance(value, BaseException):
        return ()
    spaces = (base.__dict__ for base in type(value).__mro__ if base.__module__ == "builtins")
    held = {name: space[name].__get__(value) for space in spaces for name in _slots(space) if not name.startswith("__")}
    held = {name: each for name, each in held.items() if each is not None}
    links = value.__cause__, value.__context__
    return (*links, value.__suppress_context__, held) if held or any(each is not None for each in links) else ()


def _says_nothing_of_its_state(cls: type) -> bool:
    states: object = cls.__getstate__
    return states is object.__getstate__


def is_plain(value: object) -> bool:
    """Whether pickle, by default, sees the state of a value and nothing else: no lock, file or the like of a C library.

    Raises:
        UnkeyableArgumentError: as ``reduction``.
    """
    reduced = reduction(value)
    return reduced[0] is copyreg.__newobj__ and len(reduced[1]) == 1  # type: ignore[attr-defined]


def _declared(cls: type) -> Iterator[str]:
    namespace = cls.__dict__
    if "__attrs_attrs__" in namespace:
        yield from (field.name for field in namespace["__attrs_attrs__"])
    if "__dataclass_fields__" in namespace:
        from dataclasses import fields  # 10 ms; here it is loaded already

        yield from (field.name for field in fields(cls))
    if "__slots__" in namespace:
        yield from _slots(namespace)


def _cached(cls: type) -> Iterator[str]:
    """Give the names of cached properties, those of attrs included, which turns them into slots that are no fields."""
    for base in cls.__mro__:
        yield from (name for name, member in base.__dict__.items() if type(member).__name__ == "cached_property")
        if "__attrs_attrs__" in base.__dict__:
            fields = {field.name for field in base.__dict__["__attrs_attrs__"]}
            yield from (name for name in _slots(base.__dict__) if name not in fields)


def _slots(namespace: Mapping[str, Any]) -> Iterator[str]:
    return (name for name, member in namespace.items() if type(member) is MemberDescriptorType)


def _visible_size(cls: type) -> int:
    """Give the bytes of an instance whose state is in its slots and its ``__dict__``: what pickle asks by default."""
    namespaces = [base.__dict__ for base in cls.__mro__ if "__slots__" in base.__dict__]
    slots = sum(1 for _ in chain.from_iterable(map(_slots, namespaces)))
    return object.__basicsize__ + _POINTER * (slots + (cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0))


def _pickles_its_own_way(cls: type, base: type | None) -> bool:
    if cls in copyreg.dispatch_table:
        return True
    if base is None and (hasattr(cls, "__getnewargs__") or hasattr(cls, "__getnewargs_ex__")):
        return True
    hooks = ("__reduce_ex__", "__reduce__", "__getstate__")
    return any(getattr(cls, hook) is not getattr(base or object, hook) for hook in hooks)
